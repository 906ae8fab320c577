package account

import (
	"encoding/json"
	"strings"

	"passbook/shared/console/view"
)

// details are the members of events' data that a line is made of.
type details struct {
	Amount int64 `json:"amount"`
	view.EventData
	Reference   sealable `json:"reference"`
	Contra      string   `json:"contra"`
	HoldID      string   `json:"hold_id"`
	Shortfall   int64    `json:"shortfall"`
	Reason      sealable `json:"reason"`
	Original    string   `json:"original_transaction_id"`
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
	return max(0, view.EventMoves(e.Type, e.details().EventData, e.Amount))
}

// Out returns the amount that went out by the event, 0 for none.
func (e event) Out() int64 {
	return max(0, -view.EventMoves(e.Type, e.details().EventData, e.Amount))
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
	title := view.EventTitle(e.Type, d.EventData)
	amount := func(minor int64) string { return view.Amount(minor, e.Currency) }
	switch e.Type {
	case "AccountOpened":
		return words(title, ifAny(d.CreditLimit, "limit "+amount(d.CreditLimit)))
	case "MoneyCredited", "MoneyWithdrawn":
		return words(kind(title, d), string(d.Reference), after("from hold ", d.HoldID))
	case "WithdrawalDeclined":
		return words(title, "short "+amount(d.Shortfall))
	case "HoldPlaced":
		return words("Hold "+e.HoldID+" placed", amount(e.Amount), string(d.Reference))
	case "HoldCaptured":
		return words("Hold "+d.HoldID+" captured", amount(e.Amount), ifAny(d.Remaining, amount(d.Remaining)+" remain"))
	case "HoldReleased":
		return words("Hold "+d.HoldID+" released", amount(e.Amount), string(d.Reason))
	case "TransactionReversed":
		return words(title+" of "+d.Original, string(d.Reason))
	case "CreditLimitChanged":
		return words("Limit "+amount(d.Before)+" → "+amount(d.After), string(d.Reason))
	case "AccountFrozen":
		return words(title+" for "+d.Scope, d.ReasonCode)
	case "AccountUnfrozen":
		return words(title, d.ReasonCode)
	case "AccountClosed":
		return words(title, d.ReasonCode)
	}
	return title
}

// kind returns what kind of movement it is, with the other account of a transfer.
func kind(title string, d details) string {
	other, _, _ := strings.Cut(d.Contra, ":")
	switch d.Kind {
	case "transfer_out":
		return title + after(" to ", other)
	case "transfer_in":
		return title + after(" from ", other)
	}
	return words(title, d.Contra)
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
