package web

import (
	"container/list"
	"context"
	"sync"
	"time"
)

const (
	// gateTarget is the time that half of what a gate lets in may take.
	gateTarget = 50 * time.Millisecond
	// gateQueue is how much work, as time at the best rate seen lately, is let in even while it
	// takes longer: fewer would leave the cores to refusals. The best rate is forgotten by half in
	// about 14 s.
	gateQueue  = 100 * time.Millisecond
	gateForget = .995
	// gateWindow is how often a gate measures.
	gateWindow = 100 * time.Millisecond
	// gateLeast are let in always, gateFirst until it has measured.
	gateLeast = 64
	gateFirst = 512
	// maxWaits is how many reads wait for a version at once. They cost memory alone, so nothing is
	// measured.
	maxWaits = 512
	// gateStuck is how long nothing may come out of a full gate until the process is not ready.
	gateStuck = 2 * time.Second
)

// Gate bounds how much work of one kind is under way at once. How much follows from what it
// measures while more would come in than is let in: where half of it takes longer than gateTarget
// fewer are let in, down to gateQueue of work, and else more. What is not let in is refused at
// once, except for patient work, the lines of bulk: they wait for their turn, and take at most
// half, so that others are served beside them.
type Gate struct {
	least, most int
	fixed       bool

	mu            sync.Mutex
	limit         int
	busy, patient int // under way, and how many of them are patient
	// of chan struct{}: patient ones that wait, each closed when it is let in
	queue list.List
	shed  int64
	// fullSince is since when nothing came out of it, of a gate that lets nothing in.
	fullSince time.Time
	// What the window that began at began saw: how much took longer than the target and how much
	// did not, and whether more would have come in.
	began       time.Time
	slow, quick int
	done        int // with what is patient
	wanted      bool
	// best is the best rate seen lately, in units a second.
	best float64
}

// newGate makes a gate that lets in most at most.
func newGate(most int) *Gate {
	return &Gate{least: min(gateLeast, most), most: most, limit: min(gateFirst, most), began: time.Now()}
}

// newFixedGate makes a gate that measures nothing.
func newFixedGate(limit int) *Gate { return &Gate{fixed: true, limit: limit} }

// full says that nothing is let in now, and counts what asked as refused.
func (g *Gate) full() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.busy < g.limit {
		return false
	}
	g.refuse()
	return true
}

// enter lets work in, which MUST leave, or refuses it.
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

// leave says that work which was let in has been done, and how long it took.
func (g *Gate) leave(took time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if took > gateTarget {
		g.slow++
	} else {
		g.quick++
	}
	g.left()
}

// EnterPatiently lets patient work in, which MUST LeavePatiently, once it is its turn, or returns
// the error of ctx.
func (g *Gate) EnterPatiently(ctx context.Context) error {
	g.mu.Lock()
	if g.queue.Len() == 0 && g.hasTurn() {
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
		g.left()
		g.done-- // nothing was
	default:
		g.queue.Remove(place)
	}
	return ctx.Err()
}

// LeavePatiently is leave of patient work, whose time says nothing: its own order is a part of it.
func (g *Gate) LeavePatiently() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.patient--
	g.left()
}

// hasTurn says whether patient work may come in.
func (g *Gate) hasTurn() bool { return g.busy < g.limit && g.patient < max(g.limit/2, 1) }

// left gives a place back, and on to those who wait.
func (g *Gate) left() {
	g.busy--
	g.done++
	g.fullSince = time.Time{}
	g.adapt(time.Now())
	for g.queue.Len() > 0 && g.hasTurn() {
		close(g.queue.Remove(g.queue.Front()).(chan struct{}))
		g.patient++
		g.take()
	}
	if g.busy >= g.limit && g.fullSince.IsZero() {
		g.fullSince = time.Now()
	}
	g.wanted = g.wanted || g.queue.Len() > 0
}

// adapt sets the limit by what the window saw, once it is over.
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

// stuck says that nothing has come out of a full gate for a while.
func (g *Gate) stuck() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return !g.fullSince.IsZero() && time.Since(g.fullSince) > gateStuck
}

// gateState is what a gate tells its metrics.
type gateState struct {
	limit, busy, queued int
	shed                int64
}

func (g *Gate) state() gateState {
	g.mu.Lock()
	defer g.mu.Unlock()
	return gateState{g.limit, g.busy, g.queue.Len(), g.shed}
}
