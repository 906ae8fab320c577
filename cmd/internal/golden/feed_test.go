package golden

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/control"
	"passbook/shared/feed/tip"
	"passbook/shared/storetest"
	"passbook/shared/stream"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/table"
)

// feedReader returns the row of the lease under which a process reads the stream for feeds.
func feedReader(t *testing.T) Rendered {
	t.Helper()
	tables := controlTable(t)
	streams := storetest.Memory(t, pebblestream.Options{Shards: 1}).Streams
	feeds := tip.New(tip.Config{
		Stream: "passbook-events", Streams: struct{ stream.Stream }{streams}, Table: tables, Owner: "balance-1/6f1c2f0e-6b0a-4c55-9d6e-2f6f5b7a9c01",
		Registry: prometheus.NewRegistry(), Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = feeds.Run(ctx) })
	defer running.Wait()
	defer cancel()
	if _, err := feeds.Enter(t.Context()); err != nil {
		t.Fatal(err)
	}
	row, err := tables.Get(t.Context(), control.Name, table.Key{PK: "feed#passbook-events", SK: "reader"}, true)
	if err != nil {
		t.Fatal(err)
	}
	return Render(control.Name, row)
}
