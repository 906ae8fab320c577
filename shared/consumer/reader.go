package consumer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"passbook/shared/backoff"
	"passbook/shared/stream"
)

var (
	// errAsked: the shard is to be handed over.
	errAsked = errors.New("consumer: hand-over asked for")
	// errAnew: the lease is of a stream that is no more.
	errAnew = fmt.Errorf("stream was made anew: %w", errLost)
)

// reader reads one shard under its lease and gives the records to a handler.
type reader struct {
	w     *Worker
	shard Shard
	hold  *hold

	handler  Handler
	iterator string
	last     string // the last sequence number read, or the checkpoint
	arrived  <-chan struct{}
	began    time.Time // when the last read began
	behind   time.Duration
	handled  time.Time // when the last batch was done, behind so far
	trouble  backoff.Backoff
	health   *shardHealth
}

func newReader(w *Worker, r *run) *reader {
	return &reader{
		w: w, shard: r.shard, hold: r.hold, handled: time.Now(),
		trouble: backoff.Backoff{First: 100 * time.Millisecond, Most: min(5*time.Second, w.runtime.Lease/4)},
		health:  r.health,
	}
}

// run reads until the shard ends (nil), is handed over (errAsked), ctx ends, or a handler fails for
// good. Every other failure closes the handler and begins again at the checkpoint.
func (r *reader) run(ctx context.Context) error {
	ctx = context.WithValue(ctx, aliveKey{}, r.alive)
	for {
		err := r.w.runtime.Health.denied(r.pass(ctx))
		var back *rewindError
		if errors.As(err, &back) {
			if err = r.setBack(ctx, back.to); err == nil {
				continue
			}
		}
		switch {
		case err == nil, errors.Is(err, errAsked), errors.Is(err, errLost), isFatal(err):
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		}
		r.w.runtime.Metrics.failures.WithLabelValues(r.w.config.Name, stepHandle).Inc()
		r.w.runtime.Log.Warn("shard begins again at its checkpoint", "shard", r.shard.ID, "error", err)
		r.delayed(err)
		if err := r.wait(ctx, r.trouble.Next()); err != nil {
			return err
		}
	}
}

// delayed notes an iteration that brought nothing forward, and why. The reader is alive, so it
// keeps its lease.
func (r *reader) delayed(why error) {
	r.health.ill(why)
	r.alive()
}

// alive notes that the reader lives although nothing goes forward.
func (r *reader) alive() {
	behind := r.behind + time.Since(r.handled)
	r.hold.progress("", behind)
	r.w.runtime.Metrics.lag.WithLabelValues(r.w.config.Name, r.shard.ID).Set(behind.Seconds())
}

