package consumer

import (
	"context"
	"errors"
	"sync"
	"time"

	"passbook/shared/backoff"
	"passbook/shared/control"
	"passbook/shared/event"
)

// Worker reads the shards whose leases it has.
type Worker struct {
	config  Config
	runtime Runtime // config's, with its defaults
	leases  leaseTable
	seen    control.Watch // the epochs of the leases
	listed  listing
	health  *workerHealth
	runs    map[string]*shardRun
	ended   chan *shardRun
	quit    chan struct{} // closed when nothing receives from ended any more
	pending bool          // a claim of this worker is not answered yet
	// unconfirmed are the shards on whose lease this worker's name was to be written by a put that
	// was not answered, and may still be applied.
	unconfirmed map[string]bool
	leaseErr    error         // why a lease could not be written, since the last snapshot
	wake        chan struct{} // starts the maintenance before its time
	mu          sync.Mutex
	// the workers that were alive at the last snapshot; nil before the first
	owners map[string]bool
}

// shardRun is a shard that this worker reads.
type shardRun struct {
	shard  Shard
	keeper *leaseKeeper
	cancel context.CancelCauseFunc
	health *shardHealth
	err    error // why it ended; set before the run is sent on ended
}

// New returns a worker, which does nothing before Run.
func New(c Config) *Worker {
	r := c.Runtime.withDefaults()
	r.Log = r.Log.With("consumer", c.Name)
	r.Metrics.declare(c.Name)
	return &Worker{
		config:      c,
		runtime:     r,
		leases:      leasesOf(r.Table, r.Stream, c.Name).fencedBy(r.Origin),
		runs:        map[string]*shardRun{},
		ended:       make(chan *shardRun),
		unconfirmed: map[string]bool{},
		quit:        make(chan struct{}),
		wake:        make(chan struct{}, 1),
	}
}

// Run reads until ctx ends. It then hands every shard over, which takes about 2 seconds and at most
// 5, and returns nil. It returns an error only when a handler returned one marked Fatal, or when a
// store refuses the process before it has done any work. It MUST be called once.
func (w *Worker) Run(ctx context.Context) error {
	defer w.runtime.Metrics.leases.WithLabelValues(w.config.Name).Set(0)
	w.health = w.runtime.Health.add(w.config.Name, w.runtime.Lease)
	defer w.runtime.Health.remove(w.health)
	work, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	var maintenance sync.WaitGroup
	defer maintenance.Wait()
	maintained, stop := context.WithCancel(ctx)
	defer stop()
	maintenance.Go(func() { w.maintain(maintained) })
	var fatal error
	for ctx.Err() == nil && fatal == nil {
		pause, err := w.rebalance(ctx, work)
		if isFatal(err) {
			fatal = err
			break
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case r := <-w.ended:
			fatal = w.finish(r)
		}
		timer.Stop()
	}
	return errors.Join(fatal, w.handOver())
}

// rebalance reads the stream and the leases, takes the shards that the plan gives this worker, and
// returns the time until the next call. It records its failures; the caller only needs to know
// whether one is fatal.
func (w *Worker) rebalance(ctx, work context.Context) (pause time.Duration, err error) {
	pause = min(rebalanceEvery, w.runtime.Lease/4)
	bounded, cancel := context.WithTimeout(ctx, w.runtime.Lease/4)
	defer cancel()
	s, err := w.snapshot(bounded)
	if err != nil {
		if ctx.Err() == nil {
			w.health.snapshotFailed(err)
			w.noteFailure(stepSnapshot, err)
		}
		return pause, w.runtime.Health.fatalIfRefused(err)
	}
	w.leaseErr = nil
	p := s.plan()
	if w.noteOwners(s) {
		w.wakeMaintenance() // the shards are known now
	}
	for _, l := range p.drop {
		w.noteFailure(stepLease, w.leases.drop(bounded, l))
	}
	for _, l := range p.acquire {
		w.acquire(bounded, work, l)
	}
	w.claim(bounded, p.claim)
	w.health.rebalanced(w.runs)
	w.runtime.Metrics.leases.WithLabelValues(w.config.Name).Set(float64(len(w.runs)))
	return w.pause(pause, s), w.leaseErr
}

