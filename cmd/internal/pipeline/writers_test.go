package pipeline

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/account"
	"passbook/shared/control"
	"passbook/shared/faults"
	"passbook/shared/journal"
	"passbook/shared/table"
	journalwriter "passbook/shared/writer"
)

// Two processes take money out of one account and two put it in, at AWS's distance and over the
// limit of its partition: no update is lost, and the stream has first occurrences in version order,
// although two of them are a second away from it.
func TestFourWritersOnOneAccount(t *testing.T) {
	warm(t)
	synctest.Test(t, func(t *testing.T) {
		b := newBank(t, 2, faults.TablesConfig{Limits: faults.AWS.Times(0.05)})
		far := func() *writer { return b.writerWith(faults.NewClient(time.Second)) }
		writers := []*writer{b.writer(), far(), b.writer(), far()}
		shared := named("shared", 1)
		writers[0].openAccounts(shared...)
		var working sync.WaitGroup
		var net, commands atomic.Int64
		for i, w := range writers {
			amount, draft := int64(7), credit(7)
			if i < 2 {
				amount, draft = -5, withdraw(5, reference)
			}
			for caller := range 10 {
				working.Go(func() {
					for k := range 12 {
						r := w.do(command(shared[0], fmt.Sprint(i, "/", caller, "/", k), draft))
						// the first answer to a repeated request is a valid answer too
						if r.Replayed {
							t.Logf("%s was answered again", r.Command.Key)
						}
						net.Add(amount)
						commands.Add(1)
					}
				})
			}
		}
		working.Wait()
		for _, w := range writers {
			w.published(5 * time.Minute)
		}
		b.inOrder(shared...)
		s := b.state(shared[0])
		if want := 1_000_000_000 + net.Load(); s.Posted != want || s.Version != 2+commands.Load() {
			t.Errorf("posted %d at v%d, want %d at v%d", s.Posted, s.Version, want, 2+commands.Load())
		}
		var throttled float64
		for i, w := range writers {
			throttled += w.counts().Of(faults.Throttled, journal.Table)
			wrote := 0
			for _, e := range b.entries(shared[0])[2:] {
				if e.Writer == w.Writer() {
					wrote++
				}
			}
			t.Logf("writer %d: %d entries, %v throttled", i, wrote, w.counts().All(faults.Throttled))
			if wrote == 0 {
				t.Errorf("writer %d committed nothing", i)
			}
		}
		if throttled == 0 {
			t.Error("nothing was throttled")
		}
	})
}

// A writer's stream is down for 20 s, and then it is killed; the index of writers is 30 s late.
// Another process publishes what it left, in the passes that a drain has: what an early one does
// not see, a later one does.
func TestTailOfAKilledWriterBehindALateIndex(t *testing.T) {
	warm(t)
	synctest.Test(t, func(t *testing.T) {
		b := newBank(t, 2, faults.TablesConfig{IndexLag: 30 * time.Second})
		dead, alive := b.writer(), b.writer()
		accounts := named("A", 6)
		dead.openAccounts(accounts...)
		dead.published(time.Second)
		time.Sleep(40 * time.Second)
		dead.sender.Disconnect()
		for i := range 20 {
			dead.do(command(accounts[i%6], fmt.Sprint(i), withdraw(1, reference)))
			time.Sleep(time.Second)
		}
		dead.kill()
		if n := b.missing(accounts...); n != 20 {
			t.Fatalf("%d entries are not on the stream, want 20", n)
		}
		drained := func() float64 { return alive.counts().Of(faults.Records, events) }
		time.Sleep(9 * time.Second)
		if n := drained(); n != 0 {
			t.Fatalf("%v records before the lease was over", n)
		}
		time.Sleep(6 * time.Second)
		if n := b.missing(accounts...); n < 10 || n == 20 {
			t.Fatalf("%d entries are missing after the first pass, which saw the index of 15 to 18 s before the end", n)
		}
		time.Sleep(70 * time.Second) // the passes after 10 s and a minute
		b.inOrder(accounts...)
		if n := drained(); n != 20 {
			t.Errorf("%v records for 20 entries", n)
		}
	})
}

// A writer pauses past its lease, with a put in transit. During the pause others publish its tail
// and write to its account. When it continues it takes a new id; its late put has happened either
// once or not at all.
func TestWriterPausedPastItsLease(t *testing.T) {
	warm(t)
	synctest.Test(t, func(t *testing.T) {
		b := newBank(t, 2, faults.TablesConfig{})
		paused, other := b.writer(), b.writer()
		accounts := named("A", 8)
		paused.openAccounts(accounts...)
		before := paused.Writer()
		var working sync.WaitGroup
		work := func(w *writer, who string, each int) {
			for _, a := range accounts {
				working.Go(func() {
					for i := range each {
						w.do(command(a, fmt.Sprint(who, i), withdraw(1, reference)))
					}
				})
			}
		}
		work(paused, "paused", 10)
		time.Sleep(roundTrip + time.Millisecond) // its next puts are on their way
		paused.client.Stall()
		paused.sender.Stall()
		time.Sleep(5 * time.Second)
		for _, a := range accounts[:4] { // of the others nobody else can be in the way
			other.do(command(a, "other", withdraw(1, reference)))
		}
		time.Sleep(9 * time.Second)
		row, err := control.Writers(b.store).Get(t.Context(), before)
		if err != nil || row.Attrs["state"] != table.Value(table.S(journalwriter.Draining)) {
			t.Fatalf("the paused writer is not drained: %v, %v", row.Attrs, err)
		}
		released := time.Now()
		paused.client.Resume()
		paused.sender.Resume()
		working.Wait()
		t.Logf("continued %v after the pause as %v, before it as %v", time.Since(released), paused.Writer(), before)
		paused.published(5 * time.Second)
		if paused.Writer() == before {
			t.Error("it kept its id")
		}
		time.Sleep(2 * time.Minute) // the passes over its tail
		late := 0
		for i, a := range accounts {
			s := b.state(a)
			want := account.State{Version: 2 + 10}
			if i < 4 {
				want.Version++
			}
			if s.Version != want.Version || s.Posted != 1_000_000_000-want.Version+2 {
				t.Errorf("%s: v%d with %d, want v%d", a.ID, s.Version, s.Posted, want.Version)
			}
			for _, e := range b.entries(a) {
				if e.Writer == before && e.RecordedAt.Add(lease).Before(released) {
					late++
				}
			}
		}
		if late == 0 {
			t.Error("no put of the old id was on its way")
		}
		if n := b.missing(accounts...); n != 0 {
			t.Errorf("%d entries are not on the stream", n)
		}
	})
}
