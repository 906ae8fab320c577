package pipeline

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"passbook/shared/access"
	"passbook/shared/api"
	"passbook/shared/control"
	"passbook/shared/event"
	"passbook/shared/opslog"
	"passbook/shared/storetest"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/webhook/delivery"
)

// everythingWrong returns an answer in which there is an item of every kind.
func everythingWrong() Answer {
	now := api.Time{Time: time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)}
	late, code, queued := api.Seconds(900), int64(exitDifference), int64(3)
	return Answer{
		AsOf: now, Environment: Environment{Store: "embedded", Place: "./data"},
		Consumers: []Consumer{{
			Name: "balance@1", Model: "balance", Live: true,
			Blocked: []Blocked{
				{Tenant: "north", AccountID: "A 7", BlockedAtVersion: 4, BehindVersions: &queued, Cause: "it contradicts", Since: now},
				{AccountID: "A-8", BlockedAtVersion: 2, BehindVersions: &queued, Cause: "it contradicts", Since: now}, {Record: "events#s#1", Cause: "foreign", Since: now},
			},
			Shards: []ShardStatus{{Shard: "s-0", BehindSeconds: lagBad, Holes: 2, HoleSince: now, HoleAccounts: 5}, {Shard: "s-1", Owner: "w", BehindSeconds: lagWarn}},
		}},
		Archive: Archive{BehindSeconds: &late}, Disk: &Disk{FreeBytes: 100 << 20, FloorBytes: 200 << 20},
		Processes: []Process{{Name: "credit", Instance: "i-1", Error: "refused", SeenAt: now, Address: "http://10.0.0.7:9100"}, {Name: "withdraw", Instance: "i-2", Ended: true}, {Name: "balance", Up: true}},
		Audit:     &Audit{ID: "u", At: now, State: opslog.Failed, ExitCode: &code},
	}
}

// troubled returns webhooks of two tenants: one that said that it is gone, and whose account is
// dead too, and one with many dead accounts.
func troubled() []delivery.Trouble {
	at := time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
	return []delivery.Trouble{
		{ID: "wh_a", Tenant: "north", Host: "example.com", Gone: true, Dead: []event.Account{{Tenant: "north", ID: "A-1"}}, Since: at},
		{ID: "wh_b", Tenant: "south", Host: "example.org", Dead: []event.Account{{Tenant: "south", ID: "A-1"}, {Tenant: "south", ID: "A-2"}}, More: true, Since: at},
	}
}

func TestTroubledWebhooksAreShownToTheirTenant(t *testing.T) {
	p := New(Config{Webhooks: func(context.Context) ([]delivery.Trouble, error) { return troubled(), nil }})
	list := p.webhooks(t.Context(), &access.Principal{Tenant: "south"})
	if len(list) != 1 || list[0].Subject != "wh_b" || list[0].Page != "/ui/webhooks/wh_b" || list[0].What != "more than 2 accounts are dead for the webhook to example.org" || len(list[0].Accounts) != 2 {
		t.Errorf("%+v", list)
	}
	list = p.webhooks(t.Context(), &access.Principal{Tenant: "south", AllTenants: true})
	if len(list) != 3 || list[0].ID != "paused" || list[0].Page != "/ui/webhooks" || list[1].Accounts[0] != (AffectedAccount{"north", "A-1"}) {
		t.Errorf("%+v", list)
	}
}

