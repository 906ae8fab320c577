package ops

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"passbook/shared/access"
	"passbook/shared/progress"
)

// keptJobs bounds the list of jobs: the oldest that have ended are removed.
const keptJobs = 100

// largeResult is the size of a result of which only the newest keptLarge are kept.
const (
	largeResult = 256 << 10
	keptLarge   = 3
)

// Errors of Start.
var (
	// ErrParams means that a job cannot be done with its parameters. Nothing was changed.
	ErrParams = errors.New("wrong parameters")
	// ErrUnknown means that no job of that name is registered.
	ErrUnknown = errors.New("ops: no such job")
	// ErrRunning means that a job of that name already runs.
	ErrRunning = errors.New("ops: the job already runs")
	// ErrClosed means that the registry accepts no more jobs.
	ErrClosed = errors.New("ops: closed")
)

// Func runs a job. params is a JSON object with nothing but the job's parameters; From has the rest
// of the request. It stops when ctx ends, because
// the job is cancelled or the process stops. The result is kept as JSON, also beside an error;
// ErrDifference means exit code 3, any other error 1.
type Func func(ctx context.Context, params json.RawMessage, p *progress.Tracker) (result any, err error)

// Request asks for a job.
type Request struct {
	// Job is the job's name.
	Job string
	// Actor is who asks for it, such as os:1000, and Reason why, in that person's words; each may
	// be empty.
	Actor, Reason string
	// Params is a JSON object with the job's parameters; empty for none.
	Params json.RawMessage
}

// requestKey is the key of a Request in a context.
type requestKey struct{}

// With returns a context in which a job runs that was asked for by r.
func With(ctx context.Context, r Request) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}

// From returns the request that the job of a context was asked for by; an empty one outside of a
// job.
func From(ctx context.Context) Request {
	r, _ := ctx.Value(requestKey{}).(Request)
	return r
}

// Registry has the jobs of a process and runs them. Safe for concurrent use.
type Registry struct {
	// Check, if not nil, checks a request before its job starts. Its errors match ErrParams.
	Check func(Request) error

	secret [sha256.Size]byte // the hash of what callers send
	owner  *access.Principal
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

// NewSecret returns a new secret for a registry.
func NewSecret() string { return rand.Text() }

// New makes a registry without jobs. Who knows the secret is admitted as actor, the owner of the
// process. Close ends it.
func New(secret, actor string) *Registry {
	r := &Registry{
		secret: sha256.Sum256([]byte(secret)), funcs: map[string]Func{},
		owner: &access.Principal{Actor: actor, Tenant: access.MainTenant, Scopes: access.All, AllTenants: true},
	}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	return r
}

// Register adds a job. It panics if the name is taken, which is a bug in the program.
func (r *Registry) Register(name string, f Func) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, taken := r.funcs[name]; taken {
		panic("ops: registered twice: " + name)
	}
	r.funcs[name] = f
}

// Start starts a job and returns at once.
func (r *Registry) Start(asked Request) (Job, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f, ok := r.funcs[asked.Job]
	switch {
	case r.closed:
		return Job{}, ErrClosed
	case !ok:
		return Job{}, ErrUnknown
	case slices.ContainsFunc(r.jobs, func(other *run) bool { return other.job.Name == asked.Job && !other.job.Ended() }):
		return Job{}, ErrRunning
	}
	if r.Check != nil {
		if err := r.Check(asked); err != nil {
			return Job{}, err
		}
	}
	ctx, cancel := context.WithCancel(With(r.ctx, asked))
	started := &run{
		job:      Job{ID: uuid.Must(uuid.NewV7()).String(), Name: asked.Job, State: Running, StartedAt: time.Now().UTC()},
		progress: progress.New(), cancel: cancel,
	}
	r.jobs = append(r.jobs, started)
	r.forget()
	r.runs.Go(func() {
		defer cancel()
		result, err := call(ctx, f, asked.Params, started.progress)
		r.end(ctx, started, result, err)
	})
	return started.snapshot(), nil
}

// call runs f and returns a panic as an error.
func call(ctx context.Context, f Func, params json.RawMessage, p *progress.Tracker) (result any, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("the job panicked: %v", fault)
		}
	}()
	return f(ctx, params, p)
}

// end records the outcome of a job.
func (r *Registry) end(ctx context.Context, ended *run, result any, err error) {
	var text json.RawMessage
	if result != nil {
		var failed error
		if text, failed = json.Marshal(result); failed != nil {
			err = errors.Join(err, fmt.Errorf("encode the result: %w", failed))
		}
	}
	ended.progress.Stop()
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now().UTC()
	state, code := Outcome(ctx, err)
	ended.job.State, ended.job.Result, ended.job.FinishedAt, ended.job.ExitCode = state, text, &now, &code
	if err != nil {
		ended.job.Error = err.Error()
	}
	r.forgetResults()
}

// forgetResults drops large results but the newest: their number, and so their memory, is bounded.
func (r *Registry) forgetResults() {
	large := 0
	for _, known := range slices.Backward(r.jobs) {
		if len(known.job.Result) < largeResult {
			continue
		}
		if large++; large > keptLarge {
			known.job.Result = nil
		}
	}
}

// Outcome returns the state and the exit code of a job that ended with err; ctx is the job's.
func Outcome(ctx context.Context, err error) (state string, code int) {
	switch {
	case err == nil:
		return Done, exitDone
	case errors.Is(err, ErrDifference):
		return Failed, exitDifference
	case ctx.Err() != nil:
		return Cancelled, exitCancelled
	}
	return Failed, exitFailed
}

// forget removes the oldest jobs that have ended, beyond keptJobs.
func (r *Registry) forget() {
	for i := 0; len(r.jobs) > keptJobs && i < len(r.jobs); {
		if r.jobs[i].job.Ended() {
			r.jobs = slices.Delete(r.jobs, i, i+1)
		} else {
			i++
		}
	}
}

// snapshot returns the state of the job; the registry is locked.
func (s *run) snapshot() Job {
	job := s.job
	job.Progress = s.progress.Snapshot()
	return job
}

// Get returns the job with the id.
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

// List returns every job that is kept, newest last.
func (r *Registry) List() []Job {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]Job, 0, len(r.jobs))
	for _, known := range r.jobs {
		list = append(list, known.snapshot())
	}
	return list
}

// Cancel asks a job to stop and returns its state; it runs until it stops.
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

// Close cancels every job, accepts no more, and waits until they have stopped or ctx ends.
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
