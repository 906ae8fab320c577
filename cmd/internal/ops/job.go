package ops

import (
	"encoding/json"
	"errors"
	"time"

	"passbook/shared/progress"
)

// ErrDifference is returned, wrapped, by a job that compared two things and found them different.
// Its program exits with 3.
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
	// exitCancelled is the shell's exit code of a program that was interrupted.
	exitCancelled = 130
)

// Job is the state of a job, as the API returns it.
type Job struct {
	ID         string            `json:"id"`
	Name       string            `json:"job"`
	State      string            `json:"state"`
	StartedAt  time.Time         `json:"started_at"`
	FinishedAt *time.Time        `json:"finished_at,omitempty"`
	Progress   progress.Snapshot `json:"progress"`
	// ExitCode is the exit code of the job's program; nil while the job runs.
	ExitCode *int   `json:"exit_code,omitempty"`
	Error    string `json:"error,omitempty"`
	// Result is what the job returned; there may be one beside an error.
	Result json.RawMessage `json:"result,omitempty"`
}

// Ended reports whether the job has ended and will not change any more.
func (j Job) Ended() bool { return j.State != Running }
