package workerpool

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Every job begins at once, however many wait for each other.
func TestJobsNeverWaitForJobs(t *testing.T) {
	c := New(2)
	defer c.Close()
	var all sync.WaitGroup
	gate := make(chan struct{})
	for i := range 100 {
		all.Add(1)
		c.Go(func() {
			defer all.Done()
			if i == 99 {
				close(gate)
			}
			<-gate
		})
	}
	all.Wait()
}

func TestGoroutinesAreUsedAgainAndBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(3)
		var ran atomic.Int64
		for range 50 {
			for range 10 {
				c.Go(func() { ran.Add(1) })
			}
			synctest.Wait()
			if n := c.waiting.Load(); n != 3 {
				t.Fatalf("%d goroutines wait", n)
			}
		}
		c.Close()
		if ran.Load() != 500 {
			t.Fatalf("%d jobs ran", ran.Load())
		}
	})
}
