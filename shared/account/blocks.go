package account

import (
	"time"

	"passbook/shared/event"
	"passbook/shared/money"
)

// ReleaseExpired emits what fell due up to Now: a release for each hold, by rising version, then
// the limit's fall to 0. Every command's events start with it, so that no decision counts on what
// has run out.
func (d *Draft) ReleaseExpired() {
	for _, h := range d.State.HoldsDue(d.Now) {
		d.Emit(event.HoldReleased{HoldID: event.HoldID(h.Version), Amount: h.Amount, Reason: event.ReasonExpired}, d.Today())
	}
	if d.State.LimitDue(d.Now) {
		d.Emit(event.CreditLimitChanged{Before: d.State.Limit, Forced: true, ExpiredVersion: d.State.LimitVersion}, d.Today())
	}
}

// Credit emits money in.
func (d *Draft) Credit(b event.MoneyCredited, effectiveAt time.Time) {
	if d.canPost(b.Amount) {
		d.Emit(b, effectiveAt)
	}
}

// Debit emits money out, its split filled in, or the decline of op when the amount is not
// available.
func (d *Draft) Debit(op string, b event.MoneyWithdrawn, effectiveAt time.Time) {
	if d.covers(op, b.Amount) {
		d.withdraw(b, effectiveAt)
	}
}

func (d *Draft) withdraw(b event.MoneyWithdrawn, effectiveAt time.Time) {
	b.FromOwn = fromOwn(d.State.Posted, b.Amount)
	b.FromCredit = b.Amount - b.FromOwn
	d.Emit(b, effectiveAt)
}

// covers says whether the amount is available, and emits the decline of op when it is not. One
// whose shortfall is no number that every reader keeps is rejected instead.
func (d *Draft) covers(op string, amount int64) bool {
	available := d.State.Available()
	if amount <= available {
		return true
	}
	if amount-available > money.Max {
		return d.Reject(CodeBalanceOverflow, nil)
	}
	d.Emit(event.WithdrawalDeclined{
		Op: op, Amount: amount, Reason: event.InsufficientFunds,
		Available: available, Limit: d.State.Limit, Shortfall: amount - available,
	}, d.Today())
	return false
}

// canPost rejects a change that would take the posted balance out of range.
func (d *Draft) canPost(change int64) bool {
	_, ok := money.Add(d.State.Posted, change)
	return ok || d.Reject(CodeBalanceOverflow, nil)
}

// PlaceHold sets an amount aside, or emits the decline. What can be said without the balance is
// said first.
func (d *Draft) PlaceHold(b event.HoldPlaced) {
	if expired(b.ExpiresAt, d.Now) {
		d.rejectField("/expires_at", FieldInThePast)
		return
	}
	if len(d.State.Holds) >= MaxHolds {
		d.Reject(CodeTooManyHolds, nil)
		return
	}
	if !d.covers(event.OpHold, b.Amount) {
		return
	}
	if _, ok := money.Add(d.State.Held, b.Amount); !ok {
		d.Reject(CodeBalanceOverflow, nil)
		return
	}
	d.Emit(b, d.Today())
}

// ActiveHold is the open hold with the id. Where none is open, placed tells a hold that has ended
// (hold-not-active) from an id that never was a hold (hold-not-found); it comes from the journal,
// as the state keeps open holds only.
func (d *Draft) ActiveHold(id string, placed bool) (Hold, bool) {
	version, ok := event.ParseID('h', id)
	if !ok || version > d.State.Version {
		return Hold{}, d.Reject(CodeHoldNotFound, nil)
	}
	if h, ok := d.State.Hold(version); ok {
		return h, true
	}
	// A hold that was open when the draft began and has just expired is one that was placed,
	// whatever the caller knows.
	if placed || d.released(id) {
		return Hold{}, d.Reject(CodeHoldNotActive, nil)
	}
	return Hold{}, d.Reject(CodeHoldNotFound, nil)
}

func (d *Draft) released(id string) bool {
	for _, e := range d.Events {
		if b, ok := e.Body.(event.HoldReleased); ok && b.HoldID == id {
			return true
		}
	}
	return false
}

// Capture turns an amount of the hold into a withdrawal. It needs no funds: they were set aside.
// With final the remainder is released.
func (d *Draft) Capture(h Hold, amount int64, final bool) {
	if amount > h.Amount {
		d.Reject(CodeHoldAmountExceeded, nil)
		return
	}
	if !d.canPost(-amount) {
		return
	}
	id, remaining := event.HoldID(h.Version), h.Amount-amount
	final = final || remaining == 0
	d.Emit(event.HoldCaptured{HoldID: id, Amount: amount, Remaining: remaining, Final: final}, d.Today())
	d.withdraw(event.MoneyWithdrawn{Amount: amount, Kind: event.KindCard, HoldID: id}, d.Today())
	if final && remaining > 0 {
		d.Emit(event.HoldReleased{HoldID: id, Amount: remaining, Reason: event.ReasonCaptureRemainder}, d.Today())
	}
}

// IsTransaction rejects an original that is missing, or is neither of the kind asked for nor a
// reversal, which Reverse refuses.
func (d *Draft) IsTransaction(original *event.Event, kind event.Body) bool {
	if original != nil && original.Version <= d.State.Version {
		_, reversal := original.Body.(event.TransactionReversed)
		if reversal || original.Body.Type() == kind.Type() {
			return true
		}
	}
	return d.Reject(CodeTransactionNotFound, nil)
}

// Reverse takes a credit or a withdrawal back, in full; reversed says that it was before. Legs of
// transfers are not-reversible, as one leg cannot be taken back alone: the money is sent back
// instead. Nor are reversals.
//
// To take a credit back is a debit: force is needed where the amount is not available, else it is
// declined, by an event like any other debit, so that a repeat gets the same answer; and where
// debits are frozen, as the bank's own correction of a mistaken credit must stay possible then.
// Nothing is reversed on an account that is frozen altogether.
func (d *Draft) Reverse(original event.Event, reversed bool, reason event.Text, force bool) {
	b := event.TransactionReversed{OriginalTransactionID: original.TransactionID(), Amount: original.Amount(), Reason: reason}
	switch o := original.Body.(type) {
	case event.MoneyCredited:
		b.Direction = event.DirectionDebit
		if o.Kind == event.KindTransferIn {
			d.Reject(CodeNotReversible, nil)
		}
	case event.MoneyWithdrawn:
		b.Direction = event.DirectionCredit
		if o.Kind == event.KindTransferOut {
			d.Reject(CodeNotReversible, nil)
		}
	default:
		d.Reject(CodeNotReversible, nil)
	}
	if reversed {
		d.Reject(CodeAlreadyReversed, nil)
	}
	if d.rejection != nil || !d.AllowsCredit() {
		return
	}
	if b.Direction == event.DirectionDebit {
		d.reverseCredit(b, force)
	} else if d.canPost(b.Amount) {
		d.Emit(b, d.Today())
	}
}

func (d *Draft) reverseCredit(b event.TransactionReversed, force bool) {
	if !force && (!d.AllowsDebit() || !d.covers(event.OpReversal, b.Amount)) {
		return
	}
	b.Forced = d.State.Frozen != "" || b.Amount > d.State.Available()
	// What is set aside counts: the use of the line is a number that leaves too. All other debits
	// keep it within the limit.
	if _, ok := money.Sub(d.State.AvailableOwn(), b.Amount); !ok {
		d.Reject(CodeBalanceOverflow, nil)
	}
	if d.canPost(-b.Amount) {
		d.Emit(b, d.Today())
	}
}
