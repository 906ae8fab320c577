package consumer

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"passbook/shared/backoff"
	"passbook/shared/event"
	"passbook/shared/stream"
)

// fleetConsumers are the consumers of a fleet's instances.
var fleetConsumers = []string{"balance@1", "creditlimit@1", "archiver"}

// fleet is processes that each run a worker for every consumer, with the default lease, on a stream
// that wakes nobody.
type fleet struct {
	*bank
	tapes     map[string]*tape // by consumer
	instances map[string]*instance
	ended     []chan struct{} // of instances that were killed
}

// instance is a process of a fleet: its workers share its lines to table and stream.
type instance struct {
	wire   *wire
	cancel func()
	done   chan struct{}
}

// cutStream is a process's line to the stream.
type cutStream struct {
	stream.Stream
	wire *wire
}

func (s cutStream) Get(ctx context.Context, iterator string, limit int) (stream.Batch, error) {
	if s.wire.isCut() {
		return stream.Batch{}, errCut
	}
	return s.Stream.Get(ctx, iterator, limit)
}

func newFleet(t *testing.T, shards int) *fleet {
	f := &fleet{bank: newBank(t, shards), tapes: map[string]*tape{}, instances: map[string]*instance{}}
	for _, name := range fleetConsumers {
		f.tapes[name] = &tape{}
	}
	t.Cleanup(func() {
		for name := range f.instances {
			f.drain(name)
		}
		for _, done := range f.ended {
			<-done
		}
	})
	return f
}

func (f *fleet) start(name string) {
	i := &instance{wire: &wire{Table: f.table}, done: make(chan struct{})}
	f.instances[name] = i
	ctx, cancel := context.WithCancel(context.Background())
	i.cancel = cancel
	errs := make(chan error, len(fleetConsumers))
	for _, consumer := range fleetConsumers {
		w := New(Config{
			Runtime: Runtime{Stream: testStream, Owner: name, Table: i.wire, Streams: cutStream{f.streams, i.wire}, Log: quietLog},
			Name:    consumer, Open: f.tapes[consumer].opener(name),
		})
		go func() { errs <- w.Run(ctx) }()
	}
	go func() {
		defer close(i.done)
		for range fleetConsumers {
			if err := <-errs; err != nil {
				f.t.Errorf("instance %s: %v", name, err)
			}
		}
	}()
}

// drain is SIGTERM: the instance hands over and ends.
func (f *fleet) drain(name string) {
	i := f.instances[name]
	delete(f.instances, name)
	i.cancel()
	<-i.done
}

// kill is kill -9: nothing that the instance does reaches anybody any more.
func (f *fleet) kill(name string) {
	i := f.instances[name]
	delete(f.instances, name)
	i.wire.setCut(true)
	i.cancel()
	f.ended = append(f.ended, i.done)
}

// unread counts, by consumer and owner, the shards that are not read to their end.
func (f *fleet) unread() map[string]map[string]int {
	f.t.Helper()
	counts := map[string]map[string]int{}
	for _, consumer := range fleetConsumers {
		leases, err := leasesOf(f.table, testStream, consumer).list(f.t.Context())
		f.must(err)
		counts[consumer] = map[string]int{}
		for _, l := range leases {
			if !l.ended() {
				counts[consumer][l.owner]++
			}
		}
	}
	return counts
}

// held says that every shard of every consumer is in the hands of an instance that runs.
func (f *fleet) held() bool {
	for _, counts := range f.unread() {
		if len(counts) == 0 {
			return false
		}
		for owner := range counts {
			if f.instances[owner] == nil {
				return false
			}
		}
	}
	return true
}

// even says that held shards are shared so that no two instances are more than one apart.
func (f *fleet) even() bool {
	if !f.held() {
		return false
	}
	for _, counts := range f.unread() {
		least, most := 1<<30, 0
		for name := range f.instances {
			least, most = min(least, counts[name]), max(most, counts[name])
		}
		if most > least+1 {
			return false
		}
	}
	return true
}

// within waits until a condition holds, and fails when that takes longer than d of the bubble's
// clock.
func (f *fleet) within(d time.Duration, what string, holds func() bool) time.Duration {
	f.t.Helper()
	began := time.Now()
	for !holds() {
		if time.Since(began) > d {
			f.t.Fatalf("not within %v: %s; unread %v", d, what, f.unread())
		}
		f.must(backoff.Sleep(f.t.Context(), 50*time.Millisecond))
	}
	return time.Since(began)
}

// opened counts the handlers that were ever opened.
func (f *fleet) opened() (n int) {
	for _, tape := range f.tapes {
		n += len(tape.openings())
	}
	return n
}

// latest is the longest that a record waited, of those that were first delivered on or after a
// place in each tape.
func (f *fleet) latest(from map[string]int) (late time.Duration) {
	for consumer, tape := range f.tapes {
		for _, p := range tape.plays()[from[consumer]:] {
			late = max(late, p.late)
		}
	}
	return late
}

// played counts the deliveries of each consumer.
func (f *fleet) played() map[string]int {
	counts := map[string]int{}
	for consumer, tape := range f.tapes {
		counts[consumer] = len(tape.plays())
	}
	return counts
}

// load puts entries at 50 a second, each until it is known to be there, and runs what is to happen
// when so many were put.
func (f *fleet) load(entries []*event.Entry, at map[int]func()) {
	f.t.Helper()
	for i, e := range entries {
		if happen := at[i]; happen != nil {
			happen()
		}
		for {
			results, err := f.streams.Put(f.t.Context(), testStream, []stream.Record{record(f.t, e)})
			if err == nil && results[0].Err == nil {
				break
			}
			f.must(backoff.Sleep(f.t.Context(), 10*time.Millisecond))
		}
		f.must(backoff.Sleep(f.t.Context(), 20*time.Millisecond))
	}
}

// open lists the shards that take records, by their hash keys.
func (f *fleet) open() (ids []string) {
	shards := slices.DeleteFunc(f.shards(), func(s stream.Shard) bool { return s.Closed })
	slices.SortFunc(shards, func(a, b stream.Shard) int { return a.FirstHash.Cmp(b.FirstHash) })
	for _, s := range shards {
		ids = append(ids, s.ID)
	}
	return ids
}

// splitAll and mergeAll are what UpdateShardCount does for twice and for half as many shards.
func (f *fleet) splitAll() {
	for _, id := range f.open() {
		f.must(f.streams.Split(f.t.Context(), testStream, id))
	}
}

func (f *fleet) mergeAll() {
	for pair := range slices.Chunk(f.open(), 2) {
		f.must(f.streams.Merge(f.t.Context(), testStream, pair[0], pair[1]))
	}
}

// names are the instances that run.
func (f *fleet) names() string { return fmt.Sprint(slices.Sorted(maps.Keys(f.instances))) }
