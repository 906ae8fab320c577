package audit

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"passbook/shared/money"
)

// The sum over a bank exceeds what doubles can represent long before a balance does, so JSON has it
// as an exact string.
func TestTotalsAreExact(t *testing.T) {
	report := &Report{Began: time.Unix(0, 0).UTC(), Totals: map[string]Total{}}
	for range 1100 {
		report.add("journal", "EUR", 1, 1, money.Max)
	}
	text, err := json.Marshal(report)
	if err != nil || !strings.Contains(string(text), `"posted":{"EUR":"9907919180215090100"}`) {
		t.Fatalf("%s, %v", text, err)
	}
	var read Report
	if err := json.Unmarshal(text, &read); err != nil || read.Totals["journal"].Posted["EUR"].String() != "9907919180215090100" {
		t.Fatalf("%+v, %v", read.Totals, err)
	}
	for _, bad := range []string{`{"EUR":1}`, `{"EUR":"1.5"}`, `{"EUR":""}`} {
		if json.Unmarshal([]byte(`{"totals":{"journal":{"posted":`+bad+`}}}`), &read) == nil {
			t.Errorf("%s is taken for sums", bad)
		}
	}
}
