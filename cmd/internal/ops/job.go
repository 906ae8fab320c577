package ops

import (
	"encoding/json"
	"errors"
	"time"

	"passbook/shared/progress"
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
	ID         string            `json:"id"`
	Name       string            `json:"job"`
	State      string            `json:"state"`
	StartedAt  time.Time         `json:"started_at"`
	FinishedAt *time.Time        `json:"finished_at,omitempty"`
	Progress   progress.Snapshot `json:"progress"`
	// ExitCode is what the job's program exits with; nil while it runs.
	ExitCode *int   `json:"exit_code,omitempty"`
	Error    string `json:"error,omitempty"`
	// Result is what the job returned, whatever its error.
	Result json.RawMessage `json:"result,omitempty"`
}

// Ended says whether the job will not change any more.
func (j Job) Ended() bool { return j.State != Running }
