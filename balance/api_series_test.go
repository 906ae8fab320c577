package balance

import (
	"encoding/json"
	"fmt"
	"testing"

	"passbook/shared/api"
)

// A series has the amounts that the balance has at each version.
func TestSeries(t *testing.T) {
	b := serve(t)
	b.open("A-1", "")
	for range 15 {
		b.credit("A-1", 500)
		b.withdraw("A-1", 700)
	}
	for query, want := range map[string][4]int64{ // from, to, step, points
		"":                                 {1, 31, 1, 31},
		"?points=10":                       {1, 31, 4, 8},
		"?from_version=11&to_version=20":   {11, 20, 1, 10},
		"?from_version=11&to_version=2000": {11, 31, 1, 21},
		"?from_version=32":                 {32, 31, 1, 0},
	} {
		r := b.client.Get("/v1/accounts/A-1/series" + query)
		var s Series
		if err := json.Unmarshal(r.Body, &s); err != nil {
			t.Fatal(err)
		}
		if got := [4]int64{s.From, s.To, s.Step, int64(len(s.Versions))}; r.Status != 200 || got != want || s.Version != 31 || r.Header.Get("ETag") != `"31"` {
			t.Errorf("%s: %d %v, want %v: %s", query, r.Status, got, want, r.Body)
		}
		for i, v := range s.Versions {
			then := b.client.Get(fmt.Sprint("/v1/accounts/A-1/balance?version=", v))
			if s.Posted.Last[i] != then.Int("posted") || s.Available.Last[i] != then.Int("available") || s.Limit.Last[i] != then.Int("limit") ||
				s.Times[i].Format("2006-01-02T15:04:05.000000Z") != then.Text("as_of") {
				t.Errorf("%s: v%d: %+v, unlike %s", query, v, s, then.Body)
			}
		}
	}
	for query, want := range map[string]string{
		"?points=0": "/points out-of-range", "?points=5001": "/points out-of-range", "?from_version=0": "/from_version out-of-range",
		"?from_version=5&to_version=4": "/to_version out-of-range", "?at=now": "/at unknown-field",
	} {
		if r := b.client.Get("/v1/accounts/A-1/series" + query); r.Status != 400 || r.Errors()[0] != want {
			t.Errorf("%s: %d %s", query, r.Status, r.Body)
		}
	}
	if r := b.client.Get("/v1/accounts/Z-9/series"); r.Code() != api.AccountNotFound.Code {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}
