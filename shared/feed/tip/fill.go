package tip

import (
	"context"
	"errors"
	"fmt"
	"time"

	"passbook/shared/backoff"
	"passbook/shared/stream"
)

const (
	// deliverWithin is how long fan-out may take to deliver something, be it that there is nothing.
	deliverWithin = 10 * time.Second
	// pollEvery is the time between two polls of a shard.
	pollEvery = 2 * time.Second
	// retryEvery is the pause after a failure.
	retryEvery = time.Second
)

// errSilent means that fan-out does not deliver.
var errSilent = fmt.Errorf("feed: fan-out delivered nothing within %v", deliverWithin)

// fill keeps the tip up to date until ctx or the shard ends.
func (t *Tip) fill(ctx context.Context) {
	defer t.lose()
	var iterator string
	var heard time.Time // when fan-out last delivered, or began
	for ctx.Err() == nil {
		source, changed := t.tips.source()
		var err error
		switch source {
		case FanOut:
			iterator = ""
			if heard.IsZero() {
				heard = time.Now()
			}
			if err = t.subscribe(ctx, &heard); err != nil && ctx.Err() == nil {
				t.tips.fail(err, fanOutAgain)
			}
		case Polling:
			heard = time.Time{}
			iterator, err = t.poll(ctx, iterator)
		default:
			heard = time.Time{}
			select {
			case <-changed:
			case <-ctx.Done():
			}
			continue
		}
		// Of a subscription ErrNotFound may be of the consumer, which another process has removed.
		if t.isEnded() || source == Polling && (errors.Is(err, stream.ErrNotFound) || errors.Is(err, stream.ErrTrimmed)) {
			return
		}
		if err != nil && backoff.Sleep(ctx, retryEvery) != nil {
			return
		}
	}
}

func (t *Tip) isEnded() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ended
}

// poll reads once, when the process may.
func (t *Tip) poll(ctx context.Context, iterator string) (next string, err error) {
	c := t.tips.config
	if err := t.tips.polls.await(ctx, t.id); err != nil {
		return iterator, err
	}
	if !t.tips.reader.held() {
		return "", backoff.Sleep(ctx, retryEvery)
	}
	if iterator == "" {
		if iterator, err = c.Streams.Iterator(ctx, c.Stream, t.shard, t.begins(false)); err != nil {
			return "", err
		}
	}
	began := time.Now()
	b, err := c.Streams.Get(ctx, iterator, stream.MaxGetRecords)
	switch {
	case errors.Is(err, stream.ErrThrottled):
		return iterator, err
	case err != nil:
		return "", err
	}
	t.add(b, "", began)
	return b.Next, nil
}

// subscribe receives until the subscription ends. It returns an error if fan-out does not deliver.
func (t *Tip) subscribe(ctx context.Context, heard *time.Time) error {
	began := time.Now()
	opening, cancel := context.WithTimeout(ctx, deliverWithin)
	defer cancel()
	sub, err := t.open(opening)
	if err != nil {
		return err
	}
	defer func() { _ = sub.Close() }() // nothing follows that could fail
	for first := true; ; first = false {
		waiting, cancel := context.WithTimeout(ctx, deliverWithin)
		b, err := sub.Receive(waiting)
		silent := waiting.Err() != nil
		cancel()
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && first && (silent || time.Since(*heard) > deliverWithin):
			return errors.Join(errSilent, err)
		case errors.Is(err, stream.ErrExpiredIterator), silent:
			if !first {
				*heard = time.Now()
			}
			return backoff.Sleep(ctx, max(0, retryEvery-time.Since(began)))
		case err != nil:
			return err
		}
		*heard = time.Now()
		// What arrived until now may be in the next batch.
		t.add(b, b.Next, time.Now())
		if b.Next == "" {
			return nil
		}
		if source, _ := t.tips.source(); source != FanOut {
			return nil
		}
	}
}

// open opens a subscription. Another one of a moment ago may still be in the way, and a call may
// fail: only a refusal is no reason to try again.
func (t *Tip) open(ctx context.Context) (stream.Subscription, error) {
	c := t.tips.config
	for {
		sub, err := t.tips.subscriber.Subscribe(ctx, c.Stream, t.tips.consumer, t.shard, t.begins(true))
		if err == nil || errors.Is(err, stream.ErrRefused) || errors.Is(err, stream.ErrNotFound) || errors.Is(err, stream.ErrInvalid) {
			return sub, err
		}
		if backoff.Sleep(ctx, retryEvery) != nil {
			return nil, errors.Join(errSilent, err)
		}
	}
}
