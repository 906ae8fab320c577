package streamtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"passbook/shared/backoff"
	"passbook/shared/stream"
)

// Harness is an adapter under test, and what its store can do beyond the port.
type Harness struct {
	// First and Second are two handles on one store, as two processes have them.
	First, Second stream.Stream
	// Create creates a stream and returns when it can be used. Delete removes it and returns when
	// it is gone.
	Create func(ctx context.Context, name string, shards int) error
	Delete func(ctx context.Context, name string) error
	// Split and Merge may return before the change is visible. They may be nil.
	Split func(ctx context.Context, name, shard string) error
	Merge func(ctx context.Context, name, a, b string) error
	// Trim removes the records of a shard before a sequence number. It may be nil.
	Trim func(ctx context.Context, name, shard, before string) error
	// Advance moves the store's clock. It may be nil.
	Advance func(time.Duration)
}

// deadline bounds a subtest: an emulator on a busy machine takes seconds for a MiB.
const deadline = 5 * time.Minute

// clause is a sentence of the port's documentation and the test that checks it.
type clause struct {
	name, sentence string
	// can reports whether the harness can run the test; nil is always.
	can  func(Harness) bool
	test func(*suite)
}

// Run checks that an adapter keeps the contract, and returns the names of the subtests that the
// harness cannot run.
func Run(t *testing.T, open func(testing.TB) Harness) (leftOut []string) {
	return run(t, open(t), clauses())
}

func run(t *testing.T, h Harness, clauses []clause) (leftOut []string) {
	for _, c := range clauses {
		if c.can != nil && !c.can(h) {
			t.Logf("left out: %s", c.name)
			leftOut = append(leftOut, c.name)
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), deadline)
			defer cancel()
			c.test(&suite{T: t, Harness: h, ctx: ctx, name: "suite-" + rand.Text()})
		})
	}
	return leftOut
}

func clauses() []clause {
	return slices.Concat(putClauses, readClauses, shardClauses, trimClauses)
}

// suite is one running subtest, with one stream.
type suite struct {
	*testing.T
	Harness
	ctx  context.Context
	name string
}

// create creates the stream of the test.
func (s *suite) create(shards int) {
	s.Helper()
	s.must(s.Create(s.ctx, s.name, shards))
	s.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := s.Delete(ctx, s.name); err != nil && !errors.Is(err, stream.ErrNotFound) {
			s.Errorf("delete stream: %v", err)
		}
	})
}

// pause waits before a call is repeated, a little longer each time.
func pause(ctx context.Context, attempt int) error {
	return backoff.Sleep(ctx, min(time.Millisecond<<min(attempt, 10), 500*time.Millisecond))
}

// pauseAfter waits before a failed call is repeated, at least as long as the call took: a slow
// store must not be kept busy with calls whose callers have given up.
func pauseAfter(ctx context.Context, began time.Time, attempt int) error {
	if err := backoff.Sleep(ctx, time.Since(began)); err != nil {
		return err
	}
	return pause(ctx, attempt)
}

