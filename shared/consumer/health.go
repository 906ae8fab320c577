package consumer

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"passbook/shared/stream"
	"passbook/shared/table"
)

// errNoWorker is the error of a process of which no worker runs.
var errNoWorker = errors.New("consumer: no worker runs")

// startupLeases is how many leases long a process counts as just started: longer than the first
// snapshot and the first reads take.
const startupLeases = 3

// Health knows whether the workers of a process do their work. The program makes one and gives it
// to all of them. It may be used concurrently.
type Health struct {
	mu      sync.Mutex
	workers []*workerHealth
	// settled is set once every worker has read the leases. A worker that is added later, such as
	// that of a generation that is rebuilt, does not make the process unready by being new.
	settled bool
	// proven is set once a batch was processed: the process has the rights that its work takes.
	proven bool
	// startup is until when a refusal counts as a wrong configuration of a process that has just
	// started.
	startup time.Time
}

// workerHealth is the state of one worker. The mutex of health guards it.
type workerHealth struct {
	health *Health
	name   string
	lease  time.Duration
	// last is when the worker last read the leases, or its start when done is not set.
	last   time.Time
	done   bool
	err    error // why it has not read them since
	shards map[string]*shardHealth
}

// shardHealth is the state of one shard. The mutex of health guards it.
type shardHealth struct {
	health *Health
	// good is when a batch was last processed, and err why none was since.
	good time.Time
	err  error
}

// NewHealth returns a Health that is not ready, as no worker runs.
func NewHealth() *Health { return &Health{} }

// Ready returns nil, or why the process is not ready: no worker runs; one has not read the leases
// for the length of one, so that other workers have its shards by now; or a shard that it reads has
// been failing for longer than a lease. The error names the consumer, the shard and the last error.
// Ready makes no call.
func (h *Health) Ready() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.workers) == 0 {
		return errNoWorker
	}
	now := time.Now()
	for _, w := range h.workers {
		if err := w.ready(now); err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
	}
	return nil
}

func (w *workerHealth) ready(now time.Time) error {
	since := now.Sub(w.last)
	switch {
	case !w.done && (!w.health.settled || since > w.lease):
		return fmt.Errorf("the leases have not been read yet: %w", cmp.Or(w.err, errors.New("the worker has just started")))
	case since > w.lease:
		return fmt.Errorf("the leases have not been read for %s: %w", since.Round(time.Second), cmp.Or(w.err, errors.New("the worker hangs")))
	}
	var shards []string
	for id, s := range w.shards {
		if s.err != nil && now.Sub(s.good) > w.lease {
			shards = append(shards, id)
		}
	}
	if len(shards) == 0 {
		return nil
	}
	first := slices.Min(shards)
	s := w.shards[first]
	return fmt.Errorf("shard %s has been failing for %s: %w", first, now.Sub(s.good).Round(time.Second), s.err)
}

// fatalIfRefused makes an error Fatal if a store refuses the process's work soon after the start
// and before any batch was processed: its configuration is wrong, and repeating would not help. A
// refusal later, or of a process that has stood by without a shard, may be a mistake that a person
// corrects, and is repeated.
func (h *Health) fatalIfRefused(err error) error {
	if !errors.Is(err, table.ErrRefused) && !errors.Is(err, stream.ErrRefused) {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.proven || time.Now().After(h.startup) {
		return err
	}
	return Fatal(err)
}

// add adds a worker that starts.
func (h *Health) add(name string, lease time.Duration) *workerHealth {
	h.mu.Lock()
	defer h.mu.Unlock()
	w := &workerHealth{health: h, name: name, lease: lease, last: time.Now(), shards: map[string]*shardHealth{}}
	h.workers = append(h.workers, w)
	if h.startup.IsZero() {
		h.startup = time.Now().Add(startupLeases * lease)
	}
	return w
}

// remove removes a worker that ended.
func (h *Health) remove(w *workerHealth) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.workers = slices.DeleteFunc(h.workers, func(other *workerHealth) bool { return other == w })
}

// rebalanced notes that the worker has read the leases, and forgets the shards that it does not
// read.
func (w *workerHealth) rebalanced(runs map[string]*shardRun) {
	w.health.mu.Lock()
	defer w.health.mu.Unlock()
	w.last, w.done, w.err = time.Now(), true, nil
	for id := range w.shards {
		if runs[id] == nil {
			delete(w.shards, id)
		}
	}
	if !slices.ContainsFunc(w.health.workers, func(other *workerHealth) bool { return !other.done }) {
		w.health.settled = true
	}
}

// snapshotFailed notes why the worker could not read the leases.
func (w *workerHealth) snapshotFailed(err error) {
	w.health.mu.Lock()
	defer w.health.mu.Unlock()
	w.err = err
}

// shard returns the health of a shard that the worker takes. A shard that it lost by failing since
// it last read the leases keeps its failure.
func (w *workerHealth) shard(id string) *shardHealth {
	w.health.mu.Lock()
	defer w.health.mu.Unlock()
	if w.shards[id] == nil {
		w.shards[id] = &shardHealth{health: w.health, good: time.Now()}
	}
	return w.shards[id]
}

// succeeded notes a batch that was processed.
func (s *shardHealth) succeeded() {
	s.health.mu.Lock()
	defer s.health.mu.Unlock()
	s.good, s.err = time.Now(), nil
	s.health.proven = true
}

// failed notes a batch, or a read, that failed.
func (s *shardHealth) failed(err error) {
	s.health.mu.Lock()
	defer s.health.mu.Unlock()
	s.err = err
}
