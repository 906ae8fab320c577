package creditlimit

import (
	"fmt"
	"testing"
	"time"

	"passbook/shared/account"
	"passbook/shared/api/apitest"
	"passbook/shared/event"
)

// explained returns an explanation.
func (b *bank) explained(query string) Explanation {
	b.t.Helper()
	r := b.client.Get("/v1/accounts/A-1/credit-limit/explain?" + query)
	if r.Status != 200 {
		b.t.Fatalf("%s: %d %s", query, r.Status, r.Body)
	}
	return apitest.Decode[Explanation](b.t, r)
}

// A decline is explained by the holds, draws and limit at the time, after all of them changed.
func TestExplainADeclineOfThePast(t *testing.T) {
	b := serve(t)
	b.open(0)
	b.commit(func(d *account.Draft) { d.Credit(event.MoneyCredited{Amount: 100, Kind: "deposit"}, d.Today()) })
	b.commit(func(d *account.Draft) {
		d.SetLimit(event.CreditLimitChanged{After: 500, Reason: event.Text{Plain: "good conduct"}}, false)
	})
	b.withdraw(250) // v4, 150 of the line
	b.commit(func(d *account.Draft) { d.PlaceHold(event.HoldPlaced{Amount: 200}) })
	b.withdraw(30)  // v6
	b.withdraw(121) // v7, declined
	declinedAt := b.clock.Now()
	b.commit(func(d *account.Draft) {
		hold, _ := d.ActiveHold("h5", true)
		d.Emit(event.HoldReleased{HoldID: event.HoldID(hold.Version), Amount: hold.Amount, Reason: event.ReasonVoid}, d.Today())
	})
	b.commit(func(d *account.Draft) { d.Credit(event.MoneyCredited{Amount: 1000, Kind: "deposit"}, d.Today()) })
	b.commit(func(d *account.Draft) { d.SetLimit(event.CreditLimitChanged{After: 900}, false) })

	e := b.explained("version=7")
	if e.Accepted || e.Code != "insufficient-funds" || *e.Shortfall != 1 || e.Amount != 121 || e.Available != 120 {
		t.Errorf("the decline: %+v", e)
	}
	if e.Posted != -180 || e.Drawn != 180 || e.Held != 200 || e.Reserved != 200 || e.Limit != 500 || !e.AsOf.Equal(declinedAt) {
		t.Errorf("amounts: %+v", e)
	}
	if len(e.Holds) != 1 || e.Holds[0].HoldID != "h5" || e.Holds[0].Amount != 200 {
		t.Errorf("holds: %+v", e.Holds)
	}
	if len(e.Draws) != 2 || e.Draws[0].EventID != "A-1:6" || e.Draws[0].FromCredit != 30 || e.Draws[1].Version != 4 || e.Draws[1].FromCredit != 150 {
		t.Errorf("draws: %+v", e.Draws)
	}
	if e.LimitSet == nil || e.LimitSet.Version != 3 || e.LimitSet.Before != 0 || e.LimitSet.After != 500 || e.LimitSet.Reason.Plain != "good conduct" {
		t.Errorf("limit: %+v", e.LimitSet)
	}
	if e := b.explained("version=7&amount=120"); !e.Accepted || *e.FromCredit != 120 {
		t.Errorf("another amount at that version: %+v", e)
	}
	if e := b.explained("amount=121&at=" + declinedAt.Format(time.RFC3339)); e.Accepted || *e.Shortfall != 1 || len(e.Holds) != 1 {
		t.Errorf("that amount at that time: %+v", e)
	}
	if e := b.explained("amount=121"); !e.Accepted || len(e.Holds) != 0 || len(e.Draws) != 0 || e.LimitSet.After != 900 {
		t.Errorf("now: %+v", e)
	}
}

func TestAnExplanationNamesTheNewestDraws(t *testing.T) {
	b := serve(t)
	b.open(1000)
	for range maxDraws + 1 {
		b.withdraw(10)
	}
	if e := b.explained("amount=1"); len(e.Draws) != maxDraws || !e.MoreDraws || e.Draws[0].Version != maxDraws+2 {
		t.Errorf("%d draws, more %v", len(e.Draws), e.MoreDraws)
	}
	b.commit(func(d *account.Draft) {
		d.Emit(event.TransactionReversed{OriginalTransactionID: "t2", Direction: event.DirectionDebit, Amount: 7, Forced: true}, d.Today())
	})
	if e := b.explained("amount=1"); e.Draws[0].Type != "TransactionReversed" || e.Draws[0].FromCredit != 7 {
		t.Errorf("a reversed credit draws too: %+v", e.Draws[0])
	}
}

func TestRefusedExplanations(t *testing.T) {
	b := serve(t)
	b.open(0)
	for query, want := range map[string]string{
		"version=1":                                  "400 validation-failed [/amount required]",
		"amount=1&version=2":                         "404 version-not-found []",
		"amount=1&at=2999-01-01T00:00:00Z":           "422 as-of-out-of-range []",
		"amount=1&version=1&at=2026-01-01T00:00:00Z": "400 validation-failed [/version not-together]",
		"at=2026-01-01T00:00:00Z":                    "400 validation-failed [/amount required]",
		"amount=1&at=2001-01-01T00:00:00Z":           "404 account-not-found []",
	} {
		r := b.client.Get("/v1/accounts/A-1/credit-limit/explain?" + query)
		if got := fmt.Sprint(r.Status, " ", r.Code(), " ", r.Errors()); got != want {
			t.Errorf("%s: %s, not %s", query, got, want)
		}
	}
}
