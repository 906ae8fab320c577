package replay

import (
	"errors"
	"sync/atomic"
	"time"
)

// ErrDifference says that a job found what does not fit together; its report names it. Programs
// exit with 3.
var ErrDifference = errors.New("replay: differences found")

// Status is how far a job is.
type Status struct {
	// Step names what is being done.
	Step string
	// Done of Total units are done; Total is 0 when it is not known.
	Done, Total int64
	Unit        string
	Elapsed     time.Duration
}

// Rate is units a second since the step began.
func (s Status) Rate() float64 {
	if s.Elapsed <= 0 {
		return 0
	}
	return float64(s.Done) / s.Elapsed.Seconds()
}

// ETA is the time that the rest of the step will take at the rate so far; 0 when that is not known.
func (s Status) ETA() time.Duration {
	rate := s.Rate()
	if rate == 0 || s.Total <= s.Done {
		return 0
	}
	return time.Duration(float64(s.Total-s.Done) / rate * float64(time.Second))
}

// Progress is told how far a job is: at the start and the end of each step, and in between at most
// ten times a second. Calls come one at a time.
type Progress interface{ Progress(Status) }

// Quiet is told and does nothing.
type Quiet struct{}

// Progress implements Progress.
func (Quiet) Progress(Status) {}

// reportEvery spaces the reports of a step.
const reportEvery = 100 * time.Millisecond

// step counts the units of one step of a job. add may be called concurrently.
type step struct {
	progress Progress
	status   Status
	began    time.Time
	done     atomic.Int64
	turn     chan struct{} // holds a token: whoever takes it may report
	reported time.Time     // guarded by turn
}

func startStep(p Progress, name, unit string, total int64) *step {
	if p == nil {
		p = Quiet{}
	}
	s := &step{progress: p, status: Status{Step: name, Unit: unit, Total: total}, began: time.Now(), turn: make(chan struct{}, 1)}
	s.reported = s.began
	p.Progress(s.status)
	s.turn <- struct{}{}
	return s
}

func (s *step) add(n int64) {
	s.done.Add(n)
	select {
	case <-s.turn:
		if now := time.Now(); now.Sub(s.reported) >= reportEvery {
			s.reported = now
			s.report(now)
		}
		s.turn <- struct{}{}
	default:
	}
}

func (s *step) end() {
	<-s.turn
	s.report(time.Now())
}

func (s *step) report(now time.Time) {
	status := s.status
	status.Done, status.Elapsed = s.done.Load(), now.Sub(s.began)
	s.progress.Progress(status)
}
