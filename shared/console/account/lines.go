package account

import (
	"encoding/json"
	"strings"
	"unicode"

	"passbook/shared/console/view"
)

// details are the members of events' data that a line is made of.
type details struct {
	Amount      int64    `json:"amount"`
	Kind        string   `json:"kind"`
	Reference   sealable `json:"reference"`
	Contra      string   `json:"contra"`
	HoldID      string   `json:"hold_id"`
	Op          string   `json:"op"`
	Shortfall   int64    `json:"shortfall"`
	Reason      sealable `json:"reason"`
	Original    string   `json:"original_transaction_id"`
	Direction   string   `json:"direction"`
	Before      int64    `json:"before"`
	After       int64    `json:"after"`
	Remaining   int64    `json:"remaining"`
	Scope       string   `json:"scope"`
	ReasonCode  string   `json:"reason_code"`
	CreditLimit int64    `json:"credit_limit"`
}

func (e event) details() (d details) {
	_ = json.Unmarshal(e.Data, &d) // what cannot be read is not said
	return d
}

// In returns the amount that came in by the event, 0 for none.
func (e event) In() int64 {
	if e.Type == "MoneyCredited" || e.Type == "TransactionReversed" && e.details().Direction == "credit" {
		return e.Amount
	}
	return 0
}

// Out returns the amount that went out by the event, 0 for none.
func (e event) Out() int64 {
	if e.Type == "MoneyWithdrawn" || e.Type == "TransactionReversed" && e.details().Direction == "debit" {
		return e.Amount
	}
	return 0
}

// Declined returns the amount that was declined.
func (e event) Declined() int64 {
	if e.Type == "WithdrawalDeclined" {
		return e.details().Amount
	}
	return 0
}

// Short returns how much was missing for what was declined.
func (e event) Short() int64 { return e.details().Shortfall }

// Date returns the day of the event's value.
func (e event) Date() string { return e.EffectiveAt }

// Month returns the month of the event's value, such as March 2026.
func (e event) Month() string {
	names := [...]string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}
	if len(e.EffectiveAt) < len("2006-01") {
		return ""
	}
	month := int(e.EffectiveAt[5]-'0')*10 + int(e.EffectiveAt[6]-'0')
	if month < 1 || month > len(names) {
		return ""
	}
	return names[month-1] + " " + e.EffectiveAt[:4]
}

// What returns the event in a few words, as a line of a bank book.
func (e event) What() string {
	d := e.details()
	amount := func(minor int64) string { return view.Amount(minor, e.Currency) }
	switch e.Type {
	case "AccountOpened":
		return words("Account opened", ifAny(d.CreditLimit, "limit "+amount(d.CreditLimit)))
	case "MoneyCredited", "MoneyWithdrawn":
		return words(kind(d), string(d.Reference), after("from hold ", d.HoldID))
	case "WithdrawalDeclined":
		return words(declined(d.Op)+" declined", "short "+amount(d.Shortfall))
	case "HoldPlaced":
		return words("Hold "+e.HoldID+" placed", amount(e.Amount), string(d.Reference))
	case "HoldCaptured":
		return words("Hold "+d.HoldID+" captured", amount(e.Amount), ifAny(d.Remaining, amount(d.Remaining)+" remain"))
	case "HoldReleased":
		return words("Hold "+d.HoldID+" released", amount(e.Amount), string(d.Reason))
	case "TransactionReversed":
		return words("Reversal of "+d.Original, string(d.Reason))
	case "CreditLimitChanged":
		return words("Limit "+amount(d.Before)+" → "+amount(d.After), string(d.Reason))
	case "AccountFrozen":
		return words("Frozen for "+d.Scope, d.ReasonCode)
	case "AccountUnfrozen":
		return words("Unfrozen", d.ReasonCode)
	case "AccountClosed":
		return words("Closed", d.ReasonCode)
	}
	return e.Type
}

// kind returns what kind of movement it is, with the other account of a transfer.
func kind(d details) string {
	other, _, _ := strings.Cut(d.Contra, ":")
	switch d.Kind {
	case "transfer_out":
		return words("Transfer" + after(" to ", other))
	case "transfer_in":
		return words("Transfer" + after(" from ", other))
	}
	return words(named(d.Kind), d.Contra)
}

// declined returns what was declined, of the name of its operation.
func declined(op string) string {
	if op == "withdraw" {
		return "Withdrawal"
	}
	return named(op)
}

// named returns a word of the contract for people: transfer_out is Transfer out.
func named(word string) string {
	if word == "" {
		return ""
	}
	runes := []rune(strings.ReplaceAll(word, "_", " "))
	runes[0] = unicode.ToUpper(runes[0])
	return string(runes)
}

// words joins the parts that there are.
func words(parts ...string) string {
	var some []string
	for _, p := range parts {
		if p != "" {
			some = append(some, p)
		}
	}
	return strings.Join(some, " · ")
}

func after(word, value string) string {
	if value == "" {
		return ""
	}
	return word + value
}

func ifAny(n int64, text string) string {
	if n == 0 {
		return ""
	}
	return text
}
