package credit

import (
	"cmp"
	"time"

	"passbook/shared/access"
	"passbook/shared/account"
	"passbook/shared/event"
	"passbook/shared/money"
)

// The commands that open an account, bring money in, set its limit and its status. Each has two
// pure halves: Validate returns everything that is wrong with its shape; Decide, which relies on a
// valid shape, returns what it does to an account.

// Open opens an account.
type Open struct {
	// AccountID is made from the idempotency key when empty: account.MakeID.
	AccountID   string `json:"account_id,omitempty"`
	Currency    string `json:"currency"`
	HolderRef   string `json:"holder_ref,omitempty"`
	Product     string `json:"product,omitempty"`
	CreditLimit int64  `json:"credit_limit,omitempty"`
}

// Validate checks the command's shape.
func (c Open) Validate() []account.FieldError {
	var shape account.Shape
	if c.AccountID != "" {
		shape.AccountID("/account_id", c.AccountID)
	}
	shape.Currency("/currency", c.Currency)
	shape.OptCode("/holder_ref", c.HolderRef)
	shape.OptCode("/product", c.Product)
	shape.Limit("/credit_limit", c.CreditLimit)
	return shape
}

// Needs returns the right to set a limit, if there is one.
func (c Open) Needs() access.Scopes {
	if c.CreditLimit != 0 {
		return access.LimitsWrite
	}
	return 0
}

// Decide emits AccountOpened.
func (c Open) Decide(s account.State, now time.Time) account.Decision {
	d := account.NewDraft(s, now)
	exponent, ok := money.Exponent(c.Currency)
	switch {
	case s.Version > 0:
		d.Reject(account.CodeAccountExists, nil)
	case !ok:
		d.Reject(account.CodeUnsupportedCurrency, nil)
	default:
		d.Open(c.Currency, event.AccountOpened{
			HolderRef: c.HolderRef, Exponent: exponent, Product: c.Product, CreditLimit: c.CreditLimit,
		})
	}
	return d.Decision()
}

// Credit brings money in.
type Credit struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
	// Kind is deposit, repayment, interest or adjustment; deposit when empty.
	Kind        string     `json:"kind,omitempty"`
	Reference   event.Text `json:"reference,omitzero"`
	Contra      string     `json:"contra,omitempty"`
	EffectiveAt string     `json:"effective_at,omitempty"`
	// ValueDates is the bank's window for EffectiveAt.
	ValueDates account.Window `json:"-"`
}

// Validate checks the command's shape.
func (c Credit) Validate() []account.FieldError {
	var shape account.Shape
	shape.Amount("/amount", c.Amount)
	shape.Currency("/currency", c.Currency)
	shape.OptOneOf("/kind", c.Kind, event.KindDeposit, event.KindRepayment, event.KindInterest, event.KindAdjustment)
	shape.OptText("/reference", c.Reference)
	shape.OptName("/contra", c.Contra)
	shape.OptDate("/effective_at", c.EffectiveAt)
	return shape
}

// Decide emits MoneyCredited.
func (c Credit) Decide(s account.State, now time.Time) account.Decision {
	d := account.NewDraft(s, now)
	d.ReleaseExpired()
	if d.IsOpen() && d.Keeps(c.Currency) && d.AllowsCredit() {
		kind := c.Kind
		if kind == "" {
			kind = event.KindDeposit
		}
		b := event.MoneyCredited{Amount: c.Amount, Kind: kind, Contra: c.Contra, Reference: c.Reference}
		d.Credit(b, d.ValueDate(c.EffectiveAt, c.ValueDates))
	}
	return d.Decision()
}

// SetLimit sets the authorised limit.
type SetLimit struct {
	// Limit is required, 0 included.
	Limit       *int64     `json:"limit"`
	Reason      event.Text `json:"reason,omitzero"`
	DecidedBy   string     `json:"decided_by,omitempty"`
	DecisionRef string     `json:"decision_ref,omitempty"`
	// ExpiresAt is when the limit expires and becomes 0; never when empty. A limit of 0 has none.
	ExpiresAt string `json:"expires_at,omitempty"`
	// Force allows a limit below what is in use.
	Force bool `json:"force,omitempty"`
}

// Validate checks the command's shape.
func (c SetLimit) Validate() []account.FieldError {
	var shape account.Shape
	if c.Limit == nil {
		shape.Fail("/limit", account.FieldRequired, account.FormLimit)
	} else {
		shape.Limit("/limit", *c.Limit)
	}
	shape.OptText("/reason", c.Reason)
	shape.OptName("/decided_by", c.DecidedBy)
	shape.OptName("/decision_ref", c.DecisionRef)
	shape.OptTime("/expires_at", c.ExpiresAt)
	if c.Limit != nil && *c.Limit == 0 && c.ExpiresAt != "" {
		shape.Fail("/expires_at", account.FieldNotAllowed, "no expiry, as a limit of 0 has none")
	}
	return shape
}

