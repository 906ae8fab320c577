package balance

import (
	"testing"
	"time"

	"passbook/shared/api"
	"passbook/shared/api/apitest"
	"passbook/shared/api/eventview"
	"passbook/shared/event"
)

var (
	morning = api.Time{Time: time.Date(2026, 11, 21, 8, 0, 0, 1000, time.UTC)}
	day     = api.Date{Time: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)}
)

// An answer with everything in it, and one without what is optional, are the bytes that callers
// have always got.
func TestAnswersOnTheWire(t *testing.T) {
	full := Balance{
		AccountID: "A-1", Currency: "EUR", Status: "open", Frozen: "debits", Amounts: eventview.Amounts{Posted: -5, Held: 2, Limit: 10}, Available: 3, AvailableOwn: 0,
		Version: 7, LastEventID: "A-1:7", AsOf: morning, ProjectedAt: morning, BlockedAtVersion: 8,
	}
	const fullText = `"account_id":"A-1","currency":"EUR","status":"open","frozen":"debits","posted":-5,"held":2,"limit":10,"available":3,"available_own":0,` +
		`"version":7,"last_event_id":"A-1:7","as_of":"2026-11-21T08:00:00.000001Z","projected_at":"2026-11-21T08:00:00.000001Z","blocked_at_version":8}`
	const emptyText = `{"account_id":"","currency":"","status":"","posted":0,"held":0,"limit":0,"available":0,"available_own":0,` +
		`"version":0,"last_event_id":"","as_of":"0001-01-01T00:00:00.000000Z"}`
	apitest.Wire(t, full, "{"+fullText)
	apitest.Wire(t, Balance{}, emptyText)
	apitest.Rendered(t, full.render, "{"+fullText)
	apitest.Rendered(t, new(Balance).render, emptyText)
	apitest.Wire(t, AccountList{Accounts: []Account{{HolderRef: "H", Product: "p", Balance: full}}, Page: api.Page{HasMore: true, NextCursor: "c"}},
		`{"accounts":[{"holder_ref":"H","product":"p",`+fullText+`],"has_more":true,"next_cursor":"c"}`)
	apitest.Wire(t, AccountList{Accounts: []Account{}}, `{"accounts":[],"has_more":false}`)
	apitest.Wire(t, HoldList{AccountID: "A-1", Currency: "EUR", Version: 7, AsOf: morning, BlockedAtVersion: 8, Holds: []Hold{
		{HoldID: "h3", Amount: 4, PlacedAt: morning, ExpiresAt: morning}, {HoldID: "h4", Amount: 5, PlacedAt: morning},
	}}, `{"account_id":"A-1","currency":"EUR","version":7,"as_of":"2026-11-21T08:00:00.000001Z","blocked_at_version":8,"holds":[`+
		`{"hold_id":"h3","amount":4,"placed_at":"2026-11-21T08:00:00.000001Z","expires_at":"2026-11-21T08:00:00.000001Z"},`+
		`{"hold_id":"h4","amount":5,"placed_at":"2026-11-21T08:00:00.000001Z"}]}`)
}

func TestAnswersOfTheHistoryOnTheWire(t *testing.T) {
	apitest.Wire(t, EventList{AccountID: "A-1", Events: []eventview.Event{{
		EventID: "A-1:7", Version: 7, Type: "MoneyWithdrawn", Schema: 1, RecordedAt: morning, EffectiveAt: day, CorrelationID: "c-1", CausationID: "k<&>",
		Actor: event.Text{Plain: "withdraw"}, Currency: "EUR", Amount: 5, TransactionID: "t7", HoldID: "h3", After: eventview.Amounts{Posted: 1}, Data: []byte(`{"amount":5,"reference":"<&>"}`),
	}}}, `{"account_id":"A-1","events":[{"event_id":"A-1:7","version":7,"type":"MoneyWithdrawn","schema":1,"recorded_at":"2026-11-21T08:00:00.000001Z",`+
		`"effective_at":"2026-11-21","correlation_id":"c-1","causation_id":"k<&>","actor":"withdraw","currency":"EUR","amount":5,"transaction_id":"t7","hold_id":"h3",`+
		`"after":{"posted":1,"held":0,"limit":0},"data":{"amount":5,"reference":"<&>"}}],"has_more":false}`)
}
