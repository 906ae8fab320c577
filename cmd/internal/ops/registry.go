package ops

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"passbook/shared/progress"
)

// keptJobs bounds the list of jobs: the oldest that have ended are forgotten.
const keptJobs = 100

// Errors of Start.
var (
	// ErrParams: a job cannot be done with these parameters; nothing was touched.
	ErrParams = errors.New("wrong parameters")
	// ErrUnknown: no job of that name is registered.
	ErrUnknown = errors.New("ops: no such job")
	// ErrRunning: a job of that name runs already.
	ErrRunning = errors.New("ops: the job runs already")
	// ErrClosed: the registry takes no more jobs.
	ErrClosed = errors.New("ops: closed")
)

// Func carries a job out. params is a JSON object, the job's name not in it. It obeys ctx, which
// ends when the job is cancelled or the process stops. The result is kept as JSON, beside an error
// too; an error that is ErrDifference stands for exit code 3, any other for 1.
type Func func(ctx context.Context, params json.RawMessage, p *progress.Tracker) (result any, err error)

// Registry knows the jobs of a process and runs them. Safe for concurrent use.
type Registry struct {
	// Check, if not nil, looks at the parameters of a job before it starts. Its errors match
	// ErrParams.
	Check func(name string, params json.RawMessage) error

	ctx    context.Context
	cancel context.CancelFunc
	runs   sync.WaitGroup

	mu     sync.Mutex
	closed bool
	funcs  map[string]Func
	jobs   []*run // oldest first
}

// run is a job that was started.
type run struct {
	job      Job
	progress *progress.Tracker
	cancel   context.CancelFunc
}

// New makes a registry without jobs. Close ends it.
func New() *Registry {
	r := &Registry{funcs: map[string]Func{}}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	return r
}

// Register adds a job. A name that is taken is a mistake in the program, and it panics.
func (r *Registry) Register(name string, f Func) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, taken := r.funcs[name]; taken {
		panic("ops: registered twice: " + name)
	}
	r.funcs[name] = f
}

// Start starts a job and returns at once.
func (r *Registry) Start(name string, params json.RawMessage) (Job, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f, ok := r.funcs[name]
	switch {
	case r.closed:
		return Job{}, ErrClosed
	case !ok:
		return Job{}, ErrUnknown
	case slices.ContainsFunc(r.jobs, func(other *run) bool { return other.job.Name == name && !other.job.Ended() }):
		return Job{}, ErrRunning
	}
	if r.Check != nil {
		if err := r.Check(name, params); err != nil {
			return Job{}, err
		}
	}
	ctx, cancel := context.WithCancel(r.ctx)
	started := &run{
		job:      Job{ID: uuid.Must(uuid.NewV7()).String(), Name: name, State: Running, StartedAt: time.Now().UTC()},
		progress: progress.New(), cancel: cancel,
	}
	r.jobs = append(r.jobs, started)
	r.forget()
	r.runs.Go(func() {
		defer cancel()
		result, err := call(ctx, f, params, started.progress)
		r.end(ctx, started, result, err)
	})
	return started.snapshot(), nil
}

// call runs f, and turns a panic into an error.
func call(ctx context.Context, f Func, params json.RawMessage, p *progress.Tracker) (result any, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("the job panicked: %v", fault)
		}
	}()
	return f(ctx, params, p)
}

// end writes down what a job came to.
func (r *Registry) end(ctx context.Context, ended *run, result any, err error) {
	var text json.RawMessage
	if result != nil {
		var failed error
		if text, failed = json.Marshal(result); failed != nil {
			err = errors.Join(err, fmt.Errorf("render the result: %w", failed))
		}
	}
	ended.progress.Stop()
	r.mu.Lock()
	defer r.mu.Unlock()
	now, code := time.Now().UTC(), exitDone
	ended.job.State, ended.job.Result, ended.job.FinishedAt = Done, text, &now
	switch {
	case errors.Is(err, ErrDifference):
		ended.job.State, code = Failed, exitDifference
	case err != nil && ctx.Err() != nil:
		ended.job.State, code = Cancelled, exitCancelled
	case err != nil:
		ended.job.State, code = Failed, exitFailed
	}
	ended.job.ExitCode = &code
	if err != nil {
		ended.job.Error = err.Error()
	}
}

// forget drops the oldest jobs that have ended, beyond keptJobs.
func (r *Registry) forget() {
	for i := 0; len(r.jobs) > keptJobs && i < len(r.jobs); {
		if r.jobs[i].job.Ended() {
			r.jobs = slices.Delete(r.jobs, i, i+1)
		} else {
			i++
		}
	}
}

// snapshot is the job now; the registry is locked.
func (s *run) snapshot() Job {
	job := s.job
	job.Progress = s.progress.Snapshot()
	return job
}

// Get is the job with the id.
func (r *Registry) Get(id string) (Job, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, known := range r.jobs {
		if known.job.ID == id {
			return known.snapshot(), true
		}
	}
	return Job{}, false
}

// List is every job that is known, newest last.
func (r *Registry) List() []Job {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]Job, 0, len(r.jobs))
	for _, known := range r.jobs {
		list = append(list, known.snapshot())
	}
	return list
}

// Cancel tells a job to stop, and returns it as it is; it runs until it obeys.
func (r *Registry) Cancel(id string) (Job, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, known := range r.jobs {
		if known.job.ID == id {
			known.cancel()
			return known.snapshot(), true
		}
	}
	return Job{}, false
}

// Close cancels every job, takes no more, and waits until they have stopped or ctx ends.
func (r *Registry) Close(ctx context.Context) error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.cancel()
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		r.runs.Wait()
	}()
	select {
	case <-stopped:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for jobs: %w", ctx.Err())
	}
}
