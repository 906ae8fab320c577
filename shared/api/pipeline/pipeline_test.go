package pipeline_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/access"
	"passbook/shared/api"
	"passbook/shared/api/apitest"
	"passbook/shared/api/pipeline"
	"passbook/shared/control"
	"passbook/shared/journal"
	"passbook/shared/monitor"
	"passbook/shared/storetest"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/table"
	"passbook/shared/web"
)

// answer is what the test reads of an answer.
type answer struct {
	Stream struct {
		Shards []struct {
			FirstHash string `json:"first_hash"`
			Closed    bool
		}
	}
	Services []struct {
		Name string
		Rate *float64
	}
	Consumers []struct {
		Name, State string
		Blocked     []struct {
			AccountID string `json:"account_id"`
		}
	}
	Attention []struct {
		ID, Kind, Subject, Severity, Command string
		DryRun                               string `json:"dry_run"`
		Since                                time.Time
		Accounts                             []struct{ Tenant string }
	} `json:"needs_attention"`
}

// The answer keeps the contract, and a quarantined account needs attention of that tenant's
// operators only.
func TestPipelineNamesWhatNeedsAttention(t *testing.T) {
	engine := storetest.Memory(t, pebblestream.Options{}, journal.Schemas...)
	admin, err := pebblestream.New(engine.DB, pebblestream.Options{})
	if err == nil {
		err = admin.CreateStream(t.Context(), "events", 2)
	}
	if err != nil {
		t.Fatal(err)
	}
	row := table.Map{
		"id": table.S("north#A-77"), "version": table.N(4), "cause": table.S("contradicts the journal"), "at": table.Time(time.Now()),
		"tenant": table.S("north"), "account_id": table.S("A-77"),
	}
	if err := control.Quarantine(engine.Table, "archiver").Put(t.Context(), "north#A-77", row, nil); err != nil {
		t.Fatal(err)
	}
	figures := monitor.New(monitor.Config{
		ServiceOf: api.ServiceOf, Now: time.Now,
		Processes: func(context.Context) ([]monitor.Process, error) { return nil, nil },
	})
	callers := apitest.Tenants("north", "south")
	callers["small"] = &access.Principal{Actor: "small", Tenant: "north", Scopes: access.All &^ access.OpsRead}
	server := api.New(api.Config{Web: web.Config{Service: "bank", Logger: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(), Auth: callers}})
	server.Mount(pipeline.New(pipeline.Config{
		Consumers: pipeline.Consumers{Table: engine.Table, Journal: journal.NewReader(engine.Table), Stream: "events", Lease: 10 * time.Second, Names: []string{"archiver", "webhooks"}},
		Streams:   engine.Streams, Monitor: figures, Archiver: "archiver", SegmentAge: time.Minute, Now: time.Now,
		Environment: pipeline.Environment{Store: "embedded", Place: "./data", Program: "bank", Version: "dev"},
	}).Route())
	client := apitest.New(t, server.Handler())

	for caller, blocked := range map[string]int{"north": 1, "south": 0} {
		r := client.As(caller).Get("/v1/ops/pipeline")
		var a answer
		if err := json.Unmarshal(r.Body, &a); err != nil || r.Status != 200 {
			t.Fatalf("%d %v: %s", r.Status, err, r.Body)
		}
		if len(a.Stream.Shards) != 2 || a.Stream.Shards[0].FirstHash != "00000000000000000000000000000000" || a.Stream.Shards[1].Closed {
			t.Errorf("%s: %+v", caller, a.Stream)
		}
		if len(a.Services) != 3 || a.Services[0].Name != "withdraw" || a.Services[0].Rate != nil {
			t.Errorf("%s: %+v: nothing was sampled", caller, a.Services)
		}
		if len(a.Consumers) != 1 || len(a.Consumers[0].Blocked) != blocked || len(a.Attention) != blocked {
			t.Fatalf("%s: %+v %+v", caller, a.Consumers, a.Attention)
		}
		if blocked > 0 && (a.Attention[0].ID != "blocked/archiver/north/A-77" || a.Attention[0].Command != "bank quarantine redrive A-77 --tenant north" ||
			a.Attention[0].DryRun != a.Attention[0].Command+" --dry-run" || time.Since(a.Attention[0].Since) > time.Minute || a.Attention[0].Accounts[0].Tenant != "north") {
			t.Errorf("%+v", a.Attention)
		}
		if blocked > 0 && (a.Attention[0].Kind != "blocked" || a.Attention[0].Subject != "A-77" || a.Attention[0].Severity != "bad" || a.Consumers[0].State != "bad") {
			t.Errorf("%+v %+v", a.Attention, a.Consumers)
		}
	}
	if r := client.As("small").Get("/v1/ops/pipeline"); r.Status != 403 {
		t.Errorf("%d without ops:read", r.Status)
	}
}
