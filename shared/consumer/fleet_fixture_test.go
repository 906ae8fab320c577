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
// that is no Notifier.
type fleet struct {
	*bank
	tapes     map[string]*tape // by consumer
	instances map[string]*instance
	ended     []chan struct{} // of instances that were killed
}

// instance is a process of a fleet. Its workers share its connections to table and stream.
type instance struct {
	wire   *wire
	cancel func()
	done   chan struct{}
}

// cutStream is a process's connection to the stream.
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

// drain ends an instance as SIGTERM does: it hands its shards over first.
func (f *fleet) drain(name string) {
	i := f.instances[name]
	delete(f.instances, name)
	i.cancel()
	<-i.done
}

// kill ends an instance as SIGKILL does: nothing that it does has an effect any more.
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

// allOwned reports whether an instance that runs has every shard of every consumer.
func (f *fleet) allOwned() bool {
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

// even reports whether the shards are owned, and evenly: the counts of two instances differ by 1 at
// most.
func (f *fleet) even() bool {
	if !f.allOwned() {
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

// within waits until a condition is met, and fails the test if that takes longer than d of the
// bubble's clock.
func (f *fleet) within(d time.Duration, what string, met func() bool) time.Duration {
	f.t.Helper()
	began := time.Now()
	for !met() {
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

// latest returns the longest time that a record waited, of the deliveries from an index in each
// tape on.
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

// load puts 50 entries a second, each until the stream has confirmed it, and calls at[n] after n
// entries.
func (f *fleet) load(entries []*event.Entry, at map[int]func()) {
	f.t.Helper()
	for i, e := range entries {
		if step := at[i]; step != nil {
			step()
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

// open returns the ids of the shards that take records, in the order of their hash keys.
func (f *fleet) open() (ids []string) {
	shards := slices.DeleteFunc(f.shards(), func(s stream.Shard) bool { return s.Closed })
	slices.SortFunc(shards, func(a, b stream.Shard) int { return a.FirstHash.Cmp(b.FirstHash) })
	for _, s := range shards {
		ids = append(ids, s.ID)
	}
	return ids
}

// splitAll and mergeAll do what UpdateShardCount does for twice and for half as many shards.
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

// names returns the instances that run.
func (f *fleet) names() string { return fmt.Sprint(slices.Sorted(maps.Keys(f.instances))) }
