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