// Needs returns the right to force, if the command does.
func (c SetLimit) Needs() access.Scopes { return needsForce(c.Force) }

// needsForce returns the scope that a command with force needs.
func needsForce(force bool) access.Scopes {
	if force {
		return access.Force
	}
	return 0
}

// Decide emits CreditLimitChanged.
func (c SetLimit) Decide(s account.State, now time.Time) account.Decision {
	d := account.NewDraft(s, now)
	d.ReleaseExpired()
	if d.IsOpen() {
		expiresAt, _ := account.ParseTime(c.ExpiresAt)
		d.SetLimit(event.CreditLimitChanged{
			After: *c.Limit, ExpiresAt: expiresAt, Reason: c.Reason, DecidedBy: c.DecidedBy, DecisionRef: c.DecisionRef,
		}, c.Force)
	}
	return d.Decision()
}

// Freeze stops debits, or everything except a release, an unfreeze and a lower limit.
type Freeze struct {
	// Scope is debits or all; debits when empty. On a frozen account it replaces the scope in
	// force.
	Scope      string `json:"scope,omitempty"`
	ReasonCode string `json:"reason_code,omitempty"`
}

// Validate checks the command's shape.
func (c Freeze) Validate() []account.FieldError {
	var shape account.Shape
	shape.OptOneOf("/scope", c.Scope, event.ScopeDebits, event.ScopeAll)
	shape.OptCode("/reason_code", c.ReasonCode)
	return shape
}

// Decide emits AccountFrozen.
func (c Freeze) Decide(s account.State, now time.Time) account.Decision {
	d := account.NewDraft(s, now)
	d.ReleaseExpired()
	if d.IsOpen() {
		scope := c.Scope
		if scope == "" { // the default never weakens a freeze in force
			scope = cmp.Or(s.Frozen, event.ScopeDebits)
		}
		d.Emit(event.AccountFrozen{Scope: scope, ReasonCode: c.ReasonCode}, d.Today())
	}
	return d.Decision()
}

// Unfreeze lifts a freeze. On an account that is not frozen it changes nothing, but is still
// recorded.
type Unfreeze struct {
	ReasonCode string `json:"reason_code,omitempty"`
}

// Validate checks the command's shape.
func (c Unfreeze) Validate() []account.FieldError {
	var shape account.Shape
	shape.OptCode("/reason_code", c.ReasonCode)
	return shape
}

// Decide emits AccountUnfrozen.
func (c Unfreeze) Decide(s account.State, now time.Time) account.Decision {
	d := account.NewDraft(s, now)
	d.ReleaseExpired()
	if d.IsOpen() {
		d.Emit(event.AccountUnfrozen{ReasonCode: c.ReasonCode}, d.Today())
	}
	return d.Decision()
}

// Close closes an account on which nothing is posted or held.
type Close struct {
	ReasonCode string `json:"reason_code,omitempty"`
}

// Validate checks the command's shape.
func (c Close) Validate() []account.FieldError {
	var shape account.Shape
	shape.OptCode("/reason_code", c.ReasonCode)
	return shape
}

// Decide emits AccountClosed, after a CreditLimitChanged to 0 if there was a limit.
func (c Close) Decide(s account.State, now time.Time) account.Decision {
	d := account.NewDraft(s, now)
	d.ReleaseExpired()
	if d.IsOpen() && d.AllowsCredit() {
		d.Close(c.ReasonCode)
	}
	return d.Decision()
}

// ReverseCredit reverses a credit, once and in full.
type ReverseCredit struct {
	TransactionID string     `json:"transaction_id"`
	Reason        event.Text `json:"reason,omitzero"`
	// Force reverses the credit beyond what is available, and on an account whose debits are
	// frozen.
	Force bool `json:"force,omitempty"`
	// Original is the event that TransactionID names, read from the journal; nil when there is
	// none.
	Original *event.Event `json:"-"`
	// Reversed says that the journal has a reversal of Original.
	Reversed bool `json:"-"`
}

// Validate checks the command's shape.
func (c ReverseCredit) Validate() []account.FieldError {
	var shape account.Shape
	shape.OptText("/reason", c.Reason)
	return shape
}

// Needs returns the right to force, if the command does.
func (c ReverseCredit) Needs() access.Scopes { return needsForce(c.Force) }

// Decide emits TransactionReversed, or WithdrawalDeclined; the journal guards the original only in
// the first case.
func (c ReverseCredit) Decide(s account.State, now time.Time) account.Decision {
	d := account.NewDraft(s, now)
	d.ReleaseExpired()
	if d.IsOpen() && d.IsTransaction(c.Original, event.MoneyCredited{}) {
		d.Reverse(*c.Original, c.Reversed, c.Reason, c.Force)
	}
	return d.Decision()
}
