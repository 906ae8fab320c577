package consumer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"passbook/shared/backoff"
	"passbook/shared/stream"
)

// Worker reads the shards that it holds leases for.
type Worker struct {
	config  Config
	runtime Runtime // config's
	leases  leaseTable
	seen    sightings
	// listed is the stream as it was last listed, and when; a finished shard makes it stale.
	listed  listing
	health  *workerHealth
	runs    map[string]*run
	ended   chan *run
	quit    chan struct{} // closed when nobody listens on ended any more
	pending bool          // a claim of ours is not answered yet
	// unsure are the shards whose lease was to get our name by a write that was not answered: it
	// may still come to pass.
	unsure map[string]bool
	barred error         // why a lease could not be written at last
	holed  chan struct{} // a hole was recorded
	mu     sync.Mutex
	owners map[string]bool // the workers that were alive at the last survey
}

// listing is the stream's shards, as they were at a time, and its creation, as it was when it was
// dated.
type listing struct {
	shards  []stream.Shard
	at      time.Time
	created time.Time
	dated   time.Time
}

// before says that the list is older than one of the leases, or that a shard of them is gone.
func (l listing) before(leases map[string]lease) bool {
	listed := map[string]bool{}
	for _, s := range l.shards {
		listed[s.ID] = true
	}
	for id, lease := range leases {
		if !listed[id] || lease.created > l.created.Unix() {
			return true
		}
	}
	return false
}

// run is a shard in work.
type run struct {
	shard  Shard
	hold   *hold
	cancel context.CancelCauseFunc
	health *shardHealth
	err    error // why it ended; set before it is sent on ended
}

// New makes a worker. It does nothing before Run.
func New(c Config) *Worker {
	r := c.Runtime.complete()
	r.Log = r.Log.With("consumer", c.Name)
	r.Metrics.declare(c.Name)
	return &Worker{
		config:  c,
		runtime: r,
		leases:  leasesOf(r.Table, r.Stream, c.Name),
		seen:    sightings{},
		runs:    map[string]*run{},
		ended:   make(chan *run),
		unsure:  map[string]bool{},
		quit:    make(chan struct{}),
		holed:   make(chan struct{}, 1),
	}
}

