package account

import (
	"bytes"
	"errors"
	"fmt"

	"passbook/shared/event"
)

// ErrFold: the events do not follow from the state that they were folded from.
var ErrFold = errors.New("account: events do not fold")

// StateIn returns the state in an entry if it agrees with the entry's last event. It returns
// ErrStateFormat for another format.
func StateIn(e *event.Entry) (State, error) {
	s, err := ParseState(e.State)
	if errors.Is(err, ErrStateFormat) && !bytes.HasPrefix(e.State, []byte(`{"format":`)) {
		return s, errors.New("it is not a state")
	}
	if err != nil {
		return s, err
	}
	last := e.Events[len(e.Events)-1]
	_, closes := last.Body.(event.AccountClosed)
	switch {
	case s.Version != e.Last:
		return s, fmt.Errorf("it is that of v%d", s.Version)
	case event.After{Posted: s.Posted, Held: s.Held, Limit: s.Limit} != last.After:
		return s, fmt.Errorf("it has posted %d, held %d, limit %d; the event has %+v", s.Posted, s.Held, s.Limit, last.After)
	case s.Currency != e.Currency, !s.RecordedAt.Equal(e.RecordedAt), (s.Status == StatusClosed) != closes:
		return s, errors.New("its currency, time or status differs from the entry's")
	}
	return s, nil
}

// FoldEntries folds entries, newest first, on a state that may be that of the last of them. It
// returns the state, of version upTo at most unless that is 0, and the newest entry.
func FoldEntries(a event.Account, s State, tail []*event.Entry, upTo int64) (State, *event.Entry, error) {
	if len(tail) == 0 {
		return s, nil, nil
	}
	for i := len(tail) - 1; i >= 0; i-- {
		for _, ev := range tail[i].Events {
			if ev.Version <= s.Version {
				continue
			}
			if upTo != 0 && ev.Version > upTo {
				break
			}
			var err error
			if s, err = Fold(s, ev); err != nil {
				return s, nil, fmt.Errorf("%w: fold %s v%d: %w", ErrFold, a, ev.Version, err)
			}
		}
	}
	return s, tail[0], nil
}
