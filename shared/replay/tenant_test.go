package replay_test

import (
	"errors"
	"testing"

	"passbook/shared/archive/archivetest"
	"passbook/shared/event"
	"passbook/shared/replay"
	"passbook/shared/replay/spill"
)

// Two tenants have the same account ids, in the same segments. Each is read without the other.
func TestTenantsWithTheSameAccountIDs(t *testing.T) {
	e := newEnv(t)
	entries := archivetest.Tenants(11, 4, 120, "main", "acme")
	e.commit(t, entries)
	e.archiveShuffled(t, entries, 3)
	last := map[event.Account]*event.Entry{}
	for _, entry := range entries {
		last[entry.Account()] = entry
	}
	latest := entries[len(entries)-1].RecordedAt.AddDate(1, 0, 0)
	one := event.Account{Tenant: "acme", ID: "A-2"}
	for name, c := range map[string]struct {
		ask   replay.StatesConfig
		wants func(event.Account) bool
	}{
		"all":          {replay.StatesConfig{}, func(event.Account) bool { return true }},
		"a tenant's":   {replay.StatesConfig{Tenant: "acme"}, func(a event.Account) bool { return a.Tenant == "acme" }},
		"an account's": {replay.StatesConfig{Account: one}, func(a event.Account) bool { return a == one }},
		"a stranger's": {replay.StatesConfig{Tenant: "nobody"}, func(event.Account) bool { return false }},
	} {
		t.Run("states: "+name, func(t *testing.T) {
			c.ask.Bucket, c.ask.Time, c.ask.Limits.Memory = e.bucket, latest, 100<<10
			got, _, err := ask(c.ask, t)
			if err != nil {
				t.Fatal(err)
			}
			for a, entry := range last {
				state, yielded := got[a]
				if yielded != c.wants(a) {
					t.Errorf("%s: yielded %t", a, yielded)
				}
				if after := entry.Events[len(entry.Events)-1].After; yielded && (state.Version != entry.Last || state.Posted != after.Posted) {
					t.Errorf("%s is at v%d with %d, not at v%d with %d", a, state.Version, state.Posted, entry.Last, after.Posted)
				}
			}
		})
	}
	t.Run("republish", func(t *testing.T) {
		if err := e.stream.CreateStream(t.Context(), "again", 2); err != nil {
			t.Fatal(err)
		}
		published, err := replay.Republish(t.Context(), replay.RepublishConfig{
			Bucket: e.bucket, Journal: e.reader, Table: e.table, Streams: e.stream, Stream: "again", LiveStream: "events", Tenant: "acme", Limits: spill.Limits{Memory: 50 << 10},
		})
		if err != nil || published != 120 {
			t.Fatalf("%d published, %v", published, err)
		}
		for _, entry := range onStream(t, e, "again") {
			if entry.Tenant != "acme" {
				t.Errorf("%s v%d was published", entry.Account(), entry.First)
			}
		}
	})
}

// A damaged entry of one tenant is no fault of another's accounts.
func TestDamageOfATenantIsNotAnothers(t *testing.T) {
	e := newEnv(t)
	entries := archivetest.Tenants(12, 3, 60, "main", "acme")
	e.commit(t, entries)
	missing := -1
	for i, entry := range entries {
		if entry.Tenant == "acme" && entry.AccountID == "A-1" && entry.First > 1 {
			missing = i
			break
		}
	}
	e.archive(t, "shardId-000000000000", archivetest.Records(without(entries, missing)), 50)
	for tenant, faulty := range map[string]bool{"": true, "acme": true, "main": false} {
		c := replay.StatesConfig{Bucket: e.bucket, Time: entries[len(entries)-1].RecordedAt.AddDate(1, 0, 0), Tenant: tenant}
		if _, faults, err := ask(c, t); errors.Is(err, replay.ErrDifference) != faulty {
			t.Errorf("tenant %q: %v, %v", tenant, faults, err)
		}
	}
}
