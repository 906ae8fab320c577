package pipeline

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/event"

	"passbook/shared/faults"
)

// One account, 5 ms away from DynamoDB and with its limits: what a writer commits together is what
// makes it fast. Its shard takes 1 MB a second, which is fewer commands where records are JSON. The
// account is held back to that pace, and to that of a Kinesis that is farther away, since what
// piles up would have to be waited for by every read.
func TestHotAccount(t *testing.T) {
	const late = time.Second
	warm(t)
	for _, c := range []struct {
		away     time.Duration
		compress bool
		target   int64 // commands a second
	}{
		{roundTrip, false, 2000}, {4 * roundTrip, false, 2000},
		{roundTrip, true, 8000}, {4 * roundTrip, true, 8000},
	} {
		t.Run(fmt.Sprintf("stream %v away, compressed %v", c.away, c.compress), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBank(t, 1, faults.TablesConfig{})
				b.compress = c.compress
				w := b.writerWith(faults.NewClient(c.away))
				hot := named("hot", 1)[0]
				w.openAccounts(hot)
				rate, answered := w.hammer(hot)
				caught := w.published(late)
				b.inOrder(hot)
				counted := w.counts()
				t.Logf("%d commands a second on one account; %d in %d entries; published %v after the last; %v write units; throttled: %v entries, %v records",
					rate, answered, len(b.entries(hot)), caught, counted.Of(faults.WriteUnits, "journal"),
					counted.Of(faults.Throttled, "journal"), counted.Of(faults.Throttled, events))
				if c.compress && c.away == roundTrip && counted.Of(faults.Throttled, "journal") == 0 {
					t.Error("the partition's limit was not reached")
				}
				if !c.compress && counted.Of(faults.Throttled, events) == 0 {
					t.Error("the shard's limit was not reached")
				}
				if rate < c.target {
					t.Errorf("%d commands a second, want %d", rate, c.target)
				}
			})
		})
	}
}

// hammer has 200 callers command one account for 2.5 s, and counts the commands of the last second,
// and all.
func (w *writer) hammer(a event.Account) (rate, all int64) {
	var working sync.WaitGroup
	var answered atomic.Int64
	stop := time.Now().Add(2500 * time.Millisecond)
	for i := range 200 {
		working.Go(func() {
			for k := 0; time.Now().Before(stop); k++ {
				w.do(command(a, fmt.Sprint(i, "/", k), withdraw(1, reference)))
				answered.Add(1)
			}
		})
	}
	time.Sleep(1500 * time.Millisecond) // what the limits had saved up is spent
	before := answered.Load()
	time.Sleep(time.Second)
	rate = answered.Load() - before
	working.Wait()
	return rate, answered.Load()
}
