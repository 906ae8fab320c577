package consumer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"passbook/shared/backoff"
	"passbook/shared/stream"
)

var (
	// errHandOver ends a reader whose shard is to be handed over.
	errHandOver = errors.New("consumer: the shard is to be handed over")
	// errRecreated ends a reader whose lease belongs to an earlier stream of the same name.
	errRecreated = fmt.Errorf("the stream was recreated: %w", errLost)
)

// reader reads one shard under its lease and gives the records to a handler.
type reader struct {
	w      *Worker
	shard  Shard
	keeper *leaseKeeper

	handler  Handler
	iterator string
	last     string // the last sequence number read, or the checkpoint
	arrived  <-chan struct{}
	began    time.Time // when the last read began
	behind   time.Duration
	handled  time.Time // when the last batch was processed, which was at behind
	backoff  backoff.Backoff
	health   *shardHealth
}

func newReader(w *Worker, r *shardRun) *reader {
	return &reader{
		w: w, shard: r.shard, keeper: r.keeper, handled: time.Now(),
		backoff: backoff.Backoff{First: 100 * time.Millisecond, Most: min(5*time.Second, w.runtime.Lease/4)},
		health:  r.health,
	}
}

// run reads until the shard ends (nil), is to be handed over (errHandOver), ctx ends, or an error
// is fatal. After every other failure it opens a new handler at the checkpoint.
func (r *reader) run(ctx context.Context) error {
	ctx = context.WithValue(ctx, keepAliveKey{}, r.keepAlive)
	for {
		err := r.w.runtime.Health.fatalIfRefused(r.readOn(ctx))
		var back *rewindError
		if errors.As(err, &back) {
			if err = r.rewind(ctx, back.to); err == nil {
				continue
			}
		}
		switch {
		case err == nil, errors.Is(err, errHandOver), errors.Is(err, errLost), isFatal(err):
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		}
		r.w.countFailure(stepHandle)
		r.w.runtime.Log.Warn("shard is read again from its checkpoint", "shard", r.shard.ID, "error", err)
		r.noteDelay(err)
		if err := r.wait(ctx, r.backoff.Next()); err != nil {
			return err
		}
	}
}

// noteDelay records why an iteration made no progress. The reader is alive, so it keeps its lease.
func (r *reader) noteDelay(why error) {
	r.health.failed(why)
	r.keepAlive()
}

// keepAlive records that the reader is alive although it makes no progress.
func (r *reader) keepAlive() {
	behind := r.behind + time.Since(r.handled)
	r.keeper.recordProgress("", behind)
	r.w.setLag(r.shard.ID, behind)
}

// readOn opens a handler at the checkpoint and gives it batches until one fails or the shard ends.
// It checks first that the stream is still the one of the lease: a stream that was recreated under
// the same name has the same shard ids and other records.
func (r *reader) readOn(ctx context.Context) (err error) {
	created, err := r.w.runtime.Streams.Created(ctx, r.shard.Stream)
	if err != nil {
		return fmt.Errorf("read the creation of stream %s: %w", r.shard.Stream, err)
	}
	if !created.Equal(r.shard.Created) {
		return errRecreated
	}
	r.last = r.keeper.position()
	if err := r.seek(ctx); err != nil {
		return err
	}
	if r.iterator == "" { // the shard is gone, which seek has recorded
		return nil
	}
	r.handler, err = r.w.config.Open(ctx, r.shard, r.last)
	if err != nil {
		return fmt.Errorf("open the handler of %s: %w", r.shard, err)
	}
	defer func() { err = errors.Join(err, r.handler.Close()) }()
	for {
		select {
		case <-r.keeper.handOver:
			return errHandOver
		default:
		}
		batch, err := r.read(ctx)
		if err != nil {
			return err
		}
		ended, err := r.handle(ctx, batch)
		if ended || err != nil {
			return err
		}
		if err := r.awaitRecords(ctx, batch); err != nil {
			return err
		}
	}
}

// seek makes an iterator after the last sequence number. If the stream no longer has that position,
// it records a hole.
func (r *reader) seek(ctx context.Context) error {
	from := afterCheckpoint(r.last)
	for {
		iterator, err := r.w.runtime.Streams.Iterator(ctx, r.shard.Stream, r.shard.ID, from)
		switch {
		case err == nil:
			r.iterator = iterator
			return nil
		case errors.Is(err, stream.ErrTrimmed):
			if near, ok := r.keeper.written().resumeNear(from); ok {
				from = near
				continue
			}
			if err := r.recordTrimmed(ctx); err != nil {
				return err
			}
			from = afterCheckpoint(r.last)
		case errors.Is(err, stream.ErrNotFound):
			r.iterator = ""
			return r.recordVanished(ctx, err)
		case errors.Is(err, stream.ErrThrottled):
			if err := r.throttled(ctx, err); err != nil {
				return err
			}
		default:
			return fmt.Errorf("get an iterator of %s: %w", r.shard, err)
		}
	}
}

