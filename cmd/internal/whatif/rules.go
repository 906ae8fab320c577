package whatif

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"slices"
	"strings"

	"passbook/shared/account"
	"passbook/shared/event"
	"passbook/shared/money"
)

// MaxRulesBytes bounds the JSON of rules, and maxRules the rules of one kind.
const (
	MaxRulesBytes = 64 << 10
	maxRules      = 1000
)

// The bounds of percent and basis_points.
const (
	maxPercent = 100_000
	basis      = 10_000
)

// Rules are other rules than those by which a bank decided. Of the rules of a kind the first counts
// that is about an account; without one the bank's own counts.
type Rules struct {
	// Limits change the limit that the bank set, when the account was opened or later.
	Limits []ChangeRule `json:"limits"`
	// Fees change the fees that were taken.
	Fees []ChangeRule `json:"fees"`
	// NewFees take a fee after each withdrawal of a kind, which nobody took then.
	NewFees []FeeRule `json:"new_fees"`
}

// Of says which accounts a rule is about.
type Of struct {
	// Currency is that of the rule's amounts, and of the accounts.
	Currency string `json:"currency"`
	// Product is the only product whose accounts the rule is about; empty is every one.
	Product string `json:"product"`
}

// ChangeRule makes an amount of another: first the percentage of it, rounded down, and then not
// less and not more than the bounds.
type ChangeRule struct {
	Of
	Percent *int64 `json:"percent"`
	AtLeast *int64 `json:"at_least"`
	AtMost  *int64 `json:"at_most"`
}

// FeeRule is a fee for withdrawals: an amount and a part of what was withdrawn, rounded down.
type FeeRule struct {
	Of
	// On is the kind of withdrawal: cash, card or transfer_out.
	On          string `json:"on"`
	Amount      int64  `json:"amount"`
	BasisPoints int64  `json:"basis_points"`
}

// ParseRules reads rules. Its error names the member that is wrong.
func ParseRules(text []byte) (r Rules, err error) {
	if len(text) > MaxRulesBytes {
		return r, fmt.Errorf("the rules have %d bytes, more than %d", len(text), MaxRulesBytes)
	}
	var lists struct {
		Limits  []json.RawMessage `json:"limits"`
		Fees    []json.RawMessage `json:"fees"`
		NewFees []json.RawMessage `json:"new_fees"`
	}
	if err := decode(text, &lists); err != nil {
		return r, fmt.Errorf("the rules: %w", err)
	}
	r.Limits, err = parseList("limits", lists.Limits, ChangeRule.check)
	if err == nil {
		r.Fees, err = parseList("fees", lists.Fees, ChangeRule.check)
	}
	if err == nil {
		r.NewFees, err = parseList("new_fees", lists.NewFees, FeeRule.check)
	}
	return r, err
}

// parseList reads the rules of a kind.
func parseList[R any](name string, list []json.RawMessage, check func(R) error) ([]R, error) {
	if len(list) > maxRules {
		return nil, fmt.Errorf("%s has %d rules, more than %d", name, len(list), maxRules)
	}
	rules := make([]R, len(list))
	for i, text := range list {
		err := decode(text, &rules[i])
		if err == nil {
			err = check(rules[i])
		}
		if err != nil {
			return nil, fmt.Errorf("%s[%d]: %w", name, i, err)
		}
	}
	return rules, nil
}

// decode reads one JSON object that has no other members than v.
func decode(text []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			return errors.New("something follows the JSON object")
		}
	}
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		if kind.Field == "" {
			return fmt.Errorf("it must be a JSON object, and is JSON of another kind: %s", kind.Value)
		}
		return fmt.Errorf("%s cannot be a JSON %s", strings.TrimPrefix(kind.Field, "Of."), kind.Value)
	}
	if err != nil {
		if name, unknown := strings.CutPrefix(err.Error(), "json: unknown field "); unknown {
			return fmt.Errorf("there is no member %s", name)
		}
		return fmt.Errorf("it is not JSON: %w", err)
	}
	return nil
}

func (o Of) check() error {
	if _, known := money.Exponent(o.Currency); !known {
		return errors.New("currency must be a currency such as EUR: amounts are in its minor units")
	}
	if o.Product != "" && !account.ValidCode(o.Product) {
		return errors.New("product must be " + account.FormID)
	}
	return nil
}

func (c ChangeRule) check() error {
	if err := c.Of.check(); err != nil {
		return err
	}
	switch {
	case c.Percent == nil && c.AtLeast == nil && c.AtMost == nil:
		return errors.New("percent, at_least and at_most are missing: one of them is needed")
	case c.Percent != nil && (*c.Percent < 0 || *c.Percent > maxPercent):
		return fmt.Errorf("percent must be from 0 to %d", maxPercent)
	case c.AtLeast != nil && !limit(*c.AtLeast):
		return errors.New("at_least must be " + account.FormLimit)
	case c.AtMost != nil && !limit(*c.AtMost):
		return errors.New("at_most must be " + account.FormLimit)
	case c.AtLeast != nil && c.AtMost != nil && *c.AtLeast > *c.AtMost:
		return errors.New("at_least is more than at_most")
	}
	return nil
}

func (f FeeRule) check() error {
	if err := f.Of.check(); err != nil {
		return err
	}
	kinds := []string{event.KindCash, event.KindCard, event.KindTransferOut}
	switch {
	case !slices.Contains(kinds, f.On):
		return errors.New("on must be " + account.FormOneOf(kinds...))
	case !limit(f.Amount):
		return errors.New("amount must be " + account.FormLimit)
	case f.BasisPoints < 0 || f.BasisPoints > basis:
		return fmt.Errorf("basis_points must be from 0 to %d", basis)
	case f.Amount == 0 && f.BasisPoints == 0:
		return errors.New("amount and basis_points are missing: one of them is needed")
	}
	return nil
}

func limit(amount int64) bool { return amount >= 0 && amount <= money.Max }

// about reports whether a rule is about an account.
func (o Of) about(currency, product string) bool {
	return o.Currency == currency && (o.Product == "" || o.Product == product)
}

// change returns what the first of the rules about an account makes of an amount.
func change(rules []ChangeRule, currency, product string, amount int64) int64 {
	for _, c := range rules {
		if c.about(currency, product) {
			return c.of(amount)
		}
	}
	return amount
}

func (c ChangeRule) of(amount int64) int64 {
	if c.Percent != nil {
		amount = part(amount, *c.Percent, 100)
	}
	if c.AtLeast != nil {
		amount = max(amount, *c.AtLeast)
	}
	if c.AtMost != nil {
		amount = min(amount, *c.AtMost)
	}
	return amount
}

// newFee returns the fee for a withdrawal, 0 if there is none.
func (r Rules) newFee(currency, product, kind string, withdrawn int64) int64 {
	for _, f := range r.NewFees {
		if f.On == kind && f.about(currency, product) {
			return min(f.Amount+part(withdrawn, f.BasisPoints, basis), money.Max)
		}
	}
	return 0
}

// part returns amount × of / whole, rounded down, and no more than money.Max. None is negative.
func part(amount, of, whole int64) int64 {
	high, low := bits.Mul64(uint64(amount), uint64(of))
	if high >= uint64(whole) {
		return money.Max
	}
	quotient, _ := bits.Div64(high, low, uint64(whole))
	return int64(min(quotient, money.Max))
}
