package accounttest

import (
	"time"

	"passbook/shared/account"
	"passbook/shared/event"
)

// Noon is the time at which tests begin.
var Noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// Given returns the state after drafts, one a minute up to Noon, on an account in EUR. It panics
// when one of them is rejected.
func Given(drafts ...func(*account.Draft)) account.State {
	var s account.State
	start := Noon.Add(-time.Duration(len(drafts)+1) * time.Minute)
	for i, draft := range append([]func(*account.Draft){opened}, drafts...) {
		d := account.NewDraft(s, start.Add(time.Duration(i)*time.Minute))
		draft(d)
		if refused := d.Decision().Rejection; refused != nil {
			panic("accounttest: given a rejection: " + refused.Code)
		}
		s = d.State
	}
	return s
}

func opened(d *account.Draft) { d.Open("EUR", event.AccountOpened{HolderRef: "holder-1", Exponent: 2}) }

// Credited drafts a credit.
func Credited(amount int64) func(*account.Draft) {
	return func(d *account.Draft) {
		d.Credit(event.MoneyCredited{Amount: amount, Kind: event.KindDeposit}, d.Today())
	}
}

// Withdrawn drafts a withdrawal.
func Withdrawn(amount int64) func(*account.Draft) {
	return func(d *account.Draft) {
		d.Debit(event.OpWithdraw, event.MoneyWithdrawn{Amount: amount, Kind: event.KindCash}, d.Today())
	}
}

// Held drafts a hold that expires at a time; zero is never.
func Held(amount int64, expiresAt time.Time) func(*account.Draft) {
	return func(d *account.Draft) { d.PlaceHold(event.HoldPlaced{Amount: amount, ExpiresAt: expiresAt}) }
}

// Limited drafts a limit, forced where it must be, that expires at a time; zero is never.
func Limited(limit int64, expiresAt time.Time) func(*account.Draft) {
	return func(d *account.Draft) { d.SetLimit(event.CreditLimitChanged{After: limit, ExpiresAt: expiresAt}, true) }
}

// Frozen drafts a freeze.
func Frozen(scope string) func(*account.Draft) {
	return func(d *account.Draft) { d.Emit(event.AccountFrozen{Scope: scope}, d.Today()) }
}

// Unfrozen drafts the end of a freeze.
func Unfrozen(d *account.Draft) { d.Emit(event.AccountUnfrozen{}, d.Today()) }

// Closed drafts the end of the account.
func Closed(d *account.Draft) { d.Close("") }
