package tip

import (
	"context"
	"errors"
	"fmt"
	"time"

	"passbook/shared/stream"
)

// Run decides where the newest records come from, and keeps the leases, until ctx ends. It then
// removes the process's consumer.
func (t *Tips) Run(ctx context.Context) error {
	ticker := time.NewTicker(stepEvery)
	defer ticker.Stop()
	for {
		t.step(ctx)
		select {
		case <-ticker.C:
		case <-t.kick:
			// Many feeds that begin at once make one step.
			select {
			case <-time.After(stepEvery / 20):
			case <-ctx.Done():
			}
		case <-ctx.Done():
			return t.leave(context.WithoutCancel(ctx))
		}
	}
}

// step does what is due. What fails is tried again by the next one.
func (t *Tips) step(ctx context.Context) {
	t.closeUnused()
	t.mu.Lock()
	busy := t.users > 0 || time.Since(t.used) < keptFor
	t.mu.Unlock()
	if busy {
		t.decide(ctx)
	}
	t.report(t.bounded(ctx, func(ctx context.Context) error { return t.reader.step(ctx, t.wantsToRead(busy)) }))
	t.settle(busy)
	registered, state := t.isRegistered()
	switch {
	case registered && (state == Polling || state == Elsewhere):
		t.report(t.deregister(ctx))
	case registered && time.Since(t.alive.renewedAt()) > aliveEvery:
		t.report(t.bounded(ctx, func(ctx context.Context) error { return t.alive.step(ctx, true) }))
	}
	if t.subscriber != nil && busy {
		t.report(t.leftovers.remove(ctx, t))
	}
}

// decide tries fan-out, if it is not known to deliver nothing.
func (t *Tips) decide(ctx context.Context) {
	t.mu.Lock()
	tries := t.state != FanOut && t.subscriber != nil && !time.Now().Before(t.retry)
	t.mu.Unlock()
	if !tries {
		return
	}
	err := t.register(ctx)
	switch {
	case err == nil:
		t.failing = time.Time{}
		t.become(FanOut)
	case ctx.Err() == nil:
		t.fail(err, t.again(err))
	}
}

// again returns how long to wait before the consumer is registered again after an error.
func (t *Tips) again(err error) time.Duration {
	if t.failing.IsZero() {
		t.failing = time.Now()
	}
	lasts := errors.Is(err, stream.ErrRefused) || errors.Is(err, stream.ErrInvalid)
	if lasts || time.Since(t.failing) >= registerFor {
		return fanOutAgain
	}
	return registerAgain
}

// wantsToRead reports whether the process needs the lease: where fan-out does not deliver, for all
// that it serves feeds; else while feeds catch up, with pauses for other processes.
func (t *Tips) wantsToRead(busy bool) bool {
	held := t.reader.heldFor()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.state != FanOut {
		return busy
	}
	if held > turnFor {
		t.turn = time.Now().Add(turnPause)
	}
	catching := t.catching > 0 || time.Since(t.caught) < stepEvery
	return catching && !time.Now().Before(t.turn)
}

// settle chooses the source of a process without fan-out by who has the lease.
func (t *Tips) settle(busy bool) {
	t.mu.Lock()
	state, users := t.state, t.users
	t.mu.Unlock()
	switch {
	case state == FanOut:
	case !busy:
		if users == 0 {
			t.become(None)
		}
	case t.reader.held():
		t.become(Polling)
	case t.reader.other() != "":
		t.become(Elsewhere)
	}
}

func (t *Tips) report(err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		t.config.Log.Warn("the feed could not do what is due, and tries again", "error", err)
	}
}

// bounded runs a call with its deadline.
func (t *Tips) bounded(ctx context.Context, call func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, callDeadline)
	defer cancel()
	return call(ctx)
}

// register makes the process's consumer, and the row that says that it lives. A process that polls
// gives up early, since its lease is not renewed until then.
func (t *Tips) register(ctx context.Context) error {
	within := deliverWithin
	if t.reader.held() {
		within = fence / 2
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	if err := t.alive.step(ctx, true); err != nil {
		return err
	}
	if err := t.subscriber.Register(ctx, t.config.Stream, t.consumer); err != nil {
		return err
	}
	t.mu.Lock()
	t.registered = true
	t.mu.Unlock()
	return nil
}

func (t *Tips) isRegistered() (bool, Source) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.registered, t.state
}

// deregister removes the process's consumer, and its row.
func (t *Tips) deregister(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, deliverWithin)
	defer cancel()
	if err := t.subscriber.Deregister(ctx, t.config.Stream, t.consumer); err != nil {
		return err
	}
	t.mu.Lock()
	t.registered = false
	t.mu.Unlock()
	return t.alive.step(ctx, false)
}

// become changes the source, and says so.
func (t *Tips) become(s Source) {
	t.mu.Lock()
	changes := t.state != s
	t.set(s)
	t.mu.Unlock()
	if !changes {
		return
	}
	switch s {
	case FanOut:
		t.config.Log.Info("feeds read the stream by enhanced fan-out", "consumer", t.consumer)
	case Polling:
		t.config.Log.Warn("feeds read the stream by polls, every 2 seconds a shard, for which this process has the lease")
	case Elsewhere:
		t.config.Log.Warn("feeds are served by another process, which polls the stream", "process", t.reader.other())
	}
}

// fail notes that fan-out does not deliver, and when to try it again. Another source is chosen by
// the next step.
func (t *Tips) fail(why error, again time.Duration) {
	t.mu.Lock()
	first := !time.Now().Before(t.retry)
	t.retry = time.Now().Add(again)
	if t.state == FanOut {
		t.set(None)
	}
	t.mu.Unlock()
	if first {
		t.config.Log.Warn("enhanced fan-out does not deliver to feeds; it is tried again", "after", again, "error", why)
	}
	select {
	case t.kick <- struct{}{}:
	default:
	}
}

// closeUnused stops to fill the tips that had no reader for a while, and trims the others.
func (t *Tips) closeUnused() {
	most := t.tipBytes()
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, tip := range t.shards {
		if tip.readers == 0 && time.Since(tip.left) > keptFor {
			tip.stop()
			delete(t.shards, id)
		}
		tip.mu.Lock()
		tip.trim(most)
		tip.mu.Unlock()
	}
}

// leave gives back what the process has in the fleet.
func (t *Tips) leave(ctx context.Context) error {
	t.end()
	t.work.Wait()
	ctx, cancel := context.WithTimeout(ctx, deliverWithin)
	defer cancel()
	err := t.reader.step(ctx, false)
	if registered, _ := t.isRegistered(); registered {
		err = errors.Join(err, t.deregister(ctx))
	}
	if err != nil {
		t.config.Log.Warn("the feed's consumer or leases are left to the other processes", "error", fmt.Errorf("end the feed: %w", err))
	}
	return nil
}
