package event

import (
	"testing"

	"pgregory.net/rapid"

	"passbook/shared/api/schemas/schematest"
)

// Every record that Seal writes is what the schema describes, whatever the entry has.
func TestRecordsAreValidBySchema(t *testing.T) {
	for _, e := range roundTrips(t) {
		schematest.Validate(t, schematest.Entry, seal(t, e).Record)
	}
	rapid.Check(t, func(rt *rapid.T) {
		enc, err := Seal(drawEntry(rt), testKeys)
		if err != nil {
			rt.Fatal(err)
		}
		if err := schematest.Check(schematest.Entry, enc.Record); err != nil {
			rt.Fatalf("%v\n%s", err, enc.Record)
		}
	})
}

// The schema has every word that occurs in the data of events.
func TestSchemaKnowsEveryWord(t *testing.T) {
	var bodies []Body
	for _, kind := range creditKinds {
		bodies = append(bodies, MoneyCredited{Amount: 1, Kind: kind})
	}
	for _, kind := range withdrawKinds {
		bodies = append(bodies, MoneyWithdrawn{Amount: 1, Kind: kind, FromOwn: 1})
	}
	for _, op := range declineOps {
		for _, reason := range declineWhys {
			bodies = append(bodies, WithdrawalDeclined{Op: op, Amount: 1, Reason: reason, Shortfall: 1})
		}
	}
	for _, reason := range releaseWhys {
		bodies = append(bodies, HoldReleased{HoldID: "h1", Amount: 1, Reason: reason})
	}
	for _, direction := range directions {
		bodies = append(bodies, TransactionReversed{OriginalTransactionID: "t1", Direction: direction, Amount: 1})
	}
	for _, scope := range scopes {
		bodies = append(bodies, AccountFrozen{Scope: scope})
	}
	schematest.Validate(t, schematest.Entry, seal(t, entryOf(3, bodies)).Record)
}
