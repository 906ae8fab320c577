package opsread_test

import (
	"bytes"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"passbook/shared/api/apitest"
	"passbook/shared/archive/archivetest"
	"passbook/shared/event"
	"passbook/shared/opslog"
	"passbook/shared/opsread"
	"passbook/shared/segment"
	"passbook/shared/web"
)

// day is that of the fixture's segments.
var day = archivetest.Start.Format("2006-01-02")

// What is of the whole bank is refused to operators of one tenant, and nothing is shown without the
// scope.
func TestWhoMaySeeWhat(t *testing.T) {
	f := serve(t)
	key := f.archive(t, true, 100)[0]
	for path, whole := range map[string]bool{
		"/v1/ops/archive": true, "/v1/ops/archive/segments?day=" + day: true, "/v1/ops/archive/totals?day=" + day: true, "/v1/ops/settings": true,
		"/v1/ops/archive/download?key=" + url.QueryEscape(key): true, "/v1/ops/quarantine": false, "/v1/ops/generations": false, "/v1/ops/keys": false,
	} {
		north := 200
		if whole {
			north = 403
		}
		all := 200
		if strings.Contains(path, "download") {
			all = 403
		}
		for caller, want := range map[string]int{"": 401, "small": 403, "north": north, "all": all, "all-pii": 200} {
			r := f.As(caller).Get(path)
			if r.Status != want {
				t.Errorf("%s as %q: %d, not %d: %s", path, caller, r.Status, want, r.Body)
			}
			if caller == "north" && whole && r.Text("tenants") != "all" {
				t.Errorf("%s does not say that it needs all tenants: %s", path, r.Body)
			}
		}
	}
}

func TestTheArchiveAddsUpToItsSegments(t *testing.T) {
	f := serve(t)
	if r := f.As("all").Get("/v1/ops/archive"); r.Int("segments") != 0 || r.Text("complete_up_to") != "" {
		t.Errorf("an empty archive: %s", r.Body)
	}
	f = serve(t)
	keys := f.archive(t, true, 5)
	is := apitest.Decode[opsread.Archive](t, f.As("all").Get("/v1/ops/archive"))
	if is.Segments != len(keys) || is.Unproven != 0 || len(is.Shards) != 1 || !is.Shards[0].Proven || is.GapCount != 0 || is.CompleteUpTo != is.Reaches {
		t.Errorf("%+v", is)
	}
	var rows, bytes int64
	var listed []string
	for _, d := range is.Days {
		for path := "/v1/ops/archive/segments?limit=2&day=" + d.Day; path != ""; {
			page := apitest.Decode[opsread.SegmentPage](t, f.As("all").Get(path))
			for _, s := range page.Segments {
				rows, bytes, listed = rows+s.Rows, bytes+s.Bytes, append(listed, s.Key)
				if s.Proof != opsread.Proven {
					t.Errorf("%s is %s", s.Key, s.Proof)
				}
			}
			path = ""
			if page.HasMore {
				path = "/v1/ops/archive/segments?limit=2&day=" + d.Day + "&cursor=" + page.NextCursor
			}
		}
	}
	if !slices.Equal(listed, keys) || rows != is.Events || bytes != is.Bytes {
		t.Errorf("segments %v of %d rows and %d bytes, not %v of %d and %d", listed, rows, bytes, keys, is.Events, is.Bytes)
	}
	f = serve(t)
	f.archive(t, false, 100)
	if page := apitest.Decode[opsread.SegmentPage](t, f.As("all").Get("/v1/ops/archive/segments?day="+day)); page.Segments[0].Proof != opsread.Chained {
		t.Errorf("without end markers: %+v", page.Segments[0])
	}
	for _, query := range []string{"", "?day=30.11.2026", "?day=2026-02-30", "?day=" + day + "&shard=1"} {
		if r := f.As("all").Get("/v1/ops/archive/segments" + query); r.Status != 400 {
			t.Errorf("segments%s: %d", query, r.Status)
		}
	}
}

// The totals of a day are those of its events, each once.
func TestTotalsOfADay(t *testing.T) {
	f := serve(t)
	f.archive(t, true, 1000)
	want := map[string]opsread.CurrencyTotal{}
	seen := map[string]bool{}
	for _, e := range archivetest.Tenants(7, 3, 12, "north", "south") {
		total := want[e.Currency]
		if id := e.Tenant + e.AccountID; !seen[id] {
			total.Accounts, seen[id] = total.Accounts+1, true
		}
		total.Events += int64(len(e.Events))
		for i, ev := range e.Events {
			before := event.After{}
			if i > 0 {
				before = e.Events[i-1].After
			} else if ev.Version > 1 {
				before = f.before(e)
			}
			if moved := ev.After.Posted - before.Posted; moved > 0 {
				total.In += moved
			} else {
				total.Out -= moved
			}
		}
		want[e.Currency] = total
	}
	is := apitest.Decode[opsread.DayTotals](t, f.As("all").Get("/v1/ops/archive/totals?day="+day))
	if again := f.As("all").Get("/v1/ops/archive/totals?day=" + day); !reflect.DeepEqual(apitest.Decode[opsread.DayTotals](t, again), is) {
		t.Errorf("asked again: %s", again.Body)
	}
	if len(is.Currencies) != len(want) || is.Damaged != 0 {
		t.Fatalf("%+v, not %+v", is, want)
	}
	for _, total := range is.Currencies {
		w := want[total.Currency]
		if total.In != w.In || total.Out != w.Out || total.Events != w.Events || total.Accounts != w.Accounts || total.In == 0 || total.Out == 0 {
			t.Errorf("%+v, not %+v", total, w)
		}
	}
}

