package statement

import (
	"testing"
	"time"

	"passbook/shared/api"
	"passbook/shared/api/apitest"
	"passbook/shared/event"
)

// A page with everything in it, and a line without what is optional, are the bytes that callers
// have always got.
func TestPagesOnTheWire(t *testing.T) {
	morning := api.Time{Time: time.Date(2026, 11, 21, 8, 0, 0, 1000, time.UTC)}
	day := api.Date{Time: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)}
	line := Line{EventID: "A-1:7", Version: 7, TransactionID: "t7", Type: "T", RecordedAt: morning, EffectiveAt: day, Amount: -5, Posted: 1}
	sealed := line
	sealed.Kind, sealed.HoldID, sealed.OriginalTransactionID = "card", "h3", "t2"
	sealed.Contra, sealed.Reference = event.Text{Plain: "a\u2028<b>"}, event.Text{Sealed: "k1:AAAA"}
	const head = `{"event_id":"A-1:7","version":7,"transaction_id":"t7","type":"T","recorded_at":"2026-11-21T08:00:00.000001Z","effective_at":"2026-11-21",`
	apitest.Wire(t, Statement{AccountID: "A-1", Currency: "EUR", Opening: Posted{Posted: 6, Version: 6}, Closing: Posted{Posted: 1, Version: 7}, Lines: []Line{line, sealed}},
		`{"account_id":"A-1","currency":"EUR","opening":{"posted":6,"version":6},"closing":{"posted":1,"version":7},"lines":[`+
			head+`"amount":-5,"posted":1},`+
			head+`"kind":"card","hold_id":"h3","original_transaction_id":"t2","contra":"a`+"\u2028"+`<b>","reference":{"enc":"k1:AAAA"},"amount":-5,"posted":1}],"has_more":false}`)
}
