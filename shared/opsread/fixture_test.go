package opsread_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/access"
	"passbook/shared/access/apikey"
	"passbook/shared/api"
	"passbook/shared/api/apitest"
	"passbook/shared/archive"
	"passbook/shared/archive/archivetest"
	"passbook/shared/bucket"
	"passbook/shared/bucket/dirbucket"
	"passbook/shared/control"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/opsread"
	"passbook/shared/segment"
	"passbook/shared/storetest"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/table"
	"passbook/shared/web"
)

// shard is the source of the fixture's segments.
var shard = segment.Source{Stream: "passbook-events", Created: archivetest.Start.Truncate(time.Second), Shard: "shardId-000000000000"}

// fixture is a bank whose operators' reads are served, to operators of tenants north and south, to
// one of all tenants ("all"), to one who may download ("all-pii"), and to one without ops:read.
type fixture struct {
	*apitest.Client
	table  table.Table
	bucket bucket.Bucket
}

func serve(t *testing.T) fixture {
	t.Helper()
	tables := storetest.Memory(t, pebblestream.Options{}, journal.Schemas...).Table
	b, err := dirbucket.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	callers := apitest.Tenants("north", "south")
	callers["all"] = &access.Principal{Actor: "key:all", Tenant: "north", Scopes: access.OpsRead, AllTenants: true}
	callers["all-pii"] = &access.Principal{Actor: "key:pii", Tenant: "north", Scopes: access.OpsRead | access.PIIRead, AllTenants: true}
	callers["small"] = &access.Principal{Actor: "key:small", Tenant: "north", Scopes: access.All &^ access.OpsRead, AllTenants: true}
	reads := &opsread.Reads{
		Table: tables, Journal: journal.NewReader(tables), Stream: "passbook-events", Lease: time.Minute, Models: []string{"balance"}, Consumers: []string{"archiver"}, Bucket: b,
		LastUsed: func(string) time.Time { return archivetest.Start },
		Process: opsread.Process{
			Service: "bank", Version: "v1", Go: "go", Budgets: []opsread.Budget{{Name: "limit", Bytes: 1}},
			Settings: []opsread.Setting{{Flag: "data", Variable: "PASSBOOK_DATA", Value: "./data", Source: "default"}},
			Space:    func() (free, floor int64) { return 10, 1 },
		},
	}
	server := api.New(api.Config{Web: web.Config{Service: "bank", Logger: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(), Auth: callers}})
	server.Mount(reads.Routes()...)
	server.Mount(reads.ArchiveRoutes()...)
	return fixture{apitest.New(t, server.Handler()), tables, b}
}

// archive seals entries of two tenants as segments of so many records, and returns their keys. Each
// segment but the first begins with the last record of the one before, as after a resumption.
func (f fixture) archive(t *testing.T, marked bool, each int) (keys []string) {
	t.Helper()
	records := archivetest.Records(archivetest.Tenants(7, 3, 12, "north", "south"))
	previous := segment.Link{}
	for begin := 0; begin < len(records); begin += each {
		w := segment.NewWriter(segment.Format, "bank-1", shard, previous)
		for _, r := range records[begin:min(begin+each, len(records))] {
			must(t, w.Append(r))
		}
		sealed, err := w.Seal()
		must(t, err)
		must(t, f.bucket.Create(t.Context(), sealed.Key, sealed.Data))
		name, err := segment.ParseKey(sealed.Key)
		must(t, err)
		if marked {
			must(t, archive.NewEndMarker(name, sealed.Footer, false).Write(t.Context(), f.bucket))
		}
		previous = segment.Link{Key: sealed.Key, Last: sealed.Footer.Last, Sum: sealed.Footer.Sum}
		keys = append(keys, sealed.Key)
	}
	return keys
}

// setAside puts an account, or a record that names none, into the quarantine of a consumer.
func (f fixture) setAside(t *testing.T, consumer, id string, of event.Account) {
	t.Helper()
	attrs := table.Map{"cause": table.S("it contradicts the journal"), "at": table.Time(time.Now()), "shard": table.S("shardId-000000000000"),
		"sequence": table.S("42"), "data": table.B([]byte(`{"a":1}`)), "size": table.N(7)}
	if of.ID != "" {
		attrs["account_id"], attrs["tenant"], attrs["version"] = table.S(of.ID), table.S(of.Tenant), table.N(4)
	}
	must(t, control.Quarantine(f.table, consumer).Put(context.Background(), id, attrs, nil))
}

// key makes an API key of a tenant.
func (f fixture) key(t *testing.T, tenant string) string {
	t.Helper()
	made := apikey.Generate()
	_, err := apikey.Create(t.Context(), f.table, apikey.Key{
		ID: made.ID, Sum: made.Sum, Name: "of " + tenant, Tenant: tenant, Scopes: access.AccountsRead, Created: time.Now(), CreatedBy: "os:0",
	})
	must(t, err)
	return made.ID
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
