package account

import (
	"fmt"
	"time"

	"passbook/shared/event"
)

// Draft is a decision in the making. The building blocks emit events, which are folded as they
// come, or reject; after a rejection they do nothing more. A Draft is for one goroutine.
type Draft struct {
	// State is the state after Events.
	State State
	// Now is the time of the decision, UTC, whole microseconds, not before the account's last
	// entry.
	Now    time.Time
	Events []event.Event

	rejection *Rejection
}

// NewDraft starts a decision on s at now.
func NewDraft(s State, now time.Time) *Draft {
	now = now.UTC().Truncate(time.Microsecond)
	if now.Before(s.RecordedAt) {
		now = s.RecordedAt
	}
	return &Draft{State: s, Now: now}
}

// Emit appends the event of b with that value date, midnight UTC, and folds it. It fills all that
// the fold knows: Version, After, Currency and RecordedAt; Command is the journal's. It panics when
// the event cannot follow, as the building blocks check before.
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

// Today is the value date of the decision.
func (d *Draft) Today() time.Time { return date(d.Now) }

// Window is how far a value date may lie from the day of the decision, in days either way.
type Window struct{ Back, Ahead int }

// ValueDate is a command's value date, or Today when it names none; one outside the window is
// rejected by its field. A command was validated before.
func (d *Draft) ValueDate(effectiveAt string, w Window) time.Time {
	today := d.Today()
	at, ok := ParseDate(effectiveAt)
	if !ok {
		return today
	}
	if at.Before(today.AddDate(0, 0, -w.Back)) || at.After(today.AddDate(0, 0, w.Ahead)) {
		d.rejectField("/effective_at", FieldOutOfRange)
	}
	return at
}

// Reject ends the draft; the first rejection stands. It gives false, for a guard to return.
func (d *Draft) Reject(code string, details map[string]any) bool {
	if d.rejection == nil {
		d.rejection = &Rejection{Code: code, Details: details}
	}
	return false
}

// rejectField rejects a command for one field, which only the time of the decision shows to be
// wrong.
func (d *Draft) rejectField(pointer, code string) bool {
	return d.Reject(CodeValidationFailed, map[string]any{"errors": []FieldError{{Pointer: pointer, Code: code}}})
}

// Decision is the outcome. A rejection takes back whatever was emitted, releases too: they come
// with the next accepted command or the sweeper.
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

// AllowsDebit rejects when the account is frozen in either scope: no new money may leave or be set
// aside.
func (d *Draft) AllowsDebit() bool {
	return d.State.Frozen == "" || d.rejectFrozen()
}

// AllowsCredit rejects when the account is frozen altogether. A freeze of debits lets money in, and
// lets what was promised before, the capture of a hold, be taken.
func (d *Draft) AllowsCredit() bool {
	return d.State.Frozen != event.ScopeAll || d.rejectFrozen()
}

func (d *Draft) rejectFrozen() bool {
	return d.Reject(CodeAccountFrozen, map[string]any{"scope": d.State.Frozen})
}