// An item says what it means for whom, since when, and what to do, with a command; a command that
// changes something has a dry run.
func TestEveryItemSaysWhatToDo(t *testing.T) {
	var broken error
	p := New(Config{SegmentAge: time.Minute, Needs: []string{"credit", "withdraw", "balance"}, Webhooks: func(context.Context) ([]delivery.Trouble, error) { return troubled(), broken }})
	webhooks := p.webhooks(t.Context(), &access.Principal{Tenant: "south", AllTenants: true})
	broken = errors.New("no table")
	webhooks = append(webhooks, p.webhooks(t.Context(), &access.Principal{Tenant: "south"})...)
	kinds, ids := map[string]int{}, map[string]bool{}
	for _, one := range p.attention(everythingWrong(), "south", errors.New("no table"), webhooks...) {
		kinds[one.Kind]++
		if one.What == "" || one.Cause == "" || one.Affects == "" || one.Remedy == "" || one.Command == "" || one.Page == "" || one.ID == "" || ids[one.ID] {
			t.Errorf("%+v", one)
		}
		ids[one.ID] = true
		if known := one.Kind != "disk" && one.Kind != "processes" && one.Kind != "service" && one.ID != "webhook/paused/wh_a" && one.ID != "webhook/webhooks"; one.Since.IsZero() == known {
			t.Errorf("%s since %v", one.ID, one.Since)
		}
		changes := strings.HasPrefix(one.Command, "bank quarantine ") || strings.Contains(one.Command, "--repair")
		if changes != (one.DryRun != "") || one.DryRun == one.Command {
			t.Errorf("%s: %q is tried by %q", one.ID, one.Command, one.DryRun)
		}
	}
	for kind, n := range map[string]int{"blocked": 3, "lag": 2, "hole": 1, "archive": 1, "disk": 1, "process": 1, "processes": 1, "service": 1, "audit": 1, "webhook": 4} {
		if kinds[kind] != n {
			t.Errorf("%d items of kind %s, not %d", kinds[kind], kind, n)
		}
	}
}

// What is late for webhooks is late to be sent, and answers of none are old.
func TestLateWebhooksSaySo(t *testing.T) {
	one := lagging(Consumer{Name: delivery.Consumer, Model: delivery.Consumer}, ShardStatus{Shard: "shard-1", Owner: "a", BehindSeconds: 9})
	if one.Affects != "Events of the accounts of shard-1 are sent to webhooks that late. None is lost." || one.Severity != stateWarn {
		t.Errorf("%+v", one)
	}
}

func TestAnAccountIsNamedWithItsTenant(t *testing.T) {
	list := New(Config{SegmentAge: time.Minute}).attention(everythingWrong(), "south", nil)
	want := map[string]string{
		"blocked/balance@1/north/A 7": "bank quarantine redrive 'A 7' --tenant north", "blocked/balance@1/south/A-8": "bank quarantine redrive A-8 --tenant south",
		"blocked/balance@1/events#s#1": "bank quarantine clear 'events#s#1'",
	}
	for _, one := range list {
		if command, is := want[one.ID]; is && one.Command != command {
			t.Errorf("%s: %s", one.ID, one.Command)
		}
		delete(want, one.ID)
	}
	if len(want) > 0 {
		t.Errorf("no item for %v", want)
	}
}

// An audit that somebody cancelled, and one that runs, say nothing: the one before them does.
func TestOnlyAnAuditThatEndedIsTheLast(t *testing.T) {
	for state, want := range map[string]bool{opslog.Done: true, opslog.Failed: true, opslog.Cancelled: false, opslog.Begun: false} {
		if got := ended(opslog.Action{Job: "audit", State: state}); got != want {
			t.Errorf("%s: %t", state, got)
		}
	}
	if ended(opslog.Action{Job: "rebuild", State: opslog.Done}) {
		t.Error("a rebuild is no audit")
	}
}

// A part of which no process runs is bad, although figures of it are known.
func TestPartsWithoutAProcessAreBad(t *testing.T) {
	a := Answer{
		Services:  []Service{{Name: "withdraw", Flow: Flow{State: stateOK}}, {Name: "credit", Flow: Flow{State: stateOK}}},
		Consumers: []Consumer{{Name: "balance@1", Model: "balance", Flow: Flow{State: stateOK}}, {Name: "archiver", Model: "archiver", Flow: Flow{State: stateOK}}},
		Archive:   Archive{Flow: Flow{State: stateOK}},
		Processes: []Process{{Name: "withdraw", Up: true}, {Name: "credit", Ended: true}, {Name: "balance"}},
	}
	states := func() string {
		return strings.Join([]string{a.Services[0].State, a.Services[1].State, a.Consumers[0].State, a.Consumers[1].State, a.Archive.State}, " ")
	}
	New(Config{SegmentAge: time.Minute, Archiver: "archiver"}).judge(&a)
	if got := states(); got != "ok ok ok ok ok" {
		t.Errorf("one process has them all: %s", got)
	}
	New(Config{SegmentAge: time.Minute, Archiver: "archiver", Needs: []string{"withdraw", "credit", "balance", "archiver"}}).judge(&a)
	if got := states(); got != "ok bad ok bad bad" {
		t.Errorf("one process each: %s", got)
	}
}

