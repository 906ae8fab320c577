package withdraw

import (
	"time"

	"passbook/shared/account"
	"passbook/shared/event"
)

// The commands that take money out or hold it. Each has two pure halves: Validate returns
// everything that is wrong with its shape; Decide, which relies on a valid shape, returns what it
// does to an account.

// Withdraw takes money out if it is available.
type Withdraw struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
	// Kind is cash, card or fee; cash when empty.
	Kind        string     `json:"kind,omitempty"`
	Reference   event.Text `json:"reference,omitzero"`
	Contra      string     `json:"contra,omitempty"`
	EffectiveAt string     `json:"effective_at,omitempty"`
	// ValueDates is the bank's window for EffectiveAt.
	ValueDates account.Window `json:"-"`
}

// Validate checks the command's shape.
func (c Withdraw) Validate() []account.FieldError {
	var shape account.Shape
	shape.Amount("/amount", c.Amount)
	shape.Currency("/currency", c.Currency)
	shape.OptOneOf("/kind", c.Kind, event.KindCash, event.KindCard, event.KindFee)
	shape.OptText("/reference", c.Reference)
	shape.OptName("/contra", c.Contra)
	shape.OptDate("/effective_at", c.EffectiveAt)
	return shape
}

// Decide emits MoneyWithdrawn, or WithdrawalDeclined.
func (c Withdraw) Decide(s account.State, now time.Time) account.Decision {
	d := account.NewDraft(s, now)
	d.ReleaseExpired()
	if d.IsOpen() && d.Keeps(c.Currency) && d.AllowsDebit() {
		kind := c.Kind
		if kind == "" {
			kind = event.KindCash
		}
		b := event.MoneyWithdrawn{Amount: c.Amount, Kind: kind, Contra: c.Contra, Reference: c.Reference}
		d.Debit(event.OpWithdraw, b, d.ValueDate(c.EffectiveAt, c.ValueDates))
	}
	return d.Decision()
}

// PlaceHold holds money if it is available.
type PlaceHold struct {
	Amount    int64      `json:"amount"`
	Currency  string     `json:"currency"`
	Reference event.Text `json:"reference,omitzero"`
	// ExpiresAt is when the hold expires; never when empty.
	ExpiresAt string `json:"expires_at,omitempty"`
}

// Validate checks the command's shape.
func (c PlaceHold) Validate() []account.FieldError {
	var shape account.Shape
	shape.Amount("/amount", c.Amount)
	shape.Currency("/currency", c.Currency)
	shape.OptText("/reference", c.Reference)
	shape.OptTime("/expires_at", c.ExpiresAt)
	return shape
}

// Decide emits HoldPlaced, or WithdrawalDeclined.
func (c PlaceHold) Decide(s account.State, now time.Time) account.Decision {
	d := account.NewDraft(s, now)
	d.ReleaseExpired()
	if d.IsOpen() && d.Keeps(c.Currency) && d.AllowsDebit() {
		expiresAt, _ := account.ParseTime(c.ExpiresAt)
		d.PlaceHold(event.HoldPlaced{Amount: c.Amount, Reference: c.Reference, ExpiresAt: expiresAt})
	}
	return d.Decision()
}

// CaptureHold turns a hold, or a part of it, into a withdrawal.
type CaptureHold struct {
	HoldID string `json:"hold_id"`
	// Amount is what to capture; nil is all that remains.
	Amount *int64 `json:"amount,omitempty"`
	// Final releases what remains after the capture; nil is true. A caller that will capture again
	// sends false: money that nobody will capture must not stay held. A capture of all that remains
	// is always final.
	Final *bool `json:"final,omitempty"`
	// Placed says that the event that HoldID names placed a hold. It is read from the journal.
	Placed bool `json:"-"`
}

// Validate checks the command's shape. A malformed id is not found, like any other id that names no
// hold.
func (c CaptureHold) Validate() []account.FieldError {
	var shape account.Shape
	if c.Amount != nil {
		shape.Amount("/amount", *c.Amount)
	}
	return shape
}

// Decide emits HoldCaptured and MoneyWithdrawn, and HoldReleased for a remainder. It needs no
// funds, and a freeze of debits does not stop it: the money has been promised.
func (c CaptureHold) Decide(s account.State, now time.Time) account.Decision {
	d := account.NewDraft(s, now)
	d.ReleaseExpired()
	if !d.IsOpen() {
		return d.Decision()
	}
	if hold, ok := d.ActiveHold(c.HoldID, c.Placed); ok && d.AllowsCredit() {
		amount := hold.Amount
		if c.Amount != nil {
			amount = *c.Amount
		}
		d.Capture(hold, amount, c.Final == nil || *c.Final)
	}
	return d.Decision()
}

// ReleaseHold ends a hold without taking its money.
type ReleaseHold struct {
	HoldID string `json:"hold_id"`
	// Placed says that the event that HoldID names placed a hold. It is read from the journal.
	Placed bool `json:"-"`
}

