package whatif

import (
	"time"

	"passbook/shared/account"
	"passbook/shared/event"
)

// Command is a command of withdraw or credit.
type Command interface {
	Decide(s account.State, now time.Time) account.Decision
}

// Asked is what a customer or the bank asked for, by the other rules. Texts, contra accounts and
// value dates are left out, as nothing is decided by them.
type Asked struct {
	Operation string
	Amount    int64
	Currency  string
	// Kind is that of a credit or a withdrawal; empty for a declined one, which does not have it.
	Kind string
	// HolderRef and Product are those of an account that is opened.
	HolderRef, Product string
	// HoldID is the hold to capture or release, and Final says that it ends with the capture.
	HoldID string
	Final  bool
	// ExpiresAt is when a hold or a limit expires, empty for never.
	ExpiresAt string
	// Original is the transaction to reverse, nil if it was not made.
	Original *event.Event
	// Force overrides a rule. History has it only where that was needed.
	Force bool
	// Scope is that of a freeze.
	Scope string
}

// asked returns what a command of the history asks for by the other rules.
func (a *Account) asked(c command) Asked {
	is, rules := Asked{Operation: c.operation, Amount: c.amount, Currency: c.currency}, a.report.rules
	switch b := c.body.(type) {
	case event.AccountOpened:
		is.HolderRef, is.Product = b.HolderRef, b.Product
		is.Amount = change(rules.Limits, c.currency, b.Product, b.CreditLimit)
	case event.CreditLimitChanged:
		is.Amount, is.Force = change(rules.Limits, c.currency, a.state.Product, b.After), b.Forced
		if is.Amount > 0 { // a limit of 0 does not expire
			is.ExpiresAt = instant(b.ExpiresAt)
		}
	case event.MoneyCredited:
		is.Kind = b.Kind
	case event.MoneyWithdrawn:
		is.Kind = b.Kind
		if c.operation == Fee {
			is.Amount = change(rules.Fees, c.currency, a.state.Product, b.Amount)
		}
	case event.WithdrawalDeclined:
		if c.operation == ReverseCredit {
			is.Original = original(event.MoneyCredited{Amount: b.Amount})
		}
	case event.HoldPlaced:
		is.ExpiresAt = instant(b.ExpiresAt)
	case event.HoldCaptured:
		is.HoldID, is.Final = a.hold(b.HoldID), b.Final
	case event.HoldReleased:
		is.HoldID = a.hold(b.HoldID)
	case event.TransactionReversed:
		is.Original, is.Force = a.reversed(b), b.Forced
	case event.AccountFrozen:
		is.Scope = b.Scope
	}
	return is
}

// reversed returns the transaction that was reversed, as it would have been made; nil if it would
// not have been.
func (a *Account) reversed(b event.TransactionReversed) *event.Event {
	amount := b.Amount
	if version, ok := event.ParseID('t', b.OriginalTransactionID); ok {
		if other, differs := a.amounts[version]; differs {
			amount = other
		}
	}
	switch {
	case amount == 0:
		return nil
	case b.Direction == event.DirectionDebit:
		return original(event.MoneyCredited{Amount: amount})
	}
	return original(event.MoneyWithdrawn{Amount: amount})
}

// original returns a transaction that can be reversed. Its version is any one before the reversal.
func original(b event.Body) *event.Event { return &event.Event{Version: 1, Body: b} }

// hold returns the id that a hold of the history has here; that of no hold if it would not have
// been placed.
func (a *Account) hold(id string) string {
	version, _ := event.ParseID('h', id)
	if here, differs := a.holds[version]; differs {
		return event.HoldID(here)
	}
	return id
}

// instant returns a time as commands have it; empty for none.
func instant(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.Format(time.RFC3339Nano)
}
