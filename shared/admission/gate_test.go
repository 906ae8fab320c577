package admission

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// flow offers work to a gate at a rate, in steps of a millisecond. Behind the gate capacity pieces
// of work are done a second, in the order of admission. It returns what was done in the last
// second, and the longest time that any of it took.
func flow(g *Gate, capacity, offered int, d time.Duration) (done int, longest time.Duration) {
	var inside []time.Time
	for ms := range int(d / time.Millisecond) {
		time.Sleep(time.Millisecond)
		last := ms >= int(d/time.Millisecond)-1000
		for range min(capacity*(ms+1)/1000-capacity*ms/1000, len(inside)) {
			took := time.Since(inside[0])
			inside = inside[1:]
			g.leave(Caller{}, took)
			if last {
				done, longest = done+1, max(longest, took)
			}
		}
		for range offered*(ms+1)/1000 - offered*ms/1000 {
			if g.enter(Caller{}, time.Now()) == nil {
				inside = append(inside, time.Now())
			}
		}
	}
	for _, entered := range inside {
		g.leave(Caller{}, time.Since(entered))
	}
	return done, longest
}

// On a machine of any speed, a gate admits what is done soon: the machine is busy, nothing that was
// admitted waits long, and the limit rises again as soon as the work is quick.
func TestGateAdmitsWhatIsDoneSoon(t *testing.T) {
	for _, capacity := range []int{1000, 4000, 10_000, 30_000} {
		for _, factor := range []int{2, 4} {
			synctest.Test(t, func(t *testing.T) {
				g := NewGate(4096)
				done, longest := flow(g, capacity, factor*capacity, 5*time.Second)
				if done < capacity*99/100 || longest > gateQueue*5/4 {
					t.Errorf("of %d, %d times as much: %d were done, the slowest in %v, limit %d", capacity, factor, done, longest, g.limit)
				}
				before := g.limit
				if flow(g, capacity, capacity/2, 2*time.Second); g.limit < before || g.limit > before+before/10+1 {
					t.Errorf("nobody was refused, and the limit went from %d to %d", before, g.limit)
				}
				if flow(g, 1_000_000, 100_000, 5*time.Second); g.limit < before {
					t.Errorf("all is quick, and the limit went from %d to %d", before, g.limit)
				}
				if s := g.State(); s.Busy != 0 || s.Shed == 0 {
					t.Errorf("%+v", s)
				}
			})
		}
	}
}

// A few slow pieces of work among many quick ones do not lower the limit.
func TestGateIgnoresAFewSlowOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate(gateFirst)
		for range 50 {
			for g.enter(Caller{}, time.Now()) == nil {
			}
			for i := range gateFirst {
				g.leave(Caller{}, map[bool]time.Duration{true: time.Minute, false: time.Millisecond}[i%3 == 0])
			}
			time.Sleep(gateWindow / 3)
		}
		if g.limit != gateFirst {
			t.Errorf("%d are let in", g.limit)
		}
	})
}

// Patient work is admitted in its order, and takes at most half of the places.
func TestPatientWorkTakesAtMostHalf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate(4)
		ctx, cancel := context.WithCancel(t.Context())
		in := make(chan int, 10)
		for i := range 6 {
			go func() {
				if g.EnterPatiently(ctx, Caller{}) == nil {
					in <- i
				}
			}()
			synctest.Wait() // so that they come in this order
		}
		if len(in) != 2 || g.State().Queued != 4 {
			t.Fatalf("%d came in, %d wait", len(in), g.State().Queued)
		}
		enter := func() error { return g.enter(Caller{}, time.Now()) }
		if entered := []error{enter(), enter(), enter()}; !slices.Equal(entered, []error{nil, nil, ErrFull}) {
			t.Errorf("of the impatient %v came in; half of the places are theirs", entered)
		}
		g.LeavePatiently(Caller{})
		synctest.Wait()
		if <-in+<-in+<-in != 0+1+2 || len(in) != 0 {
			t.Error("not in order")
		}
		g.leave(Caller{}, time.Millisecond)
		synctest.Wait()
		if len(in) != 0 {
			t.Error("more than half are patient")
		}
		cancel()
		synctest.Wait()
		if s := g.State(); s.Queued != 0 || s.Busy != 3 {
			t.Errorf("%+v", s)
		}
		g.LeavePatiently(Caller{})
		g.LeavePatiently(Caller{})
		g.leave(Caller{}, time.Millisecond)
		if s := g.State(); s.Busy != 0 || g.patient != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// A full gate that ends no work is stuck, one that ends some is not.
func TestFullGateThatEndsNoWorkIsStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate(2)
		for range 2 {
			if err := g.enter(Caller{}, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(gateStuck / 2)
		g.leave(Caller{}, time.Second)
		if err := g.enter(Caller{}, time.Now()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(gateStuck)
		if g.Stuck() {
			t.Error("stuck, though one came out")
		}
		time.Sleep(time.Second)
		if !g.Stuck() {
			t.Error("not stuck")
		}
		g.leave(Caller{}, time.Second)
		if g.Stuck() {
			t.Error("still stuck")
		}
	})
}
