package account

import "passbook/shared/event"

// Open emits AccountOpened in the currency, on a state of version 0.
func (d *Draft) Open(currency string, b event.AccountOpened) {
	d.emit(b, currency, d.Today())
}

// SetLimit emits the bank's decision on the limit, with Before and Forced filled in. A limit below
// what is in use is rejected without force. With force the account is over its limit, and only
// credits pass until it no longer is. On an account that is frozen altogether the limit can only be
// cut.
func (d *Draft) SetLimit(b event.CreditLimitChanged, force bool) {
	s := &d.State
	if expired(b.ExpiresAt, d.Now) {
		d.rejectPast()
		return
	}
	if b.After >= s.Limit && !d.AllowsCredit() {
		return
	}
	inUse := s.Drawn() + s.Reserved()
	if b.After < inUse && !force {
		d.Reject(CodeLimitBelowUsage, map[string]any{"in_use": inUse})
		return
	}
	b.Before, b.Forced = s.Limit, b.After < inUse
	d.Emit(b, d.Today())
}

// Close emits AccountClosed, and before it the end of the limit where there is one.
func (d *Draft) Close(reasonCode string) {
	if d.State.Posted != 0 || d.State.Held != 0 {
		d.Reject(CodeAccountNotEmpty, nil)
		return
	}
	if d.State.Limit > 0 {
		d.Emit(event.CreditLimitChanged{Before: d.State.Limit}, d.Today())
	}
	d.Emit(event.AccountClosed{ReasonCode: reasonCode}, d.Today())
}
