package whatif

import (
	"time"

	"passbook/shared/event"
)

// The values of Asked.Operation and Difference.Operation.
const (
	Open              = "open"
	Credit            = "credit"
	Withdrawal        = "withdrawal"
	Fee               = "fee"
	NewFee            = "new_fee"
	Hold              = "hold"
	Capture           = "capture"
	Release           = "release"
	Pay               = "transfer_out"
	Receive           = "transfer_in"
	ReverseCredit     = "credit_reversal"
	ReverseWithdrawal = "withdrawal_reversal"
	Limit             = "credit_limit"
	Freeze            = "freeze"
	Unfreeze          = "unfreeze"
	Close             = "close"
	Expire            = "expire"
)

// The values of Difference.Decided and Difference.Would.
const (
	// Accepted is a command that did what it asked for.
	Accepted = "accepted"
	// Declined is a command for which the funds or the limit did not suffice.
	Declined = "declined"
	// Refused is a command that could not be carried out; such a refusal is not in history.
	Refused = "refused"
	// None is a fee that is not asked for.
	None = "none"
)

// outcome is what was decided on a command.
type outcome struct {
	verdict string
	// why is the problem code of what was not accepted.
	why    string
	amount int64
	// version is the event that shows it, and paid the one that moved money, 0 if none did.
	version, paid int64
}

// command is a command as its events show it.
type command struct {
	outcome
	operation string
	// kind is that of the money that was withdrawn; it is empty for a decline, which does not have
	// it.
	kind     string
	at       time.Time
	currency string
	// body is that of the event that shows the decision, nil where a command only emitted what had
	// expired.
	body event.Body
	// ended are the holds that ended.
	ended []int64
}

// commandOf returns the command that made the events, of which there is one at least.
func commandOf(events []event.Event) command {
	last := events[len(events)-1]
	c := command{operation: Expire, at: last.RecordedAt, currency: last.Currency, outcome: outcome{verdict: Accepted, version: last.Version}}
	for _, e := range events {
		switch b := e.Body.(type) {
		case event.MoneyCredited:
			c.paid = e.Version
		case event.MoneyWithdrawn:
			c.paid, c.kind = e.Version, b.Kind
		case event.HoldReleased:
			c.end(b.HoldID)
		case event.HoldCaptured:
			if b.Final {
				c.end(b.HoldID)
			}
		}
	}
	if shown, ok := shows(events); ok {
		c.body, c.version, c.amount = shown.Body, shown.Version, shown.Amount()
		c.name()
	}
	return c
}

func (c *command) end(holdID string) {
	if version, ok := event.ParseID('h', holdID); ok {
		c.ended = append(c.ended, version)
	}
}

// shows returns the event that shows what was decided: the last of a closed account, where the end
// of the limit comes before it, else the first one that is not the end of what had expired.
func shows(events []event.Event) (event.Event, bool) {
	last := events[len(events)-1]
	if _, closes := last.Body.(event.AccountClosed); closes {
		return last, true
	}
	for _, e := range events {
		switch b := e.Body.(type) {
		case event.HoldReleased:
			if b.Reason == event.ReasonExpired {
				continue
			}
		case event.CreditLimitChanged:
			if b.ExpiredVersion != 0 {
				continue
			}
		}
		return e, true
	}
	return event.Event{}, false
}

// name sets the operation, and what an event of it does not have in common with others.
func (c *command) name() {
	switch b := c.body.(type) {
	case event.AccountOpened:
		c.operation, c.amount = Open, b.CreditLimit
	case event.MoneyCredited:
		c.operation = Credit
		if b.Kind == event.KindTransferIn {
			c.operation = Receive
		}
	case event.MoneyWithdrawn:
		c.operation = Withdrawal
		switch b.Kind {
		case event.KindTransferOut:
			c.operation = Pay
		case event.KindFee:
			c.operation = Fee
		}
	case event.WithdrawalDeclined:
		c.verdict, c.why, c.amount = Declined, b.Reason, b.Amount
		c.operation = map[string]string{event.OpHold: Hold, event.OpTransfer: Pay, event.OpReversal: ReverseCredit, event.OpWithdraw: Withdrawal}[b.Op]
	case event.HoldPlaced:
		c.operation = Hold
	case event.HoldCaptured:
		c.operation = Capture
	case event.HoldReleased:
		c.operation = Release
	case event.TransactionReversed:
		c.operation = ReverseWithdrawal
		if b.Direction == event.DirectionDebit {
			c.operation = ReverseCredit
		}
	case event.CreditLimitChanged:
		c.operation, c.amount = Limit, b.After
	case event.AccountFrozen:
		c.operation = Freeze
	case event.AccountUnfrozen:
		c.operation = Unfreeze
	case event.AccountClosed:
		c.operation = Close
	}
}
