package ops

import (
	"encoding/json"
	"errors"
	"sync"
	"time"
)

// ErrDifference is what a job that compared two things returns, wrapped, when they differ. Its
// program exits with 3.
var ErrDifference = errors.New("a difference was found")

// The states of a job.
const (
	Running   = "running"
	Done      = "done"
	Failed    = "failed"
	Cancelled = "cancelled"
)

// The exit codes that a job's end stands for.
const (
	exitDone       = 0
	exitFailed     = 1
	exitDifference = 3
	// exitCancelled is what a shell gives a program that was interrupted.
	exitCancelled = 130
)

// Job is how far a job is, as it is told to whoever asks.
type Job struct {
	ID         string     `json:"id"`
	Name       string     `json:"job"`
	State      string     `json:"state"`
	StartedAt  time.Time  `json:"started_at"`
	FinishedAt *time.Time `json:"finished_at,omitempty"`
	Progress   Snapshot   `json:"progress"`
	// ExitCode is what the job's program exits with; nil while it runs.
	ExitCode *int   `json:"exit_code,omitempty"`
	Error    string `json:"error,omitempty"`
	// Result is what the job returned, whatever its error.
	Result json.RawMessage `json:"result,omitempty"`
}

// Ended says whether the job will not change any more.
func (j Job) Ended() bool { return j.State != Running }

// Snapshot is a job's progress at one moment.
type Snapshot struct {
	// Phase is what the job is doing, Unit what it counts.
	Phase string `json:"phase,omitempty"`
	Unit  string `json:"unit,omitempty"`
	Done  int64  `json:"done"`
	// Total is 0 while it is unknown.
	Total int64 `json:"total"`
	// Rate is units a second since the phase began.
	Rate float64 `json:"rate"`
	// ETASeconds is how long the rest of the phase takes at that rate; nil while that cannot be
	// said.
	ETASeconds *float64 `json:"eta_seconds,omitempty"`
}

// Progress is where a job tells how far it is. Safe for concurrent use.
type Progress struct {
	now func() time.Time

	mu          sync.Mutex
	phase, unit string
	done, total int64
	began       time.Time
	frozen      bool
	ended       time.Time
}

// NewProgress starts at nothing. Programs that run a job themselves make one and draw it.
func NewProgress() *Progress {
	p := &Progress{now: time.Now}
	p.began = p.now()
	return p
}

// Phase begins a new phase, of total units; 0 when that is not known.
func (p *Progress) Phase(name, unit string, total int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.phase, p.unit, p.total, p.done, p.began = name, unit, total, 0, p.now()
}

// Add counts n more units, n ≥ 0.
func (p *Progress) Add(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
}

// SetTotal corrects the number of units of the phase.
func (p *Progress) SetTotal(total int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total = total
}

// stop freezes the rate: a job that has ended gets no slower.
func (p *Progress) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.frozen, p.ended = true, p.now()
}

// Snapshot is the progress now.
func (p *Progress) Snapshot() Snapshot {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := Snapshot{Phase: p.phase, Unit: p.unit, Done: p.done, Total: p.total}
	until := p.now()
	if p.frozen {
		until = p.ended
	}
	if took := until.Sub(p.began).Seconds(); took > 0 {
		s.Rate = float64(p.done) / took
	}
	if rest := p.total - p.done; s.Rate > 0 && p.total > 0 && rest >= 0 {
		eta := float64(rest) / s.Rate
		s.ETASeconds = &eta
	}
	return s
}
