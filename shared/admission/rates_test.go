package admission

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A caller has its burst at once, then its rate, and says of itself when that is; another caller
// has its own.
func TestRatesOfEachCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRates(10, 20)
		for i := range 20 {
			if got := r.Take(alice); got.Wait != 0 || got.Left != 19-i || got.Full != (i+10)/10 {
				t.Errorf("%d: %+v", i, got)
			}
		}
		if got := r.Take(alice); got != (Quota{Left: 0, Full: 2, Wait: 1}) {
			t.Errorf("after the burst: %+v", got)
		}
		if got := r.Take(bob); got.Wait != 0 {
			t.Errorf("another caller: %+v", got)
		}
		time.Sleep(time.Second)
		for i := range 10 {
			if got := r.Take(alice); got.Wait != 0 {
				t.Errorf("%d of the next second: %+v", i, got)
			}
		}
		if got := r.Take(alice); got.Wait != 1 || r.Refused() != 2 {
			t.Errorf("above the rate: %+v, %d refused", got, r.Refused())
		}
		if requests, seconds := r.Burst(); requests != 20 || seconds != 2 {
			t.Errorf("a burst of %d in %d s", requests, seconds)
		}
		slow := NewRates(1, 1)
		slow.Take(alice)
		time.Sleep(time.Second / 2)
		if got := slow.Take(alice); got.Wait != 1 {
			t.Errorf("half a second before: %+v", got)
		}
	})
}

// Patient work is not refused, it waits for the rate, unless its caller gives up.
func TestPatientWorkWaitsForTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRates(10, 5)
		began := time.Now()
		for range 25 {
			if err := r.Wait(t.Context(), alice); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began).Round(100 * time.Millisecond); took != 2100*time.Millisecond { // four at once
			t.Errorf("25 lines took %v", took)
		}
		short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := r.Wait(short, alice); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("without time: %v", err)
		}
		gone, leave := context.WithCancel(t.Context())
		leave()
		if err := r.Wait(gone, alice); !errors.Is(err, context.Canceled) {
			t.Errorf("gone: %v", err)
		}
	})
}

// While a caller's lines of bulk wait, its single requests are served, in their turn and before
// them.
func TestPatientWorkLeavesTheRateToOtherRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRates(5, 5)
		var waited atomic.Int64
		ctx, stop := context.WithCancel(t.Context())
		for range 100 {
			go func() {
				for r.Wait(ctx, alice) == nil {
					waited.Add(1)
				}
			}()
		}
		for i := range 40 {
			time.Sleep(500 * time.Millisecond)
			if got := r.Take(alice); got.Wait != 0 {
				t.Errorf("single request %d: %+v", i, got)
			}
		}
		synctest.Wait()
		// 100 in 20 s, and the burst.
		lines := waited.Load()
		if total := 40 + lines; total < 100 || total > 105 {
			t.Errorf("%d lines beside 40 single requests in 20 s", lines)
		}
		stop()
		single := NewRates(10, 1) // where there is nothing to leave
		began := time.Now()
		for range 3 {
			if err := single.Wait(t.Context(), alice); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began).Round(10 * time.Millisecond); took != 200*time.Millisecond {
			t.Errorf("with a burst of one: %v", took)
		}
	})
}

// However many callers there are, memory has a bound, and one that sends all the time is not
// forgotten.
func TestRatesForgetCallersThatAreAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRates(1, 1)
		r.Take(alice)
		for i := range 10 * generation {
			r.Take(Caller{Actor: strconv.Itoa(i)})
			if i%1000 == 0 {
				if got := r.Take(alice); got.Wait == 0 {
					t.Fatalf("forgotten after %d", i)
				}
			}
		}
		if n := len(r.young) + len(r.old); n > 2*generation {
			t.Errorf("%d callers are remembered", n)
		}
	})
}

func BenchmarkRates(b *testing.B) {
	r := NewRates(1_000_000, 1_000_000)
	b.ReportAllocs()
	for b.Loop() {
		r.Take(alice)
	}
}
