package console

import (
	"context"
	"slices"
	"time"

	"passbook/balance"
	"passbook/cmd/internal/deployment"
	"passbook/cmd/internal/readside"
	"passbook/cmd/internal/serve"
	"passbook/shared/console"
	"passbook/shared/console/operations"
	"passbook/shared/console/view"
	"passbook/shared/discovery"
	"passbook/shared/journal"
	"passbook/shared/platform"
	"passbook/shared/table"
	"passbook/shared/web"
	"passbook/shared/webhook"
	"passbook/shared/webhook/delivery"
)

// Program is the console as a program. Of the balances it reads all rows, for the totals; of the
// deliveries of webhooks, if the bank has some, those that were given up.
var Program = serve.Program{
	Name: "console", About: "The bank in a browser, beside the five services.", Listen: "127.0.0.1:8086",
	Resources: platform.Resources{
		Tables: append(slices.Clone(journal.Schemas), table.Schema{Name: balance.Table}, delivery.OptionalSchema), Streams: []string{deployment.EventStream},
	},
	Open: open,
}

// flags are the program's.
type flags struct {
	serve.Flags
	serve.DeploymentFlags
}

// Main runs the program. It does not return.
func Main(version string) { serve.Main[flags](Program, version) }

// open puts the console together. It compares no stores: it writes nothing and sees no archive.
func open(ctx context.Context, p *serve.Process) error {
	if err := p.Listen(ctx); err != nil {
		return err
	}
	history, readable := readside.History(p)
	keeper, err := p.Origin(ctx) // the keys of sessions, and of the rows of processes
	if err != nil {
		return err
	}
	f := newFleet(discovery.NewDirectory(p.Engine.Table, keeper))
	p.Go(serve.UntilConsumers, "directory of the processes", f.directory.Run)
	p.Watch(f.watched)

	totals := balance.NewBankTotals(balance.NewStore(p.Engine.Table, 0), func(err error) { p.Log.Warn("the totals are not renewed; it is tried again", "error", err) })
	p.Go(serve.UntilConsumers, "totals", totals.Run)
	endpoints := webhook.NewRegistry(webhook.Config{Table: p.Engine.Table, Log: p.Log}) // without their secrets
	reported := readside.Consumers{
		Models: deployment.ReadModels, Names: []string{deployment.Archiver, delivery.Consumer}, History: history, Webhooks: delivery.NewTroubles(p.Engine.Table, endpoints, time.Now).List,
	}
	p.Serve(serve.API{
		Pages: pages, Calls: f.calls, Bases: f.base,
		Routes: slices.Concat(reported.Status(p), readside.Reads(p, history), []web.Route{reported.Pipeline(p, deployment.Archiver, services...), totals.Route()}),
		Checks: []web.Check{readable, {Name: "services", Advisory: true, Ready: f.ready}},
	})
	return nil
}

// pages returns the routes of the pages, which start no jobs.
func pages(k *view.Kit) []web.Route {
	return slices.Concat(console.Routes(k), operations.Routes(k, nil))
}