// Validate returns nil: the command has no shape that can be wrong.
func (c ReleaseHold) Validate() []account.FieldError { return nil }

// Decide emits HoldReleased, also on a frozen account.
func (c ReleaseHold) Decide(s account.State, now time.Time) account.Decision {
	d := account.NewDraft(s, now)
	d.ReleaseExpired()
	if !d.IsOpen() {
		return d.Decision()
	}
	if hold, ok := d.ActiveHold(c.HoldID, c.Placed); ok {
		d.Emit(event.HoldReleased{HoldID: c.HoldID, Amount: hold.Amount, Reason: event.ReasonVoid}, d.Today())
	}
	return d.Decision()
}

// ReverseWithdrawal reverses a withdrawal, once and in full.
type ReverseWithdrawal struct {
	TransactionID string     `json:"transaction_id"`
	Reason        event.Text `json:"reason,omitzero"`
	// Original is the event that TransactionID names, read from the journal; nil when there is
	// none.
	Original *event.Event `json:"-"`
	// Reversed says that the journal has a reversal of Original.
	Reversed bool `json:"-"`
}

// Validate checks the command's shape.
func (c ReverseWithdrawal) Validate() []account.FieldError {
	var shape account.Shape
	shape.OptText("/reason", c.Reason)
	return shape
}

// Decide emits TransactionReversed.
func (c ReverseWithdrawal) Decide(s account.State, now time.Time) account.Decision {
	d := account.NewDraft(s, now)
	d.ReleaseExpired()
	if d.IsOpen() && d.IsTransaction(c.Original, event.MoneyWithdrawn{}) {
		d.Reverse(*c.Original, c.Reversed, c.Reason, false)
	}
	return d.Decision()
}

// Transfer moves money from one account to another of the same currency. Both legs are committed,
// or neither.
type Transfer struct {
	From      string     `json:"from"`
	To        string     `json:"to"`
	Amount    int64      `json:"amount"`
	Currency  string     `json:"currency"`
	Reference event.Text `json:"reference,omitzero"`
}

// Accounts returns the account that pays, to which the command belongs, and the one that is paid.
func (c Transfer) Accounts() (from, to string) { return c.From, c.To }

// Validate checks the command's shape.
func (c Transfer) Validate() []account.FieldError {
	var shape account.Shape
	shape.AccountID("/from", c.From)
	shape.AccountID("/to", c.To)
	shape.Amount("/amount", c.Amount)
	shape.Currency("/currency", c.Currency)
	shape.OptText("/reference", c.Reference)
	return shape
}

// DecideFrom emits the leg that pays, or the decline, as its last event; contra is the event id of
// the other leg. A reason why the other account cannot be paid is a rejection here, with "leg":"to"
// among its details, so that DecideTo on the same state of that account is never refused, at any
// time.
func (c Transfer) DecideFrom(from, to account.State, contra string, now time.Time) account.Decision {
	d := account.NewDraft(from, now)
	if c.From == c.To {
		d.Reject(account.CodeSameAccount, nil)
		return d.Decision()
	}
	d.ReleaseExpired()
	if !d.IsOpen() || !d.Keeps(c.Currency) || !d.AllowsDebit() {
		return d.Decision()
	}
	if refused := c.DecideTo(to, "", now).Rejection; refused != nil {
		d.Reject(refused.Code, onOtherLeg(refused.Details))
	}
	b := event.MoneyWithdrawn{Amount: c.Amount, Kind: event.KindTransferOut, Contra: contra, Reference: c.Reference}
	d.Debit(event.OpTransfer, b, d.Today())
	return d.Decision()
}

func onOtherLeg(details map[string]any) map[string]any {
	marked := map[string]any{"leg": "to"}
	for name, value := range details {
		marked[name] = value
	}
	return marked
}

// DecideTo emits the leg that receives, as its last event; contra is the event id of the other leg.
func (c Transfer) DecideTo(to account.State, contra string, now time.Time) account.Decision {
	d := account.NewDraft(to, now)
	d.ReleaseExpired()
	if d.IsOpen() && d.Keeps(c.Currency) && d.AllowsCredit() {
		b := event.MoneyCredited{Amount: c.Amount, Kind: event.KindTransferIn, Contra: contra, Reference: c.Reference}
		d.Credit(b, d.Today())
	}
	return d.Decision()
}

// Expire is the sweeper's command for an idle account: it emits what has expired, on a frozen
// account too. When nothing has, there are neither events nor a rejection, and nothing is
// committed, so repeating it is harmless.
type Expire struct{}

// Validate returns nil: the command has no shape that can be wrong.
func (c Expire) Validate() []account.FieldError { return nil }

// Decide emits HoldReleased for each expired hold, and CreditLimitChanged for an expired limit.
func (c Expire) Decide(s account.State, now time.Time) account.Decision {
	d := account.NewDraft(s, now)
	d.ReleaseExpired()
	return d.Decision()
}
