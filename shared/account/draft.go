package account

import (
	"fmt"
	"time"

	"passbook/shared/event"
)

// Draft is a decision in the making. The building blocks emit events, which are folded at once, or
// reject; after a rejection they do nothing more. A Draft is not safe for concurrent use.
type Draft struct {
	// State is the state after Events.
	State State
	// Now is the time of the decision, UTC, whole microseconds, not before the account's last
	// entry.
	Now    time.Time
	Events []event.Event

	rejection *Rejection
}

// NewDraft starts a decision on s at now, or at the time of the account's last entry where that is
// later.
func NewDraft(s State, now time.Time) *Draft {
	now = now.UTC().Truncate(time.Microsecond)
	if now.Before(s.RecordedAt) {
		now = s.RecordedAt
	}
	return &Draft{State: s, Now: now}
}

// Emit appends the event of b with a value date, midnight UTC, and folds it. It sets Version,
// After, Currency and RecordedAt; the journal sets Command. It panics when the event cannot follow,
// as the building blocks check that before.
func (d *Draft) Emit(b event.Body, effectiveAt time.Time) {
	d.emit(b, d.State.Currency, effectiveAt)
}

func (d *Draft) emit(b event.Body, currency string, effectiveAt time.Time) {
	if d.rejection != nil {
		return
	}
	e := event.New(b)
	e.Version, e.Currency = d.State.Version+1, currency
	e.EffectiveAt, e.RecordedAt = effectiveAt, d.Now
	if err := d.State.apply(&e); err != nil {
		panic(fmt.Sprintf("account: emit %s v%d: %v", b.Type(), e.Version, err))
	}
	e.After = d.State.after()
	d.Events = append(d.Events, e)
}

// Today returns the value date of the decision.
func (d *Draft) Today() time.Time { return date(d.Now) }

// Window is how many days a value date may be before and after the day of the decision.
type Window struct{ Back, Ahead int }

// ValueDate returns a command's value date, or Today when it names none. It rejects a date outside
// the window by its field. The command was validated before.
func (d *Draft) ValueDate(effectiveAt string, w Window) time.Time {
	today := d.Today()
	at, ok := ParseDate(effectiveAt)
	if !ok {
		return today
	}
	first, last := today.AddDate(0, 0, -w.Back), today.AddDate(0, 0, w.Ahead)
	if at.Before(first) || at.After(last) {
		d.rejectDate("/effective_at", FieldOutOfRange, "a date from "+first.Format(time.DateOnly)+" to "+last.Format(time.DateOnly))
	}
	return at
}

// Reject ends the draft; the first rejection counts. It returns false, for the guard that calls it
// to return.
func (d *Draft) Reject(code string, details map[string]any) bool {
	if d.rejection == nil {
		d.rejection = &Rejection{Code: code, Details: details}
	}
	return false
}

// rejectDate rejects a command for a date or an instant that only the time of the decision shows to
// be wrong; form is what it may be.
func (d *Draft) rejectDate(pointer, code, form string) bool {
	return d.Reject(CodeDateOutOfRange, map[string]any{"errors": []FieldError{{pointer, code, Expected(form)}}})
}

// rejectPast rejects a command whose field expires_at is not later than the decision.
func (d *Draft) rejectPast() bool {
	return d.rejectDate("/expires_at", FieldInThePast, "an instant that is later than the command itself")
}

// Decision returns the outcome. A rejection drops all emitted events, releases included: the next
// accepted command or the sweeper emits those again.
func (d *Draft) Decision() Decision {
	if d.rejection != nil {
		return Decision{Rejection: d.rejection}
	}
	return Decision{Events: d.Events}
}

// IsOpen rejects an account that does not exist or is closed.
func (d *Draft) IsOpen() bool {
	switch d.State.Status {
	case "":
		return d.Reject(CodeAccountNotFound, nil)
	case StatusClosed:
		return d.Reject(CodeAccountClosed, nil)
	}
	return true
}

// Keeps rejects a currency that is not the account's.
func (d *Draft) Keeps(currency string) bool {
	return currency == d.State.Currency || d.Reject(CodeCurrencyMismatch, nil)
}

// AllowsDebit rejects when the account is frozen in either scope: no money may leave or be
// reserved.
func (d *Draft) AllowsDebit() bool {
	return d.State.Frozen == "" || d.rejectFrozen()
}

// AllowsCredit rejects when the account is frozen altogether. A freeze of debits lets money in, and
// lets a hold that was placed before be captured.
func (d *Draft) AllowsCredit() bool {
	return d.State.Frozen != event.ScopeAll || d.rejectFrozen()
}

func (d *Draft) rejectFrozen() bool {
	return d.Reject(CodeAccountFrozen, map[string]any{"scope": d.State.Frozen})
}