// noteOwners remembers which workers are alive, and reports whether it was called the first time.
func (w *Worker) noteOwners(s snapshot) (first bool) {
	owners := map[string]bool{w.runtime.Owner: true}
	for _, l := range s.leases {
		if l.owner != "" && !s.expired(l) {
			owners[l.owner] = true
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	first = w.owners == nil
	w.owners = owners
	return first
}

// shardsKnown reports whether a snapshot was taken, so that every shard of the stream has a lease.
func (w *Worker) shardsKnown() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.owners != nil
}

// alive reports whether a worker had a lease at the last snapshot; before the first, it returns
// true.
func (w *Worker) alive(owner string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.owners == nil || w.owners[owner]
}

// pause returns the time until the next snapshot, which is at most most: the moment at which a
// silent owner counts as dead, and a short time while a claim of this worker is not answered.
func (w *Worker) pause(most time.Duration, s snapshot) time.Duration {
	for shard, l := range s.leases {
		if left := w.runtime.Lease - s.silent(shard); l.owner != "" && l.owner != w.runtime.Owner && left > 0 {
			most = min(most, left)
		}
		if l.claim == w.runtime.Owner {
			w.pending = true
		}
	}
	if w.pending {
		w.pending = false
		most = min(most, rebalanceEvery/4)
	}
	return most
}

// snapshot reads the stream and the leases. It makes the leases of new shards, and has the readers
// of claimed shards finish.
func (w *Worker) snapshot(ctx context.Context) (snapshot, error) {
	leases, err := w.leases.list(ctx)
	if err != nil {
		return snapshot{}, err
	}
	if err := w.list(ctx, leases); err != nil {
		return snapshot{}, err
	}
	created := w.listed.created.Unix()
	for _, shard := range w.listed.shards {
		if _, known := leases[shard.ID]; known {
			continue
		}
		l, err := w.leases.write(ctx, newLease(shard, created))
		if err != nil && !errors.Is(err, errLost) {
			return snapshot{}, err
		}
		leases[shard.ID] = l
	}
	now := time.Now()
	w.seen.Observe(epochs(leases), now)
	running := map[string]bool{}
	for id, r := range w.runs {
		running[id] = true
		if l := leases[id]; l.owner == w.runtime.Owner && l.claim != "" {
			r.keeper.requestHandOver()
		}
	}
	return snapshot{
		me: w.runtime.Owner, exclusive: w.runtime.Exclusive, length: w.runtime.Lease, created: created,
		shards: w.listed.shards, leases: leases, running: running,
		silent: func(shard string) time.Duration { return w.seen.Silent(shard, now) },
	}, nil
}

// acquire takes a lease and starts its reader. If records were lost before, it records the hole
// first, while the lease still shows it.
func (w *Worker) acquire(ctx, work context.Context, l lease) {
	began := time.Now()
	created := w.listed.created.Unix()
	cause, err := w.lossBefore(ctx, l, created, began)
	if err != nil {
		w.noteFailure(stepLease, err)
		return
	}
	if cause != "" {
		if err := w.recordHole(ctx, l, l.checkpoint, cause); err != nil {
			w.noteFailure(stepLease, err)
			return
		}
	}
	if cause != "" || l.created != created {
		l.created = created
		l.restart(began)
	}
	for _, shard := range w.listed.shards {
		if shard.ID == l.shard {
			l.first, l.last = shard.FirstHash, shard.LastHash
		}
	}
	l.giveTo(w.runtime.Owner)
	l.format = event.Format
	l, ok := w.writeLease(ctx, l)
	if !ok {
		return
	}
	w.countMove(moveAcquired)
	runCtx, cancel := context.WithCancelCause(work)
	r := &shardRun{
		shard:  Shard{Stream: w.runtime.Stream, Created: w.listed.created, ID: l.shard, FirstHash: l.first, LastHash: l.last},
		keeper: newLeaseKeeper(w.leases, l, w.runtime.Lease, began),
		cancel: cancel,
		health: w.health.shard(l.shard),
	}
	w.runs[l.shard] = r
	go w.work(runCtx, r)
}

// claim asks the owners of leases to hand them over.
func (w *Worker) claim(ctx context.Context, leases []lease) {
	for _, l := range leases {
		l.claim = w.runtime.Owner
		if _, ok := w.writeLease(ctx, l); ok {
			w.pending = true
		}
	}
}

// work reads one shard and keeps its lease until the shard ends, is handed over or is lost. It then
// sends the run on ended.
func (w *Worker) work(ctx context.Context, r *shardRun) {
	var keeper sync.WaitGroup
	keeping, done := context.WithCancel(ctx)
	keeper.Go(func() {
		if err := r.keeper.run(keeping); err != nil {
			w.abandon(r, err)
		}
	})
	keeper.Go(func() { r.enforceGrace(keeping) })
	removeReader := w.runtime.Decoder.AddReader(r.shard)
	err := newReader(w, r).run(ctx)
	removeReader()
	if cause := context.Cause(ctx); cause != nil && !isFatal(err) {
		err = cause
	}
	done()
	keeper.Wait()
	r.err = errors.Join(err, w.closeLease(r, err))
	select {
	case w.ended <- r:
	case <-w.quit:
	}
}

// enforceGrace cancels the batch in work when a hand-over has waited for it for handOverGrace.
func (r *shardRun) enforceGrace(ctx context.Context) {
	select {
	case <-ctx.Done():
		return
	case <-r.keeper.handOver:
	}
	if backoff.Sleep(ctx, handOverGrace) == nil {
		r.cancel(errHandOver)
	}
}

// abandon ends the reader of a lease that cannot be kept. A stalled reader may take long to return,
// so its lease is released at once.
func (w *Worker) abandon(r *shardRun, err error) {
	w.runtime.Log.Error("stopped reading the shard; a worker takes it again", "shard", r.shard.ID, "error", err)
	if errors.Is(err, errStalled) {
		r.health.failed(err)
		w.countMove(moveStalled)
		ctx, cancel := context.WithTimeout(context.Background(), w.runtime.Lease/4)
		defer cancel()
		w.noteFailure(stepLease, r.keeper.release(ctx))
	} else {
		w.countMove(moveLost)
	}
	r.cancel(err)
}

// closeLease writes the lease of a run that ended with err for the last time: as ended, or without
// this worker. A lease that was lost is not written.
func (w *Worker) closeLease(r *shardRun, err error) error {
	if errors.Is(err, errLost) || errors.Is(err, errStalled) {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), min(handOverGrace, w.runtime.Lease/4))
	defer cancel()
	if err == nil {
		return r.keeper.end(ctx)
	}
	w.countMove(moveHanded)
	return r.keeper.release(ctx)
}

// finish removes a run that ended, and returns its error when that is fatal.
func (w *Worker) finish(r *shardRun) error {
	r.cancel(nil)
	delete(w.runs, r.shard.ID)
	w.listed.at = time.Time{} // the shard may have children now
	w.runtime.Metrics.lag.DeleteLabelValues(w.config.Name, r.shard.ID)
	if isFatal(r.err) {
		return r.err
	}
	return nil
}

// noteFailure counts and logs a failed step, which is repeated later. A nil err is none.
func (w *Worker) noteFailure(step string, err error) {
	if err != nil {
		w.countFailure(step)
		w.runtime.Log.Warn("consumer step failed and will be repeated", "step", step, "error", err)
	}
}

func (w *Worker) countFailure(step string) {
	w.runtime.Metrics.failures.WithLabelValues(w.config.Name, step).Inc()
}

func (w *Worker) countMove(move string) {
	w.runtime.Metrics.leaseMoves.WithLabelValues(w.config.Name, move).Inc()
}

// setLag sets the metric of a shard's distance from its tip.
func (w *Worker) setLag(shard string, behind time.Duration) {
	w.runtime.Metrics.lag.WithLabelValues(w.config.Name, shard).Set(behind.Seconds())
}
