package progress

import (
	"sync"
	"time"
)

// Tracker counts the units of a job's phases. It is safe for concurrent use. A nil Tracker ignores
// what it is given, for callers that nobody watches.
type Tracker struct {
	now func() time.Time

	mu          sync.Mutex
	phase, unit string
	done, total int64
	began       time.Time
	stopped     time.Time // zero until Stop
}

// Snapshot is a job's progress at one moment.
type Snapshot struct {
	// Phase names what the job is doing, Unit what it counts.
	Phase string `json:"phase,omitempty"`
	Unit  string `json:"unit,omitempty"`
	Done  int64  `json:"done"`
	// Total is 0 while it is unknown.
	Total int64 `json:"total"`
	// Rate is in units per second since the phase began.
	Rate float64 `json:"rate"`
	// ETASeconds is the time that the rest of the phase takes at that rate; nil while it is
	// unknown.
	ETASeconds *float64 `json:"eta_seconds,omitempty"`
}

// New returns a Tracker that has counted nothing.
func New() *Tracker {
	t := &Tracker{now: time.Now}
	t.began = t.now()
	return t
}

// Begin starts a phase of total units; 0 means that the number is not known.
func (t *Tracker) Begin(phase, unit string, total int64) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.phase, t.unit, t.total, t.done, t.began = phase, unit, total, 0, t.now()
}

// Add counts n more units, n ≥ 0.
func (t *Tracker) Add(n int64) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.done += n
}

// Stop ends the measuring of time, so that the rate of a job that has ended does not fall.
func (t *Tracker) Stop() {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stopped = t.now()
}

// Snapshot returns the progress of now, or of the moment of Stop.
func (t *Tracker) Snapshot() Snapshot {
	if t == nil {
		return Snapshot{}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	s := Snapshot{Phase: t.phase, Unit: t.unit, Done: t.done, Total: t.total}
	until := t.stopped
	if until.IsZero() {
		until = t.now()
	}
	if took := until.Sub(t.began).Seconds(); took > 0 {
		s.Rate = float64(t.done) / took
	}
	if rest := t.total - t.done; s.Rate > 0 && t.total > 0 && rest >= 0 {
		eta := float64(rest) / s.Rate
		s.ETASeconds = &eta
	}
	return s
}
