package view

import (
	"strings"
	"unicode"

	"passbook/shared/event"
)

// EventData are the members of an event's data that pages name and sign events by.
type EventData struct {
	Kind      string `json:"kind"`
	Op        string `json:"op"`
	Direction string `json:"direction"`
}

// titles name the events whose type says all. Money that moved is named by its kind, and a decline
// by what was declined.
var titles = map[string]string{
	event.AccountOpened{}.Type():       "Account opened",
	event.MoneyCredited{}.Type():       "Credit",
	event.MoneyWithdrawn{}.Type():      "Withdrawal",
	event.WithdrawalDeclined{}.Type():  "Decline",
	event.HoldPlaced{}.Type():          "Hold placed",
	event.HoldCaptured{}.Type():        "Hold captured",
	event.HoldReleased{}.Type():        "Hold released",
	event.TransactionReversed{}.Type(): "Reversal",
	event.CreditLimitChanged{}.Type():  "Limit changed",
	event.AccountFrozen{}.Type():       "Frozen",
	event.AccountUnfrozen{}.Type():     "Unfrozen",
	event.AccountClosed{}.Type():       "Closed",
}

// EventTitle returns the name of an event for people, the same on every page; that of its type
// where the data does not say more.
func EventTitle(typ string, d EventData) string {
	switch typ {
	case event.MoneyCredited{}.Type(), event.MoneyWithdrawn{}.Type():
		if strings.HasPrefix(d.Kind, "transfer_") {
			return "Transfer"
		}
		if d.Kind != "" {
			return named(d.Kind)
		}
	case event.WithdrawalDeclined{}.Type():
		switch d.Op {
		case "":
		case event.OpWithdraw:
			return "Withdrawal declined"
		default:
			return named(d.Op) + " declined"
		}
	}
	if title := titles[typ]; title != "" {
		return title
	}
	return typ
}

// EventMoves returns the amount of an event with the sign of what it does to the posted balance, 0
// if it does nothing.
func EventMoves(typ string, d EventData, amount int64) int64 {
	switch typ {
	case event.MoneyCredited{}.Type():
		return amount
	case event.MoneyWithdrawn{}.Type():
		return -amount
	case event.TransactionReversed{}.Type():
		if d.Direction == event.DirectionDebit {
			return -amount
		}
		return amount
	}
	return 0
}

// named returns a word of the contract for people, such as Interest.
func named(word string) string {
	runes := []rune(strings.ReplaceAll(word, "_", " "))
	runes[0] = unicode.ToUpper(runes[0])
	return string(runes)
}
