package creditlimit

import (
	"testing"
	"time"

	"passbook/shared/api"
	"passbook/shared/api/apitest"
	"passbook/shared/event"
)

// An answer with everything in it, and one without what is optional, are the bytes that callers
// have always got.
func TestAnswersOnTheWire(t *testing.T) {
	morning := api.Time{Time: time.Date(2026, 11, 21, 8, 0, 0, 1000, time.UTC)}
	one := int64(1)
	apitest.Rendered(t, (&Usage{
		AccountID: "A-1", Currency: "EUR", Limit: 100, ExpiresAt: morning, Drawn: 1, Reserved: 2, AvailableCredit: 97, OverLimit: 0, UtilisationBps: &one,
		Declines: 3, Version: 7, AsOf: morning, ProjectedAt: morning, BlockedAtVersion: 8,
	}).render, `{"account_id":"A-1","currency":"EUR","limit":100,"expires_at":"2026-11-21T08:00:00.000001Z","drawn":1,"reserved":2,"available_credit":97,"over_limit":0,`+
		`"utilisation_bps":1,"declines":3,"version":7,"as_of":"2026-11-21T08:00:00.000001Z","projected_at":"2026-11-21T08:00:00.000001Z","blocked_at_version":8}`)
	apitest.Rendered(t, (&Usage{AsOf: morning}).render, `{"account_id":"","currency":"","limit":0,"drawn":0,"reserved":0,"available_credit":0,"over_limit":0,`+
		`"utilisation_bps":null,"declines":0,"version":0,"as_of":"2026-11-21T08:00:00.000001Z"}`)
	apitest.Wire(t, History{AccountID: "A-1", Currency: "EUR", Decisions: []Decision{
		{
			EventID: "A-1:7", Version: 7, RecordedAt: morning, Before: 1, After: 2, ExpiresAt: morning, Reason: event.Text{Plain: "r"},
			DecidedBy: event.Text{Plain: "a\u2028<b>"}, DecisionRef: event.Text{Plain: "d"}, Forced: true, ExpiredVersion: 3,
		},
		{EventID: "A-1:1", Version: 1, RecordedAt: morning, After: 5},
	}}, `{"account_id":"A-1","currency":"EUR","decisions":[{"event_id":"A-1:7","version":7,"recorded_at":"2026-11-21T08:00:00.000001Z","before":1,"after":2,`+
		`"expires_at":"2026-11-21T08:00:00.000001Z","reason":"r","decided_by":"a`+"\u2028"+`<b>","decision_ref":"d","forced":true,"expired_version":3},`+
		`{"event_id":"A-1:1","version":1,"recorded_at":"2026-11-21T08:00:00.000001Z","before":0,"after":5}],"has_more":false}`)
	head := Explanation{
		AccountID: "A-1", Currency: "EUR", Version: 7, AsOf: morning, Amount: 5, Available: 6, AvailableOwn: 0, Limit: 9, Posted: -1, Held: 2, Drawn: 1, Reserved: 2,
		Holds: []ExplainedHold{{HoldID: "h3", Version: 3, Amount: 2, PlacedAt: morning, ExpiresAt: morning}},
		Draws: []Draw{{EventID: "A-1:2", Version: 2, Type: "MoneyWithdrawn", RecordedAt: morning, Amount: 4, FromCredit: 1}}, MoreDraws: true,
		LimitSet: &Decision{EventID: "A-1:1", Version: 1, RecordedAt: morning, After: 9},
	}
	const headText = `{"account_id":"A-1","currency":"EUR","version":7,"as_of":"2026-11-21T08:00:00.000001Z","amount":5,"available":6,"available_own":0,"limit":9,` +
		`"posted":-1,"held":2,"drawn":1,"reserved":2,"holds":[{"hold_id":"h3","version":3,"amount":2,"placed_at":"2026-11-21T08:00:00.000001Z",` +
		`"expires_at":"2026-11-21T08:00:00.000001Z"}],"draws":[{"event_id":"A-1:2","version":2,"type":"MoneyWithdrawn","recorded_at":"2026-11-21T08:00:00.000001Z",` +
		`"amount":4,"from_credit":1}],"more_draws":true,"limit_set":{"event_id":"A-1:1","version":1,"recorded_at":"2026-11-21T08:00:00.000001Z","before":0,"after":9},`
	zero := int64(0)
	for text, outcome := range map[string]Outcome{
		`"accepted":true,"from_own":0,"from_credit":1}`:               {Accepted: true, FromOwn: &zero, FromCredit: &one},
		`"accepted":false,"code":"account-closed"}`:                   {Code: "account-closed"},
		`"accepted":false,"code":"insufficient-funds","shortfall":1}`: {Code: "insufficient-funds", Shortfall: &one},
	} {
		head.Outcome = outcome
		apitest.Wire(t, head, headText+text)
	}
}
