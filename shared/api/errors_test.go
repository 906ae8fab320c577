package api

import (
	"testing"

	"passbook/shared/account"
	"passbook/shared/event"
	"passbook/shared/journal"
)

func TestReversalsOfTheOtherServiceAreNotTheFirstAnswer(t *testing.T) {
	receipt := func(body event.Body, replayed bool) journal.Receipt {
		return journal.Receipt{
			Replayed: replayed, Command: event.Command{First: 4, Last: 5},
			Entry: &event.Entry{Events: []event.Event{
				{Version: 3, Body: event.TransactionReversed{Direction: event.DirectionCredit}}, // another command of the entry
				{Version: 4, Body: event.HoldReleased{}}, {Version: 5, Body: body},
			}},
		}
	}
	debit, credit := event.TransactionReversed{Direction: event.DirectionDebit}, event.TransactionReversed{Direction: event.DirectionCredit}
	for _, c := range []struct {
		direction string
		body      event.Body
		replayed  bool
		reused    bool
	}{
		{event.DirectionDebit, debit, true, false},
		{event.DirectionCredit, credit, true, false},
		{event.DirectionDebit, credit, true, true},
		{event.DirectionCredit, debit, true, true},
		{event.DirectionDebit, event.WithdrawalDeclined{}, true, false},
		{event.DirectionCredit, event.WithdrawalDeclined{}, true, true},
		{event.DirectionDebit, credit, false, false},
	} {
		got := ReversalIn(c.direction, receipt(c.body, c.replayed))
		if reused := got.Rejection != nil && got.Rejection.Code == account.CodeKeyReused; reused != c.reused || reused != (got.Entry == nil) {
			t.Errorf("%s of %T %+v, replayed %v: %+v", c.direction, c.body, c.body, c.replayed, got)
		}
	}
	if got := ReversalIn(event.DirectionDebit, journal.Receipt{Replayed: true}); got.Rejection != nil {
		t.Errorf("without an entry: %+v", got)
	}
}