// before returns the state before an entry.
func (fixture) before(e *event.Entry) (after event.After) {
	for _, other := range archivetest.Tenants(7, 3, 12, "north", "south") {
		if other.Tenant == e.Tenant && other.AccountID == e.AccountID && other.Last == e.First-1 {
			after = other.Events[len(other.Events)-1].After
		}
	}
	return after
}

// A download is the object, and in the operators' log.
func TestADownloadIsLogged(t *testing.T) {
	f := serve(t)
	key := f.archive(t, true, 100)[0]
	data, err := segment.ReadObject(t.Context(), f.bucket, key)
	must(t, err)
	r := f.As("all-pii").Get("/v1/ops/archive/download?key=" + url.QueryEscape(key))
	if !bytes.Equal(r.Body, data) || !strings.HasPrefix(r.Header.Get("Content-Disposition"), "attachment; filename=") {
		t.Errorf("%d bytes of %d, %v", len(r.Body), len(data), r.Header)
	}
	// The end of the download is logged once the caller has all of it.
	var actions []opslog.Action
	for ended := false; !ended; {
		actions, _, err = opslog.List(t.Context(), f.table, opslog.Page{Limit: 10})
		must(t, err)
		ended = len(actions) == 0 || actions[0].State != opslog.Begun
	}
	if len(actions) != 1 || actions[0].Job != opsread.DownloadJob || actions[0].Actor != "key:pii" || actions[0].State != opslog.Done || !strings.Contains(actions[0].Params, key) {
		t.Errorf("the log has %+v", actions)
	}
	for _, wrong := range []string{"", "owner.json", "../secret", strings.Replace(key, "shardId-000000000000", "shardId-000000000009", 1)} {
		if r := f.As("all-pii").Get("/v1/ops/archive/download?key=" + url.QueryEscape(wrong)); r.Status != 400 || r.Code() != web.ValidationFailed.Code {
			t.Errorf("%q: %d %s", wrong, r.Status, r.Body)
		}
	}
}

func TestQuarantineOfATenant(t *testing.T) {
	f := serve(t)
	north, south := event.Account{Tenant: "north", ID: "A-1"}, event.Account{Tenant: "south", ID: "A-1"}
	f.setAside(t, "balance@1", north.String(), north)
	f.setAside(t, "balance@1", south.String(), south)
	f.setAside(t, "archiver", "s#shardId-0#1", event.Account{})
	for caller, want := range map[string]int{"north": 1, "south": 1, "all": 3} {
		list := apitest.Decode[opsread.Quarantine](t, f.As(caller).Get("/v1/ops/quarantine")).Quarantined
		if len(list) != want {
			t.Errorf("%s sees %+v", caller, list)
		}
		for _, q := range list {
			if caller != "all" && q.Tenant != caller || q.Data != nil {
				t.Errorf("%s sees %+v", caller, q)
			}
		}
	}
	at := "/v1/ops/quarantine?consumer=balance@1&id=" + url.QueryEscape(north.String())
	if list := apitest.Decode[opsread.Quarantine](t, f.As("north").Get(at)).Quarantined; len(list) != 1 || string(list[0].Data) != `{"a":1}` {
		t.Errorf("the record: %+v", list)
	}
	if list := apitest.Decode[opsread.Quarantine](t, f.As("south").Get(at)).Quarantined; len(list) != 0 {
		t.Errorf("another tenant's record: %+v", list)
	}
	if r := f.As("all").Get(at); r.Status != 403 {
		t.Errorf("a record without accounts:read: %d", r.Status)
	}
}

func TestKeysOfATenant(t *testing.T) {
	f := serve(t)
	north, south := f.key(t, "north"), f.key(t, "south")
	for caller, want := range map[string][]string{"north": {north}, "south": {south}, "all": {north, south}} {
		slices.Sort(want)
		var ids []string
		for path := "/v1/ops/keys?limit=1"; path != ""; {
			r := f.As(caller).Get(path)
			page := apitest.Decode[opsread.KeyPage](t, r)
			for _, k := range page.Keys {
				ids = append(ids, k.ID)
				if k.LastUsedOn != archivetest.Start.Format(time.DateOnly) {
					t.Errorf("last used on %q", k.LastUsedOn)
				}
			}
			path = ""
			if page.HasMore {
				path = "/v1/ops/keys?limit=1&cursor=" + page.NextCursor
			}
		}
		if !slices.Equal(ids, want) {
			t.Errorf("%s sees %v, not %v", caller, ids, want)
		}
	}
}

func TestGenerationsAndSettings(t *testing.T) {
	f := serve(t)
	g := apitest.Decode[opsread.Generations](t, f.As("north").Get("/v1/ops/generations"))
	if len(g.Models) != 1 || len(g.Models[0].Generations) != 1 || g.Models[0].Generations[0].Role != opsread.Live || g.Models[0].Generations[0].Consumer != "balance@1" {
		t.Errorf("%+v", g)
	}
	s := apitest.Decode[opsread.Settings](t, f.As("all").Get("/v1/ops/settings"))
	if s.Service != "bank" || len(s.Settings) != 1 || s.Free == nil || *s.Free != 10 {
		t.Errorf("%+v", s)
	}
}
