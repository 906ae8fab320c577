package delivery

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"passbook/shared/api/eventview"
	"passbook/shared/backoff"
	"passbook/shared/event"
	"passbook/shared/webhook"
)

const (
	// turnMost is how many events an account may send before others have their turn.
	turnMost = 100
	// savedEvery is how often the row is written while events are sent. What was sent since then is
	// sent again when the process dies.
	savedEvery = time.Second
	// saveMost bounds the last write of a row after its attempt was cut short.
	saveMost = 2 * time.Second
	// maxError bounds the text of an error in a row, in bytes.
	maxError = 200
)

// turn is one account's turn to send.
type turn struct {
	s        *sender
	endpoint *webhook.Endpoint
	row      Row
	sent     int
	savedAt  time.Time
	ended    bool // nothing more is to be sent in this turn
}

// deliver sends what an account has for the endpoint, in version order, until nothing is left, an
// event is refused, or others are to have their turn. It reports whether something is left that can
// be sent at once.
func (s *sender) deliver(ctx context.Context, a event.Account) (more bool) {
	t := &turn{s: s, endpoint: s.endpoint.Load(), savedAt: s.d.config.Now()}
	err := t.run(ctx, a)
	if err != nil && ctx.Err() == nil {
		s.d.failed("events of an account could not be sent to "+t.endpoint.ID, err)
	}
	return err == nil && t.row.State == Pending && !t.row.At.After(s.d.config.Now())
}

// run takes the turn.
func (t *turn) run(ctx context.Context, a event.Account) (err error) {
	d := t.s.d
	if t.row, err = d.store.get(ctx, t.endpoint.ID, a); err != nil {
		return err
	}
	if t.row.State != Pending || t.row.At.After(d.config.Now()) {
		return nil
	}
	for e, err := range d.config.Journal.Entries(ctx, a, t.row.Next, t.row.Seen) {
		if err != nil {
			return errors.Join(err, t.save(ctx))
		}
		if err := t.entry(ctx, e); err != nil {
			return err
		}
		if t.ended {
			break
		}
	}
	return t.save(ctx)
}

// entry sends the events of an entry from the row's next version on.
func (t *turn) entry(ctx context.Context, e *event.Entry) error {
	for _, ev := range e.Events {
		if ev.Version < t.row.Next {
			continue
		}
		t.endpoint = t.s.endpoint.Load() // another URL, filter or secret counts at once
		if !t.endpoint.Wants(ev) {
			t.row.Next++
			continue
		}
		if err := t.event(ctx, e, ev); err != nil || t.ended {
			return err
		}
		if t.s.d.config.Now().Sub(t.savedAt) >= savedEvery {
			if err := t.save(ctx); err != nil || t.ended { // a person had it replayed
				return err
			}
		}
	}
	return nil
}

// event sends one event, and notes in the row what became of it.
func (t *turn) event(ctx context.Context, e *event.Entry, ev event.Event) error {
	body, err := Body(e, ev)
	if err != nil {
		return err
	}
	d := t.s.d
	d.count.inFlight.Inc()
	outcome := d.config.Client.Post(ctx, t.endpoint, message{id: event.EventID(e.AccountID, ev.Version), body: body, attempt: t.row.Attempts + 1})
	d.count.inFlight.Dec()
	if outcome.Err != nil && ctx.Err() != nil {
		t.ended = true // cut short: whether it was taken is not known, and another attempt follows
		return nil
	}
	d.count.seconds.Observe(outcome.Took.Seconds())
	t.s.noteOutcome(outcome.Err)
	t.note(ev.Version, outcome)
	if outcome.Status == http.StatusGone {
		return t.s.gone(ctx, t.endpoint)
	}
	return nil
}

// Body returns an event as it is sent: as the feed has it.
func Body(e *event.Entry, ev event.Event) ([]byte, error) {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(eventview.OfAccount(e, ev)); err != nil {
		return nil, fmt.Errorf("encode event %s: %w", event.EventID(e.AccountID, ev.Version), err)
	}
	return bytes.TrimSuffix(body.Bytes(), []byte("\n")), nil
}

// note changes the row by the outcome of an attempt with a version.
func (t *turn) note(version int64, outcome Outcome) {
	d, now := t.s.d, t.s.d.config.Now()
	t.row.Status = int64(outcome.Status)
	if outcome.Err == nil {
		d.count.attempts.WithLabelValues(resultTaken).Inc()
		t.row.Next, t.row.Attempts, t.row.FailedAt, t.row.Error = version+1, 0, time.Time{}, ""
		t.sent++
		t.ended = t.sent >= turnMost
		return
	}
	t.ended = true
	if t.row.Attempts++; t.row.FailedAt.IsZero() {
		t.row.FailedAt = now
	}
	// the time in which nobody sent does not count: the endpoint was paused, or the bank was down
	if late := t.s.began.Sub(t.row.At); late > 0 && t.row.Attempts > 1 {
		t.row.FailedAt = t.row.FailedAt.Add(late)
	}
	t.row.Error = cut(outcome.Err.Error())
	if now.Sub(t.row.FailedAt) >= d.window {
		d.count.attempts.WithLabelValues(resultDead).Inc()
		t.row.State, t.row.At = Dead, now
		d.config.Log.Error("an account is dead for a webhook: its events wait until they are replayed", "webhook", t.endpoint.ID, "version", version, "status", outcome.Status, "error", outcome.Err)
		return
	}
	d.count.attempts.WithLabelValues(resultRefused).Inc()
	t.row.At = now.Add(backoff.Of(firstPause, lastPause, int(t.row.Attempts-1)))
}

// cut returns a text up to maxError bytes.
func cut(text string) string {
	if len(text) > maxError {
		return text[:maxError]
	}
	return text
}

// save writes the row, after a cut too. If the stream raised it, both changes are kept; if a person
// had it replayed, or another process sent more, this turn ends.
func (t *turn) save(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveMost)
	defer cancel()
	d, mine := t.s.d, t.row
	saved, err := d.store.change(ctx, mine.Endpoint, mine.Account, func(row *Row) (bool, error) {
		if row.Replays != mine.Replays || row.Next > mine.Next || row.State == Dead {
			t.ended = true
			return false, nil
		}
		seen, rev := max(row.Seen, mine.Seen), row.Rev
		*row = mine
		row.Seen, row.Rev = seen, rev
		if row.State != Dead {
			row.settle(d.config.Now())
		}
		return true, nil
	})
	if err == nil {
		t.row, t.savedAt = saved, d.config.Now()
	}
	return err
}

// causeGone is why an endpoint is paused that said that it is gone.
const causeGone = "It answered 410 Gone."

// gone pauses an endpoint that said that it is gone.
func (s *sender) gone(ctx context.Context, e *webhook.Endpoint) error {
	s.d.config.Log.Warn("a webhook answered 410 and is paused; resume or remove it", "webhook", e.ID)
	_, err := s.d.config.Registry.Pause(ctx, e.Tenant, e.ID, causeGone)
	if err == nil {
		s.d.drop(s)
	}
	return err
}
