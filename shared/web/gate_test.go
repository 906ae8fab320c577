package web

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// pass has n pieces of work go through the gate, each of which takes so long; all at once, as far as they are let in. It gives how many
// were refused.
func pass(g *gate, n int, took time.Duration) (refused int) {
	in := 0
	for range n {
		if g.enter() {
			in++
		} else {
			refused++
		}
	}
	time.Sleep(took)
	for range in {
		g.leave(took)
	}
	return refused
}

// A gate lets in as much as is done soon: fewer and fewer while it takes too long, and more while it is quick and more would come.
func TestGateLetsInWhatIsDoneSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(4096)
		for range 100 {
			pass(g, 5000, 2*gateTarget)
		}
		if g.limit != gateLeast {
			t.Errorf("too slow, and %d are let in", g.limit)
		}
		for range 1000 {
			pass(g, g.limit, gateTarget/2)
		}
		if g.limit != gateLeast {
			t.Errorf("nobody was refused, and %d are let in", g.limit)
		}
		for range 200 {
			pass(g, 5000, gateTarget/2)
		}
		if g.limit != 4096 {
			t.Errorf("quick, and %d are let in", g.limit)
		}
		if refused := pass(g, 5000, time.Millisecond); refused != 5000-4096 {
			t.Errorf("%d refused", refused)
		}
		if s := g.state(); s.busy != 0 || s.shed == 0 {
			t.Errorf("%+v", s)
		}
	})
}

// A few slow ones among many quick ones are no queue.
func TestGateMindsWhatIsUsual(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1000)
		for range 50 {
			for i := range 100 {
				g.enter()
				g.leave(map[bool]time.Duration{true: time.Minute, false: time.Millisecond}[i%3 == 0])
			}
			time.Sleep(gateWindow)
		}
		if g.limit != gateFirst {
			t.Errorf("%d are let in", g.limit)
		}
	})
}

// Patient work waits in its order, takes at most half, and leaves the other half to what does not wait.
func TestGatePatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(4)
		ctx, cancel := context.WithCancel(t.Context())
		in := make(chan int, 10)
		for i := range 6 {
			go func() {
				if g.enterPatiently(ctx) == nil {
					in <- i
				}
			}()
			synctest.Wait() // so that they come in this order
		}
		if len(in) != 2 || g.state().queued != 4 {
			t.Fatalf("%d came in, %d wait", len(in), g.state().queued)
		}
		if !g.enter() || !g.enter() || g.enter() {
			t.Error("the other half is not there for the impatient")
		}
		g.leavePatiently()
		synctest.Wait()
		if <-in+<-in+<-in != 0+1+2 || len(in) != 0 {
			t.Error("not in order")
		}
		g.leave(time.Millisecond)
		synctest.Wait()
		if len(in) != 0 {
			t.Error("more than half are patient")
		}
		cancel()
		synctest.Wait()
		if s := g.state(); s.queued != 0 || s.busy != 3 {
			t.Errorf("%+v", s)
		}
		g.leavePatiently()
		g.leavePatiently()
		g.leave(time.Millisecond)
		if s := g.state(); s.busy != 0 || g.patient != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// A full gate of which nothing comes out is stuck, one that turns over is not.
func TestGateStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(2)
		g.enter()
		g.enter()
		time.Sleep(gateStuck / 2)
		g.leave(time.Second)
		g.enter()
		time.Sleep(gateStuck)
		if g.stuck() {
			t.Error("stuck, though one came out")
		}
		time.Sleep(time.Second)
		if !g.stuck() {
			t.Error("not stuck")
		}
		g.leave(time.Second)
		if g.stuck() {
			t.Error("still stuck")
		}
	})
}
