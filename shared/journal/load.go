package journal

import (
	"context"
	"errors"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/account"
	"passbook/shared/event"
	"passbook/shared/telemetry"
	"passbook/shared/telemetry/trace"
)

// stateFaults counts and logs the wrong states in entries. Such a state saves reading and proves
// nothing, as no hash covers it: it is compared with the last event of its entry, and a wrong one
// only costs more reading. The audit reports it.
type stateFaults struct {
	count prometheus.Counter
	log   *slog.Logger
}

// newStateFaults returns the counter and the log of wrong states.
func newStateFaults() stateFaults {
	return stateFaults{log: slog.Default(), count: prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: telemetry.Namespace, Name: "journal_states_refused_total", Help: "States in entries that do not agree with their events and were not used.",
	})}
}

// Report registers the reader's counter and sets its log. It MUST be called before the first read.
func (r *Reader) Report(to prometheus.Registerer, log *slog.Logger) {
	to.MustRegister(r.stateFaults.count)
	r.stateFaults.log = log
}

func (r *Reader) reportState(ctx context.Context, a event.Account, version int64, why error) {
	r.stateFaults.count.Inc()
	r.stateFaults.log.ErrorContext(ctx, "the state in an entry is wrong; folding its events instead; run audit", "account", a.String(), "version", version, "error", why)
}

// load folds the account up to version upTo (0: the head) and returns the state and the entry that
// has the version, nil when there is none. When the events do not follow from the stored state that
// they are folded from, that state is wrong: they are folded from version 1.
func (r *Reader) load(ctx context.Context, a event.Account, upTo int64) (account.State, *event.Entry, error) {
	base, tail, err := r.base(ctx, a, upTo, true)
	if err != nil {
		return account.State{}, nil, err
	}
	s, newest, err := account.FoldEntries(a, base, tail, upTo)
	if !errors.Is(err, account.ErrFold) || base.Version == 0 {
		return s, newest, err
	}
	r.reportState(ctx, a, base.Version, err)
	if base, tail, err = r.base(ctx, a, upTo, false); err != nil {
		return account.State{}, nil, err
	}
	return account.FoldEntries(a, base, tail, upTo)
}

// base reads back to the newest state that can be used, or to version 1. It returns the state, and
// the entries from the newest down to the one with that state, which is the last of them. Without
// trust it uses no state.
func (r *Reader) base(ctx context.Context, a event.Account, upTo int64, trust bool) (base account.State, tail []*event.Entry, err error) {
	for e, err := range r.Backward(ctx, a, upTo) {
		if err != nil {
			return base, nil, err
		}
		tail = append(tail, e)
		if !trust || e.State == nil || upTo != 0 && e.Last > upTo {
			continue
		}
		s, err := account.StateIn(e)
		switch {
		case err == nil:
			return s, tail, nil
		case !errors.Is(err, account.ErrStateFormat):
			r.reportState(trace.OfEntry(ctx, e), a, e.Last, err)
		}
	}
	return base, tail, nil
}
