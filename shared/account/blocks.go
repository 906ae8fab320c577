package account

import (
	"time"

	"passbook/shared/event"
	"passbook/shared/money"
)

// ReleaseExpired emits what has fallen due by Now: a release for each hold, by rising version, and
// then the limit's fall to 0. The events of every command start with it, so that no decision counts
// on what has expired.
func (d *Draft) ReleaseExpired() {
	for _, h := range d.State.HoldsDue(d.Now) {
		d.Emit(event.HoldReleased{HoldID: event.HoldID(h.Version), Amount: h.Amount, Reason: event.ReasonExpired}, d.Today())
	}
	if d.State.LimitDue(d.Now) {
		d.Emit(event.CreditLimitChanged{Before: d.State.Limit, Forced: true, ExpiredVersion: d.State.LimitVersion}, d.Today())
	}
}

// Credit emits a credit of the account, or rejects one that would take the balance out of range.
func (d *Draft) Credit(b event.MoneyCredited, effectiveAt time.Time) {
	if d.canPost(b.Amount) {
		d.Emit(b, effectiveAt)
	}
}

// Debit emits a withdrawal with its split filled in, or the decline of op when the amount is not
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

// covers reports whether the amount is available, and emits the decline of op when it is not. A
// decline whose shortfall exceeds money.Max is a rejection instead.
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

// PlaceHold emits a hold that reserves an amount, or the decline. It checks what does not depend on
// the balance first.
func (d *Draft) PlaceHold(b event.HoldPlaced) {
	if expired(b.ExpiresAt, d.Now) {
		d.rejectPast()
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

// ActiveHold returns the open hold with the id. Where none is open, placed tells a hold that has
// ended (hold-not-active) from an id that never was a hold (hold-not-found). The caller reads
// placed from the journal, as the state has open holds only.
func (d *Draft) ActiveHold(id string, placed bool) (Hold, bool) {
	version, ok := event.ParseID('h', id)
	if !ok || version > d.State.Version {
		return Hold{}, d.Reject(CodeHoldNotFound, nil)
	}
	if h, ok := d.State.Hold(version); ok {
		return h, true
	}
	// A hold that was open when the draft began and has just expired was placed, even if the caller
	// does not know it.
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

// Capture emits the withdrawal of an amount of the hold. It needs no available funds, as the hold
// has reserved them. With final the remainder is released.
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

// Reverse emits the reversal of a credit or a withdrawal, in full; reversed says that there is one
// already. Legs of transfers are not reversible, as one leg cannot be reversed alone: the money is
// sent back instead. Nor are reversals.
//
// The reversal of a credit is a debit. Where the amount is not available it is declined without
// force, by an event like any other debit, so that a repeat gets the same answer. Where debits are
// frozen it needs force too, as the bank must be able to correct a mistaken credit even then.
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
	// Reserved amounts count: the drawn part of the line of credit is a number in answers too. All
	// other debits keep it within the limit.
	if _, ok := money.Sub(d.State.AvailableOwn(), b.Amount); !ok {
		d.Reject(CodeBalanceOverflow, nil)
	}
	if d.canPost(-b.Amount) {
		d.Emit(b, d.Today())
	}
}
