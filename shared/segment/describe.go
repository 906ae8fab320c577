package segment

import (
	"strings"

	"passbook/shared/event"
	"passbook/shared/money"
)

// describe fills the columns of format 2 that format 1 lacks: the mac, and those that spare a query
// the JSON of data.
func (r *Row) describe(e *event.Entry, ev event.Event) {
	exponent, _ := money.Exponent(e.Currency)
	r.Exponent = int32(exponent)
	if ev.Version == e.First {
		r.MAC = e.MAC.String()
	}
	switch b := ev.Body.(type) {
	case event.AccountOpened:
		r.HolderRef = b.HolderRef
	case event.MoneyCredited:
		r.Kind, r.Direction, r.Delta = b.Kind, event.DirectionCredit, b.Amount
	case event.MoneyWithdrawn:
		r.Kind, r.Direction, r.Delta = b.Kind, event.DirectionDebit, -b.Amount
	case event.WithdrawalDeclined:
		r.Kind, r.Direction, r.Reason, r.Amount = b.Op, event.DirectionDebit, b.Reason, b.Amount
	case event.HoldReleased:
		r.Reason = b.Reason
	case event.TransactionReversed:
		r.Direction, r.Reason, r.Delta = b.Direction, textColumn(b.Reason), b.Amount
		if b.Direction == event.DirectionDebit {
			r.Delta = -b.Amount
		}
	case event.CreditLimitChanged:
		r.Reason = textColumn(b.Reason)
	case event.AccountFrozen:
		r.Reason = b.ReasonCode
	case event.AccountUnfrozen:
		r.Reason = b.ReasonCode
	case event.AccountClosed:
		r.Reason = b.ReasonCode
	}
}

// sealedPrefix begins the column of a sealed text.
const sealedPrefix = `{"enc":"`

// textColumn returns a text as a column: the plain string, or the JSON of a sealed one.
func textColumn(t event.Text) string {
	if t.Sealed != "" {
		return sealedPrefix + t.Sealed + `"}`
	}
	return t.Plain
}

// textOf returns the text that a column stands for: that of textColumn, unless a plain text looks
// like a sealed one.
func textOf(column string) event.Text {
	rest, isSealed := strings.CutPrefix(column, sealedPrefix)
	sealed, whole := strings.CutSuffix(rest, `"}`)
	if isSealed && whole && sealed != "" {
		return event.Text{Sealed: sealed}
	}
	return event.Text{Plain: column}
}
