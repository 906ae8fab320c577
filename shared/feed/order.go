package feed

import (
	"context"
	"fmt"
	"slices"
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
// that the stream skipped, from the journal.
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
		have.low, err = s.sendFirst(ctx, e)
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

const (
	// overtakenFor is how long before the place where a connection begins an entry may have been
	// recorded that another writer's entry overtakes, to come in order.
	overtakenFor = time.Minute
	// maxOvertaken bounds how many such entries are read.
	maxOvertaken = 1000
)

// sendFirst sends the first entry of an account that a connection sees, and returns the version
// from which on the reader has all. A writer publishes the entries of an account in order, so if
// the one before is of the same writer, the reader has that and all before. Else its writer may
// have died before it published it: what was recorded not long ago is sent first, and comes twice
// if it was published. Older ones that do come later are sent when they come, out of order but not
// lost.
func (s *connection) sendFirst(ctx context.Context, e *event.Entry) (low int64, err error) {
	before, all, err := s.overtaken(ctx, e)
	if err != nil {
		return 0, err
	}
	low = e.First
	for _, earlier := range slices.Backward(before) {
		low = min(low, earlier.First)
		if err := s.send(earlier, earlier.First); err != nil {
			return 0, err
		}
	}
	if all {
		low = 1
	}
	return low, s.send(e, e.First)
}

// overtaken returns the entries before one, newest first, that its reader may not have, and whether
// the reader has all others.
func (s *connection) overtaken(ctx context.Context, e *event.Entry) (before []*event.Entry, all bool, err error) {
	if e.First == 1 {
		return nil, true, nil
	}
	ctx, cancel := context.WithTimeout(ctx, journalDeadline)
	defer cancel()
	var writer string
	for earlier, err := range s.feed.config.Journal.Backward(ctx, e.Account(), e.First) {
		switch {
		case err != nil:
			return nil, false, fmt.Errorf("read %s before v%d: %w", e.Account(), e.First, err)
		case earlier.First == e.First:
			writer = earlier.Writer
			continue
		case len(before) == 0 && earlier.Writer == writer:
			return nil, true, nil
		case len(before) == maxOvertaken || earlier.RecordedAt.Before(s.beginning.Add(-overtakenFor)):
			return before, false, nil
		}
		before = append(before, earlier)
	}
	return before, true, nil
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
