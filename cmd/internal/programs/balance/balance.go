package balance

import (
	"context"
	"slices"

	"passbook/balance"
	"passbook/cmd/internal/deployment"
	"passbook/cmd/internal/readside"
	"passbook/cmd/internal/serve"
	"passbook/shared/console/reference"
	"passbook/shared/derived"
	"passbook/shared/feed"
	"passbook/shared/journal"
	"passbook/shared/journey"
	"passbook/shared/platform"
	"passbook/shared/readmodel"
	"passbook/shared/statement"
	"passbook/shared/web"
)

// Program is the service as a program.
var Program = serve.Program{
	Name: "balance", About: "Balances of accounts: projected from the stream, now and then.", Listen: "127.0.0.1:8083",
	Resources: platform.Resources{
		Tables: slices.Concat(journal.Schemas, balance.Schemas), Writes: []string{balance.Table, derived.Table}, Streams: []string{deployment.EventStream}, ReadsArchive: true,
	},
	Open: open,
}

// flags are the program's.
type flags struct {
	serve.ServiceFlags
	serve.IndexFlags
	serve.HistoryFlags
}

// Main runs the program. It does not return.
func Main(version string) { serve.Main[flags](Program, version) }

// open puts the service together. It compares no stores: it writes no entry and no segment.
func open(ctx context.Context, p *serve.Process) error {
	if err := p.Listen(ctx); err != nil {
		return err
	}
	history, readable := readside.History(p)
	keeper, err := p.Origin(ctx) // the keys that entries are checked with
	if err != nil {
		return err
	}
	p.Advertise(keeper) // to the console
	runtime, healthy := readside.Open(p, keeper)
	store := balance.NewStore(p.Engine.Table, int64(p.Memory.Rows))
	projector := balance.NewProjector(balance.Config{
		Runtime: runtime, Metrics: readmodel.NewMetrics(p.Registry), Journal: history, Store: store,
		NoEventIndex: !p.Config.IndexesEvents(),
	})
	p.Go(serve.UntilConsumers, balance.Table, projector.Run)
	feeds := feed.New(feed.Config{
		Stream: p.Stream(), Streams: p.Engine.Streams, Journal: history, Bucket: p.Engine.Bucket, Table: p.Engine.Table, Archiver: deployment.Archiver, Origin: keeper, Decoder: runtime.Decoder, Owner: runtime.Owner,
		Server: func() feed.Server { return p.Server() }, Registry: p.Registry, Log: p.Log,
	})
	p.Go(serve.UntilConsumers, "feed", feeds.Run)
	journeys := journey.New(journey.Config{
		Journal: history, Stream: p.Stream(), Streams: p.Engine.Streams, Bucket: p.Engine.Bucket, Log: p.Log,
		Models: []journey.Model{journey.ModelOf(balance.Table, store.Get)},
	})
	reported := readside.Consumers{Models: []string{balance.Table}, History: history}
	p.Serve(serve.API{
		Reference: reference.Routes,
		Routes:    slices.Concat(reported.Status(p), balance.NewAPI(store, history, p.Persons(), readside.Archived(p, keeper)).Routes(), feeds.Routes(), statement.New(statement.Config{Journal: history, Registry: p.Registry, Log: p.Log}).Routes(), readside.Reads(p, history), []web.Route{journeys.Route()}), Checks: []web.Check{readable, healthy},
	})
	return nil
}
