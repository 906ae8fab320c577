package feed

import (
	"context"
	"fmt"
	"time"

	"passbook/shared/event"
)

const (
	// journalDeadline bounds one read of the journal.
	journalDeadline = 10 * time.Second
	// fillPage is how many versions are read from the journal at once.
	fillPage = 256
)

// versions are the versions of an account that a connection has delivered: all from low to high.
type versions struct{ low, high int64 }

// deliver sends the events of an entry that the connection did not send yet, and before them those
// that the stream skipped, from the journal. The first entry of an account that a connection sees
// comes as it is: which versions the reader has is not known, unless it began with the first event
// of all.
func (s *connection) deliver(ctx context.Context, e *event.Entry) error {
	wanted, err := s.wants(ctx, e)
	if err != nil || !wanted {
		return err
	}
	key := e.Account().String()
	have, known := s.versions.get(key)
	if !known && s.whole && !s.versions.forgot {
		have, known = versions{low: 1}, true
	}
	switch {
	case !known:
		have.low = e.First
		err = s.send(e, e.First)
	case e.Last < have.low:
		// It was overtaken. What lies between may come too, or not: read it, so that nothing
		// between is sent twice.
		if err = s.send(e, e.First); err == nil {
			err = s.fill(ctx, e.Account(), e.Last+1, have.low-1)
		}
		have.low = e.First
	case e.Last <= have.high:
		return nil
	default:
		if err = s.fill(ctx, e.Account(), have.high+1, e.First-1); err == nil {
			err = s.send(e, max(e.First, have.high+1))
		}
	}
	have.high = max(have.high, e.Last)
	s.versions.put(key, have)
	return err
}

// wants reports whether the filter may select events of an entry's account.
func (s *connection) wants(ctx context.Context, e *event.Entry) (bool, error) {
	if !s.filter.ofAccount(e) || s.filter.holder == "" {
		return s.filter.ofAccount(e), nil
	}
	holder, err := s.feed.holder(ctx, e)
	return holder == s.filter.holder, err
}

// fill sends an account's events of versions from..to from the journal.
func (s *connection) fill(ctx context.Context, a event.Account, from, to int64) error {
	for from <= to {
		entries, err := s.feed.entries(ctx, a, from, min(to, from+fillPage-1))
		if err != nil {
			return err
		}
		for _, e := range entries {
			for _, ev := range e.Events[max(0, from-e.First):] {
				if ev.Version > to {
					return nil
				}
				if err := s.sendEvent(e, ev); err != nil {
					return err
				}
				s.feed.counts.filled.Inc()
			}
			from = e.Last + 1
		}
	}
	return nil
}

// entries returns the entries that have an account's versions from..to, of which none is missing.
func (f *Feed) entries(ctx context.Context, a event.Account, from, to int64) (entries []*event.Entry, err error) {
	ctx, cancel := context.WithTimeout(ctx, journalDeadline)
	defer cancel()
	for e, err := range f.config.Journal.Entries(ctx, a, from, to) {
		if err != nil {
			return nil, fmt.Errorf("read %s from v%d to v%d: %w", a, from, to, err)
		}
		entries = append(entries, e)
	}
	if n := len(entries); n == 0 || entries[0].First > from || entries[n-1].Last < to {
		return nil, fmt.Errorf("read %s from v%d to v%d: the journal does not have them all", a, from, to)
	}
	return entries, nil
}

// send sends the events of an entry from a version on.
func (s *connection) send(e *event.Entry, from int64) error {
	for _, ev := range e.Events[from-e.First:] {
		if err := s.sendEvent(e, ev); err != nil {
			return err
		}
	}
	return nil
}

// sendEvent sends an event that the filter selects.
func (s *connection) sendEvent(e *event.Entry, ev event.Event) error {
	if !s.filter.matches(ev) || e.RecordedAt.Before(s.position.since) {
		return nil
	}
	s.feed.counts.events.Inc()
	return s.wire.event(e, ev)
}
