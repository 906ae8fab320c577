package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/account"
	"passbook/shared/event"
)

// The state in an entry saves time and proves nothing: no hash covers it. It is held against the
// last event of its entry, and one that is damaged or wrong costs a longer way back. The audit
// names it.

// doubts is where the states that were not believed are told.
type doubts struct {
	count prometheus.Counter
	log   *slog.Logger
}

func newDoubts() doubts {
	return doubts{log: slog.Default(), count: prometheus.NewCounter(prometheus.CounterOpts{
		Name: "journal_states_refused_total", Help: "States in entries that were not what their events make them, and were passed over.",
	})}
}

// Report makes the reader's counter known to a registerer and its log lines to a log. It MUST be
// called before the first read.
func (r *Reader) Report(to prometheus.Registerer, log *slog.Logger) {
	to.MustRegister(r.doubts.count)
	r.doubts.log = log
}

func (r *Reader) doubt(a event.Account, version int64, why error) {
	r.doubts.count.Inc()
	r.doubts.log.Error("the state in an entry is wrong; the events are folded instead: run audit", "account", a.String(), "version", version, "error", why)
}

// errFold: the events do not follow from the state that they were folded from.
var errFold = errors.New("journal: events do not fold")

// load folds the account up to version upTo (0: the head) and gives the entry that holds it, nil
// when there is none. When the events do not follow from the state that they are folded from, it is
// that state that is not believed: they are folded from version 1.
func (r *Reader) load(ctx context.Context, a event.Account, upTo int64) (account.State, *event.Entry, error) {
	base, tail, err := r.base(ctx, a, upTo, true)
	if err != nil {
		return account.State{}, nil, err
	}
	s, newest, err := foldTail(a, base, tail, upTo)
	if !errors.Is(err, errFold) || base.Version == 0 {
		return s, newest, err
	}
	r.doubt(a, base.Version, err)
	if base, tail, err = r.base(ctx, a, upTo, false); err != nil {
		return account.State{}, nil, err
	}
	return foldTail(a, base, tail, upTo)
}

// base reads back to the newest state that can be used, or to version 1: the state, and the entries
// from the newest down to the one whose state it is, which is last among them. Without trust no
// state is used.
func (r *Reader) base(ctx context.Context, a event.Account, upTo int64, trust bool) (base account.State, tail []*event.Entry, err error) {
	for e, err := range r.Backward(ctx, a, upTo) {
		if err != nil {
			return base, nil, err
		}
		tail = append(tail, e)
		if !trust || e.State == nil || upTo != 0 && e.Last > upTo {
			continue
		}
		s, err := parseState(e)
		switch {
		case err == nil:
			return s, tail, nil
		case !errors.Is(err, account.ErrStateFormat):
			r.doubt(a, e.Last, err)
		}
	}
	return base, tail, nil
}

// parseState is the state in an entry, if it is what the entry's last event says:
// account.ErrStateFormat for another format.
func parseState(e *event.Entry) (account.State, error) {
	s, err := account.ParseState(e.State)
	if errors.Is(err, account.ErrStateFormat) && !bytes.HasPrefix(e.State, []byte(`{"format":`)) {
		return s, errors.New("it is no state")
	}
	if err != nil {
		return s, err
	}
	last := e.Events[len(e.Events)-1]
	_, closes := last.Body.(event.AccountClosed)
	switch {
	case s.Version != e.Last:
		return s, fmt.Errorf("it is of v%d", s.Version)
	case event.After{Posted: s.Posted, Held: s.Held, Limit: s.Limit} != last.After:
		return s, fmt.Errorf("it stands at %d, %d, %d; the event says %+v", s.Posted, s.Held, s.Limit, last.After)
	case s.Currency != e.Currency, !s.RecordedAt.Equal(e.RecordedAt), (s.Status == account.StatusClosed) != closes:
		return s, errors.New("its currency, time or status is not the entry's")
	}
	return s, nil
}

// foldTail folds entries, newest first, over a state that may be of the last of them.
func foldTail(a event.Account, s account.State, tail []*event.Entry, upTo int64) (account.State, *event.Entry, error) {
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
			if s, err = account.Fold(s, ev); err != nil {
				return s, nil, fmt.Errorf("%w: fold %s v%d: %w", errFold, a.ID, ev.Version, err)
			}
		}
	}
	return s, tail[0], nil
}