// Run reads until ctx ends, then hands every shard over, within about 2 seconds, and returns nil,
// at the latest after about 5 seconds. It returns an error only when a handler returned one marked
// Fatal, or a store refuses the process before it has done any work. It MUST be called once.
func (w *Worker) Run(ctx context.Context) error {
	defer w.runtime.Metrics.leases.WithLabelValues(w.config.Name).Set(0)
	w.health = w.runtime.Health.join(w.config.Name, w.runtime.Lease)
	defer w.runtime.Health.leave(w.health)
	work, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	var tending sync.WaitGroup
	defer tending.Wait()
	tended, stop := context.WithCancel(ctx)
	defer stop()
	tending.Go(func() { w.tend(tended) })
	var fatal error
	for ctx.Err() == nil && fatal == nil {
		pause, err := w.survey(ctx, work)
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

// survey looks at the stream and the leases, starts what the plan gives this worker, and says when
// to look again. A failure of it is noted; it matters to the caller only when it is fatal.
func (w *Worker) survey(ctx, work context.Context) (pause time.Duration, err error) {
	pause = min(surveyEvery, w.runtime.Lease/4)
	bounded, cancel := context.WithTimeout(ctx, w.runtime.Lease/4)
	defer cancel()
	s, err := w.look(bounded)
	if err != nil {
		if ctx.Err() == nil {
			w.health.blind(err)
			w.note(stepSurvey, err)
		}
		return pause, w.runtime.Health.denied(err)
	}
	w.barred = nil
	p := s.plan()
	if w.meet(s) {
		w.ring() // the shards are known now
	}
	for _, l := range p.drop {
		w.note(stepLease, w.leases.drop(bounded, l))
	}
	for _, l := range p.acquire {
		w.acquire(bounded, work, l)
	}
	w.claim(bounded, p.claim)
	w.health.surveyed(w.runs)
	w.runtime.Metrics.leases.WithLabelValues(w.config.Name).Set(float64(len(w.runs)))
	return w.pause(pause, s), w.barred
}

// ring has holes looked for.
func (w *Worker) ring() {
	select {
	case w.holed <- struct{}{}:
	default:
	}
}

// meet remembers who is alive, and says whether it is the first time.
func (w *Worker) meet(s survey) (first bool) {
	owners := map[string]bool{w.runtime.Owner: true}
	for _, l := range s.leases {
		if l.owner != "" && !s.dead(l) {
			owners[l.owner] = true
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	first = w.owners == nil
	w.owners = owners
	return first
}

// met says whether a survey has been made, so that every shard of the stream has its lease.
func (w *Worker) met() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.owners != nil
}

// alive says whether a worker held a lease at the last survey; before the first, whether it can be.
func (w *Worker) alive(owner string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.owners == nil || w.owners[owner]
}

// pause is the time to the next survey: no later than the moment at which a silent owner is known
// to be dead, and soon while a claim of ours waits for its answer.
func (w *Worker) pause(most time.Duration, s survey) time.Duration {
	for shard, l := range s.leases {
		if left := w.runtime.Lease - s.still(shard); l.owner != "" && l.owner != w.runtime.Owner && left > 0 {
			most = min(most, left)
		}
		if l.claim == w.runtime.Owner {
			w.pending = true
		}
	}
	if w.pending {
		w.pending = false
		most = min(most, surveyEvery/4)
	}
	return most
}

// look gathers a survey, making the leases of shards that were never seen, and has the readers of
// claimed ones finish.
func (w *Worker) look(ctx context.Context) (survey, error) {
	leases, err := w.leases.list(ctx)
	if err != nil {
		return survey{}, err
	}
	if err := w.list(ctx, leases); err != nil {
		return survey{}, err
	}
	created := w.listed.created.Unix()
	for _, shard := range w.listed.shards {
		if _, known := leases[shard.ID]; known {
			continue
		}
		l, err := w.leases.write(ctx, newLease(shard, created))
		if err != nil && !errors.Is(err, errLost) {
			return survey{}, err
		}
		leases[shard.ID] = l
	}
	now := time.Now()
	w.seen.observe(leases, now)
	running := map[string]bool{}
	for id, r := range w.runs {
		running[id] = true
		if l := leases[id]; l.owner == w.runtime.Owner && l.claim != "" {
			r.hold.ask()
		}
	}
	return survey{
		me: w.runtime.Owner, exclusive: w.runtime.Exclusive, length: w.runtime.Lease, created: created, shards: w.listed.shards, leases: leases,
		still: func(shard string) time.Duration { return w.seen.still(shard, now) }, running: running,
	}, nil
}

// list lists the stream, at most once a quarter lease, unless there are leases that the list knows
// nothing of: a shard that another worker found first must not pass for one that is gone. Its
// creation is looked at once a lease: Kinesis answers 20 such calls a second in an account, and
// readers find out for themselves that their stream was made anew.
func (w *Worker) list(ctx context.Context, leases map[string]lease) error {
	due := w.listed.at.IsZero() || w.listed.before(leases)
	if !due && time.Since(w.listed.at) < w.runtime.Lease/4 {
		return nil
	}
	next := w.listed
	if due || time.Since(w.listed.dated) >= w.runtime.Lease {
		created, err := w.runtime.Streams.Created(ctx, w.runtime.Stream)
		if err != nil {
			return fmt.Errorf("creation of %s: %w", w.runtime.Stream, err)
		}
		next.created, next.dated = created, time.Now()
	}
	shards, err := w.runtime.Streams.Shards(ctx, w.runtime.Stream)
	if err != nil {
		return fmt.Errorf("shards of %s: %w", w.runtime.Stream, err)
	}
	next.shards, next.at = shards, time.Now()
	w.listed = next
	return nil
}

// acquire takes a lease and starts its reader. What was lost before is recorded first, while the
// lease still shows it.
func (w *Worker) acquire(ctx, work context.Context, l lease) {
	began := time.Now()
	created := w.listed.created.Unix()
	cause, err := w.missed(ctx, l, created, began)
	if err != nil {
		w.note(stepLease, err)
		return
	}
	if cause != "" {
		if err := w.record(ctx, l, l.checkpoint, cause); err != nil {
			w.note(stepLease, err)
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
	l.owner, l.claim = w.runtime.Owner, ""
	l, ok := w.sign(ctx, l)
	if !ok {
		return
	}
	w.runtime.Metrics.leaseMoves.WithLabelValues(w.config.Name, moveAcquired).Inc()
	runCtx, cancel := context.WithCancelCause(work)
	r := &run{
		shard:  Shard{Stream: w.runtime.Stream, Created: w.listed.created, ID: l.shard, FirstHash: l.first, LastHash: l.last},
		hold:   newHold(w.leases, l, w.runtime.Lease, began),
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
		if _, ok := w.sign(ctx, l); ok {
			w.pending = true
		}
	}
}

// work reads one shard, keeping its lease, until it ends, is handed over or is lost; and says so on
// ended.
func (w *Worker) work(ctx context.Context, r *run) {
	var keeper sync.WaitGroup
	keeping, done := context.WithCancel(ctx)
	keeper.Go(func() {
		if err := r.hold.keep(keeping); err != nil {
			w.abandon(r, err)
		}
	})
	keeper.Go(func() { r.limit(keeping) })
	leave := w.runtime.Decoder.enter(r.shard)
	err := newReader(w, r).run(ctx)
	leave()
	if cause := context.Cause(ctx); cause != nil && !isFatal(err) {
		err = cause
	}
	done()
	keeper.Wait()
	r.err = errors.Join(err, w.release(r, err))
	select {
	case w.ended <- r:
	case <-w.quit:
	}
}

// limit cuts a batch short when a hand-over has waited for it long enough.
func (r *run) limit(ctx context.Context) {
	select {
	case <-ctx.Done():
		return
	case <-r.hold.asked:
	}
	if backoff.Sleep(ctx, handOffGrace) == nil {
		r.cancel(errAsked)
	}
}

// abandon ends the reader of a lease that cannot be kept. A stalled reader may not return for long:
// its lease is freed at once.
func (w *Worker) abandon(r *run, err error) {
	w.runtime.Log.Error("shard given up", "shard", r.shard.ID, "error", err)
	if errors.Is(err, errStalled) {
		r.health.ill(err)
		w.runtime.Metrics.leaseMoves.WithLabelValues(w.config.Name, moveStalled).Inc()
		ctx, cancel := context.WithTimeout(context.Background(), w.runtime.Lease/4)
		defer cancel()
		w.note(stepLease, r.hold.give(ctx))
	} else {
		w.runtime.Metrics.leaseMoves.WithLabelValues(w.config.Name, moveLost).Inc()
	}
	r.cancel(err)
}

// release writes a lease for the last time: ended, or given to whoever claims it. One that was lost
// is left alone.
func (w *Worker) release(r *run, err error) error {
	if errors.Is(err, errLost) || errors.Is(err, errStalled) {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), min(handOffGrace, w.runtime.Lease/4))
	defer cancel()
	if err == nil {
		return r.hold.end(ctx)
	}
	w.runtime.Metrics.leaseMoves.WithLabelValues(w.config.Name, moveHanded).Inc()
	return r.hold.give(ctx)
}

// finish forgets a run that ended, and returns its error when it is fatal.
func (w *Worker) finish(r *run) error {
	r.cancel(nil)
	delete(w.runs, r.shard.ID)
	w.listed.at = time.Time{} // the shard may have children now
	w.runtime.Metrics.lag.DeleteLabelValues(w.config.Name, r.shard.ID)
	if isFatal(r.err) {
		return r.err
	}
	return nil
}

// note counts and logs a failure that the next survey makes good.
func (w *Worker) note(step string, err error) {
	if err != nil {
		w.runtime.Metrics.failures.WithLabelValues(w.config.Name, step).Inc()
		w.runtime.Log.Warn(step+" failed", "error", err)
	}
}