// send puts records until each was put at least once, and returns the result of the last copy of
// each. It puts one record after the other, so that those of a key keep their order.
func (s *suite) send(records ...stream.Record) ([]stream.PutResult, error) {
	out := make([]stream.PutResult, len(records))
	for i, r := range records {
		for attempt := 0; ; attempt++ {
			began := time.Now()
			results, err := s.First.Put(s.ctx, s.name, []stream.Record{r})
			if err == nil && len(results) != 1 {
				return nil, fmt.Errorf("put of 1 record has %d results", len(results))
			}
			if err == nil && results[0].Err == nil {
				out[i] = results[0]
				break
			}
			if errors.Is(err, stream.ErrInvalid) || errors.Is(err, stream.ErrNotFound) {
				return nil, err
			}
			if err := pauseAfter(s.ctx, began, attempt); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

func (s *suite) mustSend(records ...stream.Record) []stream.PutResult {
	s.Helper()
	out, err := s.send(records...)
	s.must(err)
	return out
}

// numbered returns n records of one key, each with its number as data.
func numbered(key string, from, n int) []stream.Record {
	out := make([]stream.Record, n)
	for i := range out {
		out[i] = stream.Record{PartitionKey: key, Data: fmt.Appendf(nil, "%s/%06d", key, from+i)}
	}
	return out
}

func (s *suite) shards() []stream.Shard {
	s.Helper()
	var out []stream.Shard
	s.must(s.retryThrottled(func() (err error) {
		out, err = s.First.Shards(s.ctx, s.name)
		return err
	}))
	return out
}

// retryThrottled repeats a call that is throttled, or that gets no answer within the deadline of
// the adapter.
func (s *suite) retryThrottled(call func() error) error {
	for attempt := 0; ; attempt++ {
		err := call()
		if !errors.Is(err, stream.ErrThrottled) && (!errors.Is(err, context.DeadlineExceeded) || s.ctx.Err() != nil) {
			return err
		}
		if err := pause(s.ctx, attempt); err != nil {
			return err
		}
	}
}

func (s *suite) iterator(shard string, at stream.Position) (it string, err error) {
	err = s.retryThrottled(func() error {
		it, err = s.First.Iterator(s.ctx, s.name, shard, at)
		return err
	})
	return it, err
}

// tail reads a shard from a position until it has seen n records with different data, or the end of
// a closed shard. It returns all records, with duplicates, and reports whether it reached the end.
func (s *suite) tail(shard string, at stream.Position, n, limit int) (got []stream.Delivered, end bool, err error) {
	it, err := s.iterator(shard, at)
	seen := map[string]bool{}
	for attempt := 0; err == nil && len(seen) < n; attempt++ {
		var batch stream.Batch
		batch, err = s.First.Get(s.ctx, it, limit)
		switch {
		case errors.Is(err, stream.ErrThrottled):
			err = pause(s.ctx, attempt)
			continue
		case errors.Is(err, stream.ErrExpiredIterator):
			if len(got) > 0 {
				at = stream.Position{Where: stream.AfterSequence, Sequence: got[len(got)-1].Sequence}
			}
			it, err = s.iterator(shard, at)
			continue
		case err != nil:
			continue
		case len(batch.Records) > limit:
			return nil, false, fmt.Errorf("get of %d records, limit %d", len(batch.Records), limit)
		}
		for _, d := range batch.Records {
			seen[string(d.Data)] = true
		}
		got = append(got, batch.Records...)
		if it = batch.Next; it == "" {
			return got, true, nil
		}
		if len(batch.Records) == 0 {
			err = pause(s.ctx, attempt)
		} else {
			attempt = 0
		}
	}
	return got, false, err
}

func (s *suite) mustTail(shard string, at stream.Position, n int) []stream.Delivered {
	s.Helper()
	got, _, err := s.tail(shard, at, n, 1000)
	s.must(err)
	return got
}

// data returns the data of the records, without duplicates.
func data(records []stream.Delivered) []string {
	out := []string{}
	seen := map[string]bool{}
	for _, r := range records {
		if text := string(r.Data); !seen[text] {
			seen[text] = true
			out = append(out, text)
		}
	}
	return out
}

func texts(records []stream.Record) []string {
	out := []string{}
	for _, r := range records {
		out = append(out, string(r.Data))
	}
	return out
}

// wantRising checks that sequence numbers are well formed and rise.
func (s *suite) wantRising(records []stream.Delivered) {
	s.Helper()
	for i, r := range records {
		if n := len(r.Sequence); n == 0 || n > 56 || r.Sequence[0] == '0' {
			s.Fatalf("sequence %q", r.Sequence)
		}
		if i > 0 && stream.CompareSequence(records[i-1].Sequence, r.Sequence) >= 0 {
			s.Fatalf("sequence %s after %s", r.Sequence, records[i-1].Sequence)
		}
	}
}

func (s *suite) wantErr(err, want error, what string, args ...any) {
	s.Helper()
	if !errors.Is(err, want) {
		s.Fatalf("%s: %v, want %v", fmt.Sprintf(what, args...), err, want)
	}
}

func (s *suite) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// differ returns an error that tells how two answers differ, nil if they do not.
func differ[T any](what string, got, want T) error {
	if reflect.DeepEqual(got, want) {
		return nil
	}
	return fmt.Errorf("%s: got %v, want %v", what, got, want)
}

// eventually waits until the store shows what it should.
func (s *suite) eventually(check func() error) {
	s.Helper()
	for attempt := 0; ; attempt++ {
		err := check()
		if err == nil {
			return
		}
		if pause(s.ctx, attempt) != nil {
			s.Fatalf("until the deadline: %v", err)
		}
	}
}
