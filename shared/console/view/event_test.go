package view

import (
	"testing"

	"passbook/shared/event"
)

func TestEveryEventHasATitle(t *testing.T) {
	for _, typ := range event.Types() {
		if title := EventTitle(typ, EventData{}); title == typ || title == "" {
			t.Errorf("%s is called %q", typ, title)
		}
	}
	for _, c := range []struct {
		typ   string
		data  EventData
		title string
		moves int64
	}{
		{"MoneyCredited", EventData{Kind: "deposit"}, "Deposit", 5},
		{"MoneyCredited", EventData{Kind: "transfer_in"}, "Transfer", 5},
		{"MoneyWithdrawn", EventData{Kind: "card"}, "Card", -5},
		{"WithdrawalDeclined", EventData{Op: "withdraw"}, "Withdrawal declined", 0},
		{"WithdrawalDeclined", EventData{Op: "hold"}, "Hold declined", 0},
		{"TransactionReversed", EventData{Direction: "debit"}, "Reversal", -5},
		{"TransactionReversed", EventData{Direction: "credit"}, "Reversal", 5},
		{"HoldCaptured", EventData{}, "Hold captured", 0},
		{"FromTheFuture", EventData{}, "FromTheFuture", 0},
	} {
		if title, moves := EventTitle(c.typ, c.data), EventMoves(c.typ, c.data, 5); title != c.title || moves != c.moves {
			t.Errorf("%s %+v: %q moves %d, want %q and %d", c.typ, c.data, title, moves, c.title, c.moves)
		}
	}
}
