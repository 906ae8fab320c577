package web

import (
	"container/list"
	"context"
	"sync"
	"time"
)

const (
	// gateTarget is the most time that half of the admitted work may take.
	gateTarget = 50 * time.Millisecond
	// gateQueue is how much work is admitted even while it takes longer, as time at the best recent
	// rate: less would leave the cores idle or busy with refusals. gateForget halves the best rate
	// in about 14 s.
	gateQueue  = 100 * time.Millisecond
	gateForget = .995
	// gateWindow is the time between two measurements.
	gateWindow = 100 * time.Millisecond
	// gateLeast is the smallest limit, gateFirst the limit before the first measurement.
	gateLeast = 64
	gateFirst = 512
	// maxWaits is the most reads that wait for a version at once. They cost only memory, so their
	// gate is fixed.
	maxWaits = 512
	// gateStuck is how long a full gate may end no work before the process is not ready.
	gateStuck = 2 * time.Second
)

// Gate bounds how much work of one kind is in progress at once. It adapts its limit while work is
// refused or waits: when more than half of the work takes longer than gateTarget the limit falls,
// down to gateQueue of work, else it rises. What is not admitted is refused at once, except for
// patient work, the lines of bulk: they wait for their turn and take at most half of the places, so
// that single requests are served beside them.
type Gate struct {
	least, most int
	fixed       bool

	mu            sync.Mutex
	limit         int
	busy, patient int // in progress, and how many of them are patient
	// queue has a chan struct{} for each piece of patient work that waits, closed when it is
	// admitted.
	queue list.List
	shed  int64
	// fullSince is since when the gate has been full without ending any work; zero otherwise.
	fullSince time.Time
	// The measurements since began: how much work took longer than the target, how much did not,
	// and whether more would have come in.
	began       time.Time
	slow, quick int
	done        int // all work that ended, patient work too
	wanted      bool
	// best is the best recent rate, in pieces of work a second.
	best float64
}

// newGate makes a gate that admits at most most at once.
func newGate(most int) *Gate {
	return &Gate{least: min(gateLeast, most), most: most, limit: min(gateFirst, most), began: time.Now()}
}

// newFixedGate makes a gate whose limit does not adapt.
func newFixedGate(limit int) *Gate { return &Gate{fixed: true, limit: limit} }

// refuseIfFull reports whether nothing is admitted now. If so, it counts a refusal.
func (g *Gate) refuseIfFull() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.busy < g.limit {
		return false
	}
	g.refuse()
	return true
}

// enter admits work, which MUST leave, or refuses it.
func (g *Gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.busy >= g.limit {
		g.refuse()
		return false
	}
	g.take()
	return true
}

func (g *Gate) refuse() {
	g.shed++
	g.wanted = true
	g.adapt(time.Now())
}

func (g *Gate) take() {
	g.busy++
	if g.busy >= g.limit && g.fullSince.IsZero() {
		g.fullSince = time.Now()
	}
}

// leave ends work that was admitted and took this long.
func (g *Gate) leave(took time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if took > gateTarget {
		g.slow++
	} else {
		g.quick++
	}
	g.free()
}

// EnterPatiently waits until it is the work's turn, and admits it: it MUST LeavePatiently. When ctx
// ends first, EnterPatiently returns its error.
func (g *Gate) EnterPatiently(ctx context.Context) error {
	g.mu.Lock()
	if g.queue.Len() == 0 && g.admitsPatient() {
		g.patient++
		g.take()
		g.mu.Unlock()
		return nil
	}
	g.wanted = true
	turn := make(chan struct{})
	place := g.queue.PushBack(turn)
	g.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-turn: // just now
		g.patient--
		g.free()
		g.done-- // nothing was
	default:
		g.queue.Remove(place)
	}
	return ctx.Err()
}

// LeavePatiently ends patient work. Its time is not measured: it contains waiting for the lines
// before it.
func (g *Gate) LeavePatiently() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.patient--
	g.free()
}

// admitsPatient reports whether patient work may be admitted.
func (g *Gate) admitsPatient() bool { return g.busy < g.limit && g.patient < max(g.limit/2, 1) }

// free frees a place, and gives it to patient work that waits.
func (g *Gate) free() {
	g.busy--
	g.done++
	g.fullSince = time.Time{}
	g.adapt(time.Now())
	for g.queue.Len() > 0 && g.admitsPatient() {
		close(g.queue.Remove(g.queue.Front()).(chan struct{}))
		g.patient++
		g.take()
	}
	if g.busy >= g.limit && g.fullSince.IsZero() {
		g.fullSince = time.Now()
	}
	g.wanted = g.wanted || g.queue.Len() > 0
}

// adapt sets the limit from the measurements, once the window is over.
func (g *Gate) adapt(now time.Time) {
	took := now.Sub(g.began)
	if g.fixed || took < gateWindow {
		return
	}
	g.best = max(g.best*gateForget, float64(g.done)/took.Seconds())
	switch {
	case !g.wanted:
	case g.slow > g.quick:
		least := max(g.least, int(g.best*gateQueue.Seconds()))
		g.limit = max(g.limit*4/5, min(g.limit, least))
	default:
		g.limit = min(g.limit+g.limit/10+1, g.most)
	}
	g.began, g.slow, g.quick, g.done, g.wanted = now, 0, 0, 0, false
}

// stuck reports whether a full gate has ended no work for gateStuck.
func (g *Gate) stuck() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return !g.fullSince.IsZero() && time.Since(g.fullSince) > gateStuck
}

// gateState is what the metrics show of a gate.
type gateState struct {
	limit, busy, queued int
	shed                int64
}

func (g *Gate) state() gateState {
	g.mu.Lock()
	defer g.mu.Unlock()
	return gateState{g.limit, g.busy, g.queue.Len(), g.shed}
}