// read returns the next batch. On a stream that is no Notifier it reads at most every PollEvery, or
// SlowPollEvery.
func (r *reader) read(ctx context.Context) (stream.Batch, error) {
	for {
		if err := r.pace(ctx); err != nil {
			return stream.Batch{}, err
		}
		r.began = time.Now()
		batch, err := r.w.runtime.Streams.Get(ctx, r.iterator, stream.MaxGetRecords)
		switch {
		case err == nil:
			r.backoff.Reset()
			return batch, nil
		case errors.Is(err, stream.ErrExpiredIterator):
			err = r.renewIterator(ctx)
		case errors.Is(err, stream.ErrThrottled):
			err = r.throttled(ctx, err)
		case errors.Is(err, stream.ErrTrimmed):
			err = errors.Join(err, r.recordTrimmed(ctx))
		}
		if err != nil {
			return stream.Batch{}, fmt.Errorf("read %s: %w", r.shard, err)
		}
	}
}

// renewIterator makes a new iterator at the position of the old one. It returns an error when there
// is a hole, as the handler must then be opened again behind it.
func (r *reader) renewIterator(ctx context.Context) error {
	was := r.last
	if err := r.seek(ctx); err != nil {
		return err
	}
	if r.last != was || r.iterator == "" {
		return stream.ErrTrimmed
	}
	return nil
}

// pace waits until the next read is due: at once where more is there than the last read returned,
// else when records had time to gather, or when the next poll is due. It subscribes to arrivals
// before the read, so that none that follows is missed.
func (r *reader) pace(ctx context.Context) error {
	n, notifies := r.w.runtime.Streams.(stream.Notifier)
	if err := r.gather(ctx, notifies); err != nil || !notifies {
		return err
	}
	r.arrived = n.Arrived(r.shard.Stream, r.shard.ID)
	return nil
}

// gather waits until the next read is due.
func (r *reader) gather(ctx context.Context, notifies bool) error {
	every := PollEvery
	switch {
	case notifies && r.behind > 0:
		return nil
	case notifies:
		every = cmp.Or(r.w.config.Gather, DefaultGather)
	case r.w.config.Slow != nil && r.w.config.Slow():
		every = SlowPollEvery
	}
	if due := every - time.Since(r.began); !r.began.IsZero() && due > 0 {
		return r.wait(ctx, due)
	}
	return nil
}

// awaitRecords waits after an empty batch at the tip until records arrive, or until the handler is
// due to be called without any.
func (r *reader) awaitRecords(ctx context.Context, b stream.Batch) error {
	if len(b.Records) > 0 || b.Behind > 0 || r.arrived == nil {
		return nil
	}
	timer := time.NewTimer(min(idleEvery, r.w.runtime.Lease/4))
	defer timer.Stop()
	select {
	case <-r.arrived:
	case <-timer.C:
	case <-r.keeper.handOver:
		return errHandOver
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// handle decodes a batch, gives it to the handler and records the progress.
func (r *reader) handle(ctx context.Context, got stream.Batch) (ended bool, err error) {
	ended = got.Next == ""
	records := got.Records
	if idle := r.w.config.Idle; idle != nil && len(records) > 0 && idle(ctx) {
		records = nil
	}
	deliveries, err := r.w.runtime.Decoder.Decode(ctx, r.shard, records, r.w.runtime.Origin)
	if err != nil {
		return false, fmt.Errorf("check the records of %s: %w", r.shard, err)
	}
	b := Batch{Shard: r.shard, Behind: got.Behind, Ended: ended, Deliveries: deliveries}
	checkpoint, err := r.handler.Handle(ctx, b)
	if err != nil {
		return false, fmt.Errorf("handle %s: %w", r.shard, err)
	}
	if n := len(got.Records); n > 0 {
		if r.last = got.Records[n-1].Sequence; len(deliveries) == 0 { // idle
			checkpoint = r.last
		}
	}
	r.iterator, r.behind, r.handled = got.Next, got.Behind, time.Now()
	r.w.countForeign(deliveries)
	if ended {
		r.keeper.recordEnd(checkpoint)
	} else {
		r.keeper.recordProgress(checkpoint, got.Behind)
	}
	r.health.succeeded()
	if !ended && got.Behind == 0 && r.keeper.position() == r.last {
		r.keeper.recordCaughtUp(r.began)
	}
	if done := r.keeper.position(); ended && done != r.last {
		return false, fmt.Errorf("handle %s: at the shard's end the handler has not processed what follows %q", r.shard, done)
	}
	r.w.setLag(r.shard.ID, got.Behind)
	return ended, nil
}

// throttled waits before a refused read is repeated.
func (r *reader) throttled(ctx context.Context, refused error) error {
	r.w.countFailure(stepThrottled)
	r.noteDelay(refused)
	return r.wait(ctx, r.backoff.Next())
}

// wait waits for d. It returns errHandOver when the shard is to be handed over before that, and the
// error of ctx when that ends.
func (r *reader) wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-r.keeper.handOver:
		return errHandOver
	case <-ctx.Done():
		return ctx.Err()
	}
}