// An item about an audit stays until an audit of as much is clean, and a later one that did not end
// does not hide what it found.
func TestAnAuditCountsUntilOneOfAsMuchIsClean(t *testing.T) {
	for name, newestFirst := range map[string]struct {
		want int
		list []opslog.Action
	}{
		"a clean one of a tenant":             {1, []opslog.Action{{Tenant: "north"}, {ExitCode: 3}, {}}},
		"of another tenant":                   {1, []opslog.Action{{Tenant: "north"}, {Tenant: "south", ExitCode: 3}, {}}},
		"of the same tenant":                  {2, []opslog.Action{{Tenant: "south"}, {Tenant: "south", ExitCode: 3}, {}}},
		"of the whole bank":                   {1, []opslog.Action{{Tenant: "north"}, {}, {Tenant: "south", ExitCode: 3}, {ExitCode: 3}}},
		"one that did not end":                {1, []opslog.Action{{ExitCode: 1}, {ExitCode: 3}, {}}},
		"one that did not end, and clean":     {0, []opslog.Action{{ExitCode: 1}, {Tenant: "north"}, {}, {ExitCode: 3}}},
		"only of tenants":                     {0, []opslog.Action{{Tenant: "north"}, {Tenant: "south"}}},
		"none":                                {-1, nil},
		"the newest of two with differences":  {0, []opslog.Action{{Tenant: "north", ExitCode: 3}, {ExitCode: 3}}},
		"differences before a tenant's audit": {0, []opslog.Action{{ExitCode: 3}, {Tenant: "north"}, {}}},
	} {
		list, want := newestFirst.list, (*opslog.Action)(nil)
		for i := range list {
			list[i].Job, list[i].State = "audit", opslog.Done
		}
		if newestFirst.want >= 0 {
			want = &list[newestFirst.want]
		}
		if got := counting(list); got != want {
			t.Errorf("%s: %+v, not %+v", name, got, want)
		}
	}
}

// Many other actions do not hide an audit, and it is read again after a minute.
func TestTheLastAuditIsFoundBehindOtherActions(t *testing.T) {
	tables := storetest.Memory(t, pebblestream.Options{}, control.Schema).Table
	act := func(job string, code int64) string {
		a, err := opslog.Begin(t.Context(), tables, opslog.Action{Job: job, Actor: "os:0"})
		if err == nil {
			err = a.End(t.Context(), tables, opslog.Outcome{State: opslog.Done, ExitCode: code})
		}
		if err != nil {
			t.Fatal(err)
		}
		return a.ID
	}
	want := act("audit", exitDifference)
	for range 150 {
		act("states", 0)
	}
	var last lastAudit
	now, all := time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC), &access.Principal{Tenant: "north", AllTenants: true}
	read := func(at time.Time) string {
		found, err := last.read(t.Context(), tables, all, at)
		if err != nil || found == nil {
			t.Fatalf("%+v %v", found, err)
		}
		return found.ID
	}
	if got := read(now); got != want {
		t.Errorf("%s, not %s", got, want)
	}
	clean := act("audit", 0)
	if got := read(now.Add(auditFresh - 1)); got != want {
		t.Errorf("the log was read again within %v", auditFresh)
	}
	if got := read(now.Add(auditFresh)); got != clean {
		t.Errorf("%s, not %s", got, clean)
	}
}