// pass opens a handler at the checkpoint and feeds it until something ends. A stream that was made
// anew under the same name has the same shard ids, and nothing else in common: its shards are for
// another lease.
func (r *reader) pass(ctx context.Context) (err error) {
	created, err := r.w.runtime.Streams.Created(ctx, r.shard.Stream)
	if err != nil {
		return fmt.Errorf("creation of %s: %w", r.shard.Stream, err)
	}
	if !created.Equal(r.shard.Created) {
		return errAnew
	}
	r.last = r.hold.position()
	if err := r.seek(ctx); err != nil {
		return err
	}
	if r.iterator == "" { // the shard is gone, which seek has recorded
		return nil
	}
	r.handler, err = r.w.config.Open(ctx, r.shard, r.last)
	if err != nil {
		return fmt.Errorf("open handler of %s: %w", r.shard, err)
	}
	defer func() { err = errors.Join(err, r.handler.Close()) }()
	for {
		select {
		case <-r.hold.asked:
			return errAsked
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
		if err := r.rest(ctx, batch); err != nil {
			return err
		}
	}
}

// seek makes an iterator after the last sequence number. A position that the stream no longer has
// is a hole.
func (r *reader) seek(ctx context.Context) error {
	from := at(r.last)
	for {
		iterator, err := r.w.runtime.Streams.Iterator(ctx, r.shard.Stream, r.shard.ID, from)
		switch {
		case err == nil:
			r.iterator = iterator
			return nil
		case errors.Is(err, stream.ErrTrimmed):
			if around, ok := r.hold.held().around(from); ok {
				from = around
				continue
			}
			if err := r.trimmed(ctx); err != nil {
				return err
			}
			from = at(r.last)
		case errors.Is(err, stream.ErrNotFound):
			r.iterator = ""
			return r.vanished(ctx, err)
		case errors.Is(err, stream.ErrThrottled):
			if err := r.throttled(ctx, err); err != nil {
				return err
			}
		default:
			return fmt.Errorf("iterator of %s: %w", r.shard, err)
		}
	}
}

// read gets the next batch, on a stream that wakes nobody at the pace that all its readers can
// share.
func (r *reader) read(ctx context.Context) (stream.Batch, error) {
	for {
		if err := r.pace(ctx); err != nil {
			return stream.Batch{}, err
		}
		r.began = time.Now()
		batch, err := r.w.runtime.Streams.Get(ctx, r.iterator, stream.MaxGetRecords)
		switch {
		case err == nil:
			r.trouble.Reset()
			return batch, nil
		case errors.Is(err, stream.ErrExpiredIterator):
			err = r.renew(ctx)
		case errors.Is(err, stream.ErrThrottled):
			err = r.throttled(ctx, err)
		case errors.Is(err, stream.ErrTrimmed):
			err = errors.Join(err, r.trimmed(ctx))
		}
		if err != nil {
			return stream.Batch{}, fmt.Errorf("read %s: %w", r.shard, err)
		}
	}
}

// renew makes a new iterator where the old one stood. When a hole lies there, the handler must be
// opened anew behind it.
func (r *reader) renew(ctx context.Context) error {
	stood := r.last
	if err := r.seek(ctx); err != nil {
		return err
	}
	if r.last != stood || r.iterator == "" {
		return stream.ErrTrimmed
	}
	return nil
}

// pace arms the wake-up before a read, so that what arrives after it is not missed, or waits until
// the next read is due.
func (r *reader) pace(ctx context.Context) error {
	if n, ok := r.w.runtime.Streams.(stream.Notifier); ok {
		r.arrived = n.Arrived(r.shard.Stream, r.shard.ID)
		return nil
	}
	if due := PollEvery - time.Since(r.began); !r.began.IsZero() && due > 0 {
		return r.wait(ctx, due)
	}
	return nil
}

// rest waits after a batch that brought nothing: until something arrives, or a handler is due to
// hear that nothing did.
func (r *reader) rest(ctx context.Context, b stream.Batch) error {
	if len(b.Records) > 0 || b.Behind > 0 || r.arrived == nil {
		return nil
	}
	timer := time.NewTimer(min(idleEvery, r.w.runtime.Lease/4))
	defer timer.Stop()
	select {
	case <-r.arrived:
	case <-timer.C:
	case <-r.hold.asked:
		return errAsked
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// handle decodes a batch, gives it to the handler and notes how far the shard may be checkpointed.
func (r *reader) handle(ctx context.Context, got stream.Batch) (ended bool, err error) {
	ended = got.Next == ""
	b := Batch{Shard: r.shard, Behind: got.Behind, Ended: ended, Deliveries: r.w.runtime.Decoder.decode(r.shard, got.Records)}
	checkpoint, err := r.handler.Handle(ctx, b)
	if err != nil {
		return false, fmt.Errorf("handle %s: %w", r.shard, err)
	}
	if n := len(got.Records); n > 0 {
		r.last = got.Records[n-1].Sequence
	}
	r.iterator, r.behind, r.handled = got.Next, got.Behind, time.Now()
	if ended {
		r.hold.finished(checkpoint)
	} else {
		r.hold.progress(checkpoint, got.Behind)
	}
	r.health.well()
	if !ended && got.Behind == 0 && r.hold.position() == r.last {
		r.hold.caughtUp(r.began)
	}
	if done := r.hold.position(); ended && done != r.last {
		return false, fmt.Errorf("handle %s: handler keeps back what follows %q at the shard's end", r.shard, done)
	}
	r.w.runtime.Metrics.lag.WithLabelValues(r.w.config.Name, r.shard.ID).Set(got.Behind.Seconds())
	return ended, nil
}

// throttled waits before a refused read is repeated.
func (r *reader) throttled(ctx context.Context, refused error) error {
	r.w.runtime.Metrics.failures.WithLabelValues(r.w.config.Name, stepThrottled).Inc()
	r.delayed(refused)
	return r.wait(ctx, r.trouble.Next())
}

// wait waits for d, or until the shard is to be handed over or ctx ends.
func (r *reader) wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-r.hold.asked:
		return errAsked
	case <-ctx.Done():
		return ctx.Err()
	}
}
