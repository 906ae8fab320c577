package tip

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Ten feeds together read a shard no more often than one.
func TestFeedsShareTheReadsOfAShard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := polls{next: map[string]time.Time{}}
		began := time.Now()
		var mu sync.Mutex
		reads := map[string]int{}
		var feeds sync.WaitGroup
		for range 10 {
			for _, shard := range []string{"a", "b"} {
				feeds.Go(func() {
					for time.Since(began) < time.Minute {
						if err := p.await(t.Context(), shard); err != nil {
							t.Error(err)
						}
						mu.Lock()
						if time.Since(began) < time.Minute {
							reads[shard]++
						}
						mu.Unlock()
					}
				})
			}
		}
		feeds.Wait()
		if want := int(time.Minute / pollEvery); reads["a"] != want || reads["b"] != want {
			t.Errorf("%v reads in a minute, want %d each", reads, want)
		}
	})
}
