package balance

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"passbook/shared/access"
	"passbook/shared/derived"
	"passbook/shared/event"
	"passbook/shared/table"
)

// ids returns the ids of the events of all pages of a list.
func (b *bank) ids(query string) (ids []string) {
	b.t.Helper()
	for cursor := ""; ; {
		r := b.client.Get("/v1/events?" + query + cursor)
		var page EventsOfAll
		if err := json.Unmarshal(r.Body, &page); r.Status != http.StatusOK || err != nil {
			b.t.Fatalf("%s: %d %s %v", query, r.Status, r.Body, err)
		}
		for _, e := range page.Events {
			ids = append(ids, e.EventID)
		}
		if !page.HasMore {
			return ids
		}
		cursor = "&cursor=" + url.QueryEscape(page.NextCursor)
	}
}

func (b *bank) expectIDs(query, want string) {
	b.t.Helper()
	for _, limit := range []int{1, 2, 100} {
		if got := strings.Join(b.ids(fmt.Sprintf("%s&limit=%d", query, limit)), " "); got != want {
			b.t.Errorf("%s by %d: %q, not %q", query, limit, got, want)
		}
	}
}

func TestEventsOfAllAccountsAreListedNewestFirst(t *testing.T) {
	b := serve(t)
	b.open("A-1", "H-1")
	b.actor = "key:1"
	b.open("A-2", "H-2")
	b.open("north#A-1", "H-1")
	b.credit("A-1", 500)
	noon := b.clock.Now()
	b.actor = "test"
	b.withdraw("A-2", 100)
	for _, id := range []string{"A-2", "A-1", "north#A-1"} {
		b.project(id)
	}
	b.expectIDs("", "A-2:2 A-1:2 A-2:1 A-1:1")
	b.expectIDs("type=AccountOpened", "A-2:1 A-1:1")
	b.expectIDs("actor=key%3A1", "A-1:2 A-2:1")
	b.expectIDs("actor=key%3A1&type=MoneyCredited", "A-1:2")
	b.expectIDs("actor=nobody", "")
	b.expectIDs("correlation_id=c-1", "A-2:2 A-1:2 A-2:1 A-1:1")
	b.expectIDs("correlation_id=c-1&type=MoneyWithdrawn", "A-2:2")
	b.expectIDs("from="+noon.Format(time.RFC3339Nano), "A-2:2 A-1:2")
	b.expectIDs("to="+noon.Format(time.RFC3339Nano), "A-2:1 A-1:1")
	b.expectIDs("holder=H-1", "A-1:2 A-1:1")
	b.expectIDs("holder=H-2&type=AccountOpened", "A-2:1")
	b.expectIDs("holder=H-1&from="+noon.Format(time.RFC3339Nano), "A-1:2")
	b.expectIDs("holder=H-1&to="+noon.Format(time.RFC3339Nano), "A-1:1")
	b.expectIDs("holder=H-9", "")
	b.clock.Advance(derived.Retention + time.Second - b.clock.Now().Sub(noon))
	b.expectIDs("", "A-2:2")
	b.expectIDs("holder=H-1", "A-1:2 A-1:1")
	for query, field := range map[string]string{
		"type=x": "type", "holder=%2F": "holder", "from=2026-11-22T00:00:00Z&to=2026-11-21T00:00:00Z": "to", "cursor=x": "cursor", "colour=red": "colour",
	} {
		if r := b.client.Get("/v1/events?" + query); r.Status != http.StatusBadRequest || !strings.Contains(string(r.Body), field) {
			t.Errorf("%s: %d %s", query, r.Status, r.Body)
		}
	}
}

// A row of the index that no entry of the journal stands behind, as of a forged record, shows
// nothing.
func TestIndexRowsAloneShowNothing(t *testing.T) {
	b := serve(t)
	b.open("A-1", "H-1")
	b.project("A-1")
	forged := &event.Entry{
		Tenant: access.MainTenant, AccountID: "A-1", First: 2, Last: 2, RecordedAt: b.clock.Now(), Hash: event.Hash{1},
		Commands: []event.Command{{First: 2, Last: 2}}, Events: []event.Event{{Version: 2, Body: event.MoneyCredited{}}},
	}
	other := *forged
	other.First, other.Hash = 1, event.Hash{2}
	for _, e := range []*event.Entry{forged, &other} {
		for _, row := range derived.OfEntry(1, e) {
			if err := b.table.Put(t.Context(), table.Put{Table: derived.Table, Row: row, If: table.Absent()}); err != nil {
				t.Fatal(err)
			}
		}
	}
	b.expectIDs("", "A-1:1")
}

func TestHolderTotals(t *testing.T) {
	b := serve(t)
	b.open("A-1", "H-1")
	b.open("A-2", "H-1")
	b.open("A-3", "H-2")
	b.open("north#A-4", "H-1")
	b.credit("A-1", 500)
	b.withdraw("A-2", 300)
	for _, id := range []string{"A-1", "A-2", "A-3", "north#A-4"} {
		b.project(id)
	}
	want := `{"holder_ref":"H-1","totals":[{"currency":"EUR","accounts":2,"posted":200,"held":0,"drawn":300,"limit":2000}],"as_of":"` +
		b.clock.Now().Format("2006-01-02T15:04:05.000000Z") + `"}`
	if r := b.client.Get("/v1/holders/H-1/totals"); r.Status != http.StatusOK || strings.TrimSpace(string(r.Body)) != want {
		t.Errorf("%d %s\nnot %s", r.Status, r.Body, want)
	}
	for _, id := range []string{"A-1", "A-2"} {
		key := table.Key{PK: "g1#h#main##H-1", SK: id}
		if err := b.table.Delete(t.Context(), derived.Table, key, table.Equals("format", table.N(1))); err != nil {
			t.Fatal(err)
		}
	}
	if r := b.client.Get("/v1/holders/H-1/totals"); strings.TrimSpace(string(r.Body)) != want {
		t.Errorf("of rows from before there were rows under holders: %s", r.Body)
	}
	if r := b.client.Get("/v1/holders/H-9/totals"); r.Status != http.StatusOK || strings.TrimSpace(string(r.Body)) != `{"holder_ref":"H-9","totals":[]}` {
		t.Errorf("of nobody: %d %s", r.Status, r.Body)
	}
}
