package creditlimit

import (
	"context"
	"slices"

	"passbook/cmd/internal/deployment"
	"passbook/cmd/internal/readside"
	"passbook/cmd/internal/serve"
	"passbook/creditlimit"
	"passbook/shared/console/reference"
	"passbook/shared/journal"
	"passbook/shared/platform"
	"passbook/shared/readmodel"
	"passbook/shared/web"
)

// Program is the service as a program.
var Program = serve.Program{
	Name: "creditlimit", About: "The use of lines of credit: projected from the stream.", Listen: "127.0.0.1:8084",
	Resources: platform.Resources{
		Tables: append(slices.Clone(journal.Schemas), creditlimit.Schema), Writes: []string{creditlimit.Table},
		Streams: []string{deployment.EventStream, deployment.NotificationStream},
	},
	Open: open,
}

// Main runs the program. It does not return.
func Main(version string) { serve.Main[serve.ServiceFlags](Program, version) }

// open puts the service together. It compares no stores: it writes no entry and sees no archive.
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
	store := creditlimit.NewStore(p.Engine.Table, int64(p.Memory.Rows))
	projector := creditlimit.NewProjector(creditlimit.Config{
		Runtime: runtime, Metrics: readmodel.NewMetrics(p.Registry), Journal: history, Store: store,
		Notifications: p.Config.Stream(deployment.NotificationStream),
	})
	p.Go(serve.UntilConsumers, creditlimit.Table, projector.Run)
	reported := readside.Consumers{Models: []string{creditlimit.Table}, History: history}
	p.Serve(serve.API{
		Reference: reference.Routes,
		Routes:    slices.Concat(reported.Status(p), creditlimit.NewAPI(store, history).Routes(), readside.Reads(p, history)), Checks: []web.Check{readable, healthy},
	})
	return nil
}
