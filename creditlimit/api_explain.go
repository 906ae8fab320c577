package creditlimit

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"passbook/shared/account"
	"passbook/shared/api"
	"passbook/shared/event"
	"passbook/shared/money"
	"passbook/shared/web"
)

const (
	// maxDraws is how many draws an explanation names, and drawsWithin how many events before the
	// moment it looks through for them.
	maxDraws    = 20
	drawsWithin = 2_000
)

// question is what an explanation answers.
type question struct {
	// amount is 0 where the question is about the decline at the version.
	amount int64
	moment api.Moment
}

// explain answers which outcome a withdrawal would have now or would have had at a moment of the
// past, or why the decline at a version was one; and it names what takes part in the answer. It
// uses the functions that decide a withdrawal, on the journal's state, and commits nothing.
func (a *API) explain(c echo.Context) error {
	of, err := api.PathAccount(c)
	if err != nil {
		return err
	}
	ask, err := questionOf(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	s, at, err := a.stateOf(ctx, of, ask)
	if err != nil {
		return err
	}
	d := account.NewDraft(s, at)
	d.ReleaseExpired()
	answer := Explanation{
		AccountID: of.ID, Currency: d.State.Currency, Version: s.Version, AsOf: api.Time{Time: d.Now}, Amount: ask.amount,
		Available: d.State.Available(), AvailableOwn: d.State.AvailableOwn(), Limit: d.State.Limit,
		Posted: d.State.Posted, Held: d.State.Held, Drawn: d.State.Drawn(), Reserved: d.State.Reserved(), Holds: holdsOf(d.State),
	}
	if ask.amount == 0 {
		if answer.Amount, answer.Outcome, err = a.declined(ctx, of, s.Version); err != nil {
			return err
		}
	} else {
		if d.IsOpen() && d.AllowsDebit() {
			d.Debit(event.OpWithdraw, event.MoneyWithdrawn{Amount: ask.amount, Kind: event.KindCash}, d.Today())
		}
		answer.Outcome = outcomeOf(d.Decision())
	}
	if answer.Draws, answer.MoreDraws, err = a.draws(ctx, of, s); err != nil {
		return err
	}
	if answer.LimitSet, err = a.limitSet(ctx, of, s.LimitVersion); err != nil {
		return err
	}
	web.SetVersion(c, s.Version)
	return web.ReplyJSON(c, http.StatusOK, answer)
}

// questionOf reads the question. Without an amount it is about the decline at a version.
func questionOf(c echo.Context) (question, error) {
	q := web.ParseQuery(c)
	ask := question{amount: q.Int("amount", 1, money.Max, 0), moment: api.Moment{At: q.Time("at"), Version: q.Version("version")}}
	if ask.moment.Version > 0 && !ask.moment.At.IsZero() {
		q.FailForm("version", web.FieldNotTogether, "one of at and version")
	}
	if ask.amount == 0 && ask.moment.Version == 0 {
		q.Missing("amount")
	}
	return ask, q.Problem()
}

// stateOf returns the account as it was at the moment of the question, and the moment. The state
// after a decline is the one that it was decided on, less what had run out by then.
func (a *API) stateOf(ctx context.Context, of event.Account, ask question) (account.State, time.Time, error) {
	now := a.now()
	if !ask.moment.Past() {
		head, err := api.ExistingHead(ctx, a.journal, of)
		return head.State, now, err
	}
	version, err := ask.moment.Resolve(ctx, a.journal, of, now)
	if err != nil {
		return account.State{}, now, err
	}
	s, err := a.journal.StateAt(ctx, of, version)
	if err != nil {
		return s, now, api.Unavailable(err)
	}
	if at := ask.moment.At; !at.IsZero() {
		return s, at, nil
	}
	return s, s.RecordedAt, nil
}

// declined returns the amount and the outcome of the decline at a version. It refuses a version
// that is none, since there the question lacks its amount.
func (a *API) declined(ctx context.Context, of event.Account, version int64) (int64, Outcome, error) {
	ev, _, err := a.journal.Event(ctx, of, version)
	if err != nil {
		return 0, Outcome{}, api.Unavailable(err)
	}
	b, ok := ev.Body.(event.WithdrawalDeclined)
	if !ok {
		return 0, Outcome{}, web.InvalidForm("amount", account.FieldRequired, "an amount, as the event at this version is not a decline")
	}
	return b.Amount, Outcome{Code: b.Reason, Shortfall: &b.Shortfall}, nil
}

// outcomeOf renders the outcome of a withdrawal.
func outcomeOf(d account.Decision) Outcome {
	if d.Rejection != nil {
		return Outcome{Code: d.Rejection.Code}
	}
	switch b := d.Events[len(d.Events)-1].Body.(type) {
	case event.MoneyWithdrawn:
		return Outcome{Accepted: true, FromOwn: &b.FromOwn, FromCredit: &b.FromCredit}
	case event.WithdrawalDeclined:
		return Outcome{Code: b.Reason, Shortfall: &b.Shortfall}
	}
	return Outcome{}
}

// holdsOf renders the open holds, oldest first.
func holdsOf(s account.State) []ExplainedHold {
	list := make([]ExplainedHold, len(s.Holds))
	for i, h := range s.Holds {
		list[i] = ExplainedHold{
			HoldID: event.HoldID(h.Version), Version: h.Version, Amount: h.Amount,
			PlacedAt: api.Time{Time: h.PlacedAt}, ExpiresAt: api.Time{Time: h.ExpiresAt},
		}
	}
	return list
}

// draws returns the debits, newest first, since the balance was last not below 0: those that the
// drawn part of the line consists of, as far as no credit has repaid it. more says that there are
// older ones.
func (a *API) draws(ctx context.Context, of event.Account, s account.State) (list []Draw, more bool, err error) {
	list = []Draw{}
	if s.Drawn() == 0 {
		return list, false, nil
	}
	for entry, err := range a.journal.Backward(ctx, of, s.Version) {
		if err != nil {
			return nil, false, api.Unavailable(err)
		}
		for i := len(entry.Events) - 1; i >= 0; i-- {
			ev := entry.Events[i]
			switch {
			case ev.Version > s.Version:
				continue
			case ev.After.Posted >= 0:
				return list, false, nil
			case len(list) == maxDraws, s.Version-ev.Version >= drawsWithin:
				return list, true, nil
			}
			if drawn := drawnBy(ev); drawn > 0 {
				list = append(list, Draw{
					EventID: of.EventID(ev.Version), Version: ev.Version, Type: ev.Body.Type(), RecordedAt: api.Time{Time: entry.RecordedAt},
					Amount: ev.Amount(), FromCredit: drawn,
				})
			}
		}
	}
	return list, false, nil
}

// drawnBy returns how much of the line an event drew, after which the balance is below 0.
func drawnBy(ev event.Event) int64 {
	switch b := ev.Body.(type) {
	case event.MoneyWithdrawn:
		return b.FromCredit
	case event.TransactionReversed:
		if b.Direction == event.DirectionDebit {
			return min(b.Amount, -ev.After.Posted)
		}
	}
	return 0
}

// limitSet returns the decision that set the limit, nil for an account that never had one.
func (a *API) limitSet(ctx context.Context, of event.Account, version int64) (*Decision, error) {
	if version == 0 {
		return nil, nil
	}
	ev, entry, err := a.journal.Event(ctx, of, version)
	if err != nil {
		return nil, api.Unavailable(err)
	}
	if !decides(ev) {
		return nil, nil
	}
	d := decisionOf(of, api.Recorded{Event: ev, Entry: entry})
	return &d, nil
}
