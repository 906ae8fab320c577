package admission

import (
	"context"
	"errors"
	"sync"
	"time"
)

// The refusals of a Gate. Nothing was done.
var (
	// ErrFull means that there is no place for anybody.
	ErrFull = errors.New("admission: no place is free")
	// ErrShare means that the caller holds its share of the places.
	ErrShare = errors.New("admission: the caller holds its share of the places")
)

// Caller names who wants work done. The zero Caller is nobody in particular, and has no share: it
// may take every place.
type Caller struct{ Tenant, Actor string }

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
	// gateStuck is how long a full gate may end no work before the process is not ready.
	gateStuck = 2 * time.Second
	// othersFor is how long after another caller's last work a caller may hold only its share.
	othersFor = 10 * time.Second
)

// Gate bounds how much work of one kind is in progress at once. It adapts its limit while work is
// refused or waits: when more than half of the work takes longer than gateTarget the limit falls,
// down to gateQueue of work, else it rises. What is not admitted is refused at once, except for
// patient work, the lines of bulk: they wait for their turn and take at most half of the places, so
// that single requests are served beside them. While several callers use the gate, none holds more
// than half of the places, and their patient work is admitted in turn.
type Gate struct {
	least, most int
	fixed       bool

	mu            sync.Mutex
	limit         int
	busy, patient int // in progress, and how many of them are patient
	waiting       turns
	shed          int64
	// held are the places of each caller that has a share, last is who wanted one last, and others
	// when that last became somebody else.
	held   map[Caller]int
	last   Caller
	others time.Time
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

// NewGate makes a gate that admits at most most at once.
func NewGate(most int) *Gate {
	return &Gate{least: min(gateLeast, most), most: most, limit: min(gateFirst, most), began: time.Now(), held: map[Caller]int{}, waiting: newTurns()}
}

// NewFixedGate makes a gate whose limit does not adapt.
func NewFixedGate(limit int) *Gate {
	return &Gate{fixed: true, limit: limit, held: map[Caller]int{}, waiting: newTurns()}
}

// Through runs work inside the gate, or refuses it with ErrFull or ErrShare.
func (g *Gate) Through(who Caller, work func() error) error {
	began := time.Now()
	if err := g.enter(who, began); err != nil {
		return err
	}
	defer func() { g.leave(who, time.Since(began)) }()
	return work()
}

// Refuses returns why nothing of the caller is admitted now, or nil. It counts a refusal.
func (g *Gate) Refuses(who Caller) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.refuses(who, time.Now())
}

// refuses returns why nothing of the caller is admitted, and counts the refusal.
func (g *Gate) refuses(who Caller, now time.Time) error {
	if who != g.last {
		if g.last != (Caller{}) {
			g.others = now
		}
		g.last = who
	}
	var err error
	switch {
	case g.busy >= g.limit:
		err = ErrFull
	case who != Caller{} && g.held[who] >= max(g.limit/2, 1) && now.Sub(g.others) < othersFor:
		err = ErrShare
	default:
		return nil
	}
	g.shed++
	g.wanted = true
	g.adapt(now)
	return err
}

// enter admits work, which MUST leave, or returns why not.
func (g *Gate) enter(who Caller, now time.Time) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.refuses(who, now); err != nil {
		return err
	}
	g.take(who)
	return nil
}

func (g *Gate) take(who Caller) {
	g.busy++
	if who != (Caller{}) {
		g.held[who]++
	}
	if g.busy >= g.limit && g.fullSince.IsZero() {
		g.fullSince = time.Now()
	}
}

// leave ends work that was admitted and took this long.
func (g *Gate) leave(who Caller, took time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if took > gateTarget {
		g.slow++
	} else {
		g.quick++
	}
	g.free(who)
}

// EnterPatiently waits until it is the work's turn, and admits it: it MUST LeavePatiently. When ctx
// ends first, EnterPatiently returns its error.
func (g *Gate) EnterPatiently(ctx context.Context, who Caller) error {
	g.mu.Lock()
	if g.waiting.n == 0 && g.admitsPatient() {
		g.takePatiently(who)
		g.mu.Unlock()
		return nil
	}
	g.wanted = true
	turn := g.waiting.add(who)
	g.mu.Unlock()
	select {
	case <-turn.come:
		return nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-turn.come: // just now
		g.patient--
		g.free(who)
		g.done-- // nothing was
	default:
		g.waiting.remove(turn)
	}
	return ctx.Err()
}

// LeavePatiently ends patient work. Its time is not measured: it contains waiting for the lines
// before it.
func (g *Gate) LeavePatiently(who Caller) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.patient--
	g.free(who)
}

// admitsPatient reports whether patient work may be admitted.
func (g *Gate) admitsPatient() bool { return g.busy < g.limit && g.patient < max(g.limit/2, 1) }

// takePatiently takes a place for patient work. It does not count as a caller's use of the gate:
// patient work of others waits in its own turn.
func (g *Gate) takePatiently(who Caller) {
	g.patient++
	g.take(who)
}

// free frees a place, and gives it to patient work that waits.
func (g *Gate) free(who Caller) {
	g.busy--
	g.done++
	if who != (Caller{}) {
		if g.held[who]--; g.held[who] == 0 {
			delete(g.held, who)
		}
	}
	g.fullSince = time.Time{}
	g.adapt(time.Now())
	for g.waiting.n > 0 && g.admitsPatient() {
		next := g.waiting.next()
		close(next.come)
		g.takePatiently(next.who)
	}
	if g.busy >= g.limit && g.fullSince.IsZero() {
		g.fullSince = time.Now()
	}
	g.wanted = g.wanted || g.waiting.n > 0
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

// Stuck reports whether a full gate has ended no work for gateStuck.
func (g *Gate) Stuck() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return !g.fullSince.IsZero() && time.Since(g.fullSince) > gateStuck
}

// State is what the metrics show of a gate.
type State struct {
	// Limit is how much work may be in progress, Busy how much is, Queued how much waits.
	Limit, Busy, Queued int
	// Shed counts the refusals.
	Shed int64
}

// State returns the gate's state.
func (g *Gate) State() State {
	g.mu.Lock()
	defer g.mu.Unlock()
	return State{g.limit, g.busy, g.waiting.n, g.shed}
}
