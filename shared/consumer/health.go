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

// errNoWorker: none of the process's workers runs.
var errNoWorker = errors.New("consumer: no worker runs")

// Health tells whether the workers of a process do their work. The program makes one and gives it
// to all of them. It may be used concurrently.
type Health struct {
	mu      sync.Mutex
	workers []*workerHealth
	// settled: there was a time when all that ran had looked at the leases. A worker that is added
	// later, as for a generation that is rebuilt, does not make the process unready by being new.
	settled bool
	// proven: a batch was handled, so the process may read and write what every one of its kind
	// does.
	proven bool
	// trial is until when a refusal is taken for a wrong set-up, of a process that has just
	// started.
	trial time.Time
}

// trialLeases is how many leases a process has just started for: more than the first survey and the
// first reads take.
const trialLeases = 3

// workerHealth is how one worker does. health guards it.
type workerHealth struct {
	health *Health
	name   string
	lease  time.Duration
	// last is when it last surveyed, its start when it never did; err why it has not since.
	last   time.Time
	done   bool // it surveyed at least once
	err    error
	shards map[string]*shardHealth
}

// shardHealth is how one shard is read.
type shardHealth struct {
	health *Health
	// good is when a batch was last handled, err why none was since.
	good time.Time
	err  error
}

// NewHealth makes a Health that is not ready, as no worker runs.
func NewHealth() *Health { return &Health{} }

// Ready returns nil, or why not: no worker runs; one has not looked at the leases yet, or not for a
// whole lease, so that its shards are another's by now; or a shard that it holds has been failing
// for longer than a lease. It names the consumer, the shard and the last error, and makes no call.
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
		return fmt.Errorf("no survey yet: %w", cmp.Or(w.err, errors.New("it has just started")))
	case since > w.lease:
		return fmt.Errorf("no survey for %s: %w", since.Round(time.Second), cmp.Or(w.err, errors.New("it hangs")))
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

// denied makes an error fatal that says, soon after the start and before any batch was handled,
// that a store does not let this process do its work: it is set up wrongly, and to ask for ever
// would help nobody. Later on, or where it has stood by without a shard, it may be a mistake that
// somebody corrects, and is waited out.
func (h *Health) denied(err error) error {
	if !errors.Is(err, table.ErrRefused) && !errors.Is(err, stream.ErrRefused) {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.proven || time.Now().After(h.trial) {
		return err
	}
	return Fatal(err)
}

// join adds a worker that starts.
func (h *Health) join(name string, lease time.Duration) *workerHealth {
	h.mu.Lock()
	defer h.mu.Unlock()
	w := &workerHealth{health: h, name: name, lease: lease, last: time.Now(), shards: map[string]*shardHealth{}}
	h.workers = append(h.workers, w)
	if h.trial.IsZero() {
		h.trial = time.Now().Add(trialLeases * lease)
	}
	return w
}

// leave removes a worker that ended.
func (h *Health) leave(w *workerHealth) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.workers = slices.DeleteFunc(h.workers, func(other *workerHealth) bool { return other == w })
}

// surveyed notes that the worker looked at the leases, and the shards that it has in work since.
func (w *workerHealth) surveyed(runs map[string]*run) {
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

// blind notes why the worker could not look at the leases.
func (w *workerHealth) blind(err error) {
	w.health.mu.Lock()
	defer w.health.mu.Unlock()
	w.err = err
}

// shard is the health of a shard that the worker takes. One that it had at its last survey, and
// lost by failing, is as ill as it was.
func (w *workerHealth) shard(id string) *shardHealth {
	w.health.mu.Lock()
	defer w.health.mu.Unlock()
	if w.shards[id] == nil {
		w.shards[id] = &shardHealth{health: w.health, good: time.Now()}
	}
	return w.shards[id]
}

// well notes a batch that was handled.
func (s *shardHealth) well() {
	s.health.mu.Lock()
	defer s.health.mu.Unlock()
	s.good, s.err = time.Now(), nil
	s.health.proven = true
}

// ill notes a batch, or a read, that failed.
func (s *shardHealth) ill(err error) {
	s.health.mu.Lock()
	defer s.health.mu.Unlock()
	s.err = err
}
