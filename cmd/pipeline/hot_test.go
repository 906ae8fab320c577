package pipeline

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/strict"
)

// One account, 5 ms away from DynamoDB and with its limits: what a writer commits together is what makes it fast.
func TestHotAccount(t *testing.T) {
	const callers, target = 200, 3000
	warm(t)
	synctest.Test(t, func(t *testing.T) {
		b := newBank(t, 1, strict.TablesConfig{})
		w := b.writer()
		hot := named("hot", 1)[0]
		w.openAccounts(hot)
		var working sync.WaitGroup
		var answered atomic.Int64
		stop := time.Now().Add(2500 * time.Millisecond)
		for i := range callers {
			working.Go(func() {
				for k := 0; time.Now().Before(stop); k++ {
					w.do(command(hot, fmt.Sprint(i, "/", k), withdraw(1, reference)))
					answered.Add(1)
				}
			})
		}
		time.Sleep(1500 * time.Millisecond) // what the limits had saved up is spent
		before := answered.Load()
		time.Sleep(time.Second)
		rate := answered.Load() - before
		working.Wait()
		caught := w.published(time.Second)
		b.inOrder(hot)
		counted := w.counts()
		t.Logf("%d commands a second on one account; %d in %d entries; published %v after the last; %v write units; throttled: %v entries, %v records",
			rate, answered.Load(), len(b.entries(hot)), caught, counted.Of(strict.WriteUnits, "journal"),
			counted.Of(strict.Throttled, "journal"), counted.Of(strict.Throttled, events))
		if counted.Of(strict.Throttled, "journal") == 0 {
			t.Error("the partition's limit was not reached")
		}
		if rate < target {
			t.Errorf("%d commands a second, want %d", rate, target)
		}
	})
}
