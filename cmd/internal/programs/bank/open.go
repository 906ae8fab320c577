package bank

import (
	"context"
	"slices"

	"passbook/archiver"
	"passbook/balance"
	"passbook/cmd/internal/archiveside"
	"passbook/cmd/internal/deployment"
	"passbook/cmd/internal/jobs"
	"passbook/cmd/internal/readside"
	"passbook/cmd/internal/serve"
	"passbook/cmd/internal/writeside"
	"passbook/creditlimit"
	"passbook/shared/consumer"
	"passbook/shared/derived"
	"passbook/shared/feed"
	"passbook/shared/journal"
	"passbook/shared/journey"
	"passbook/shared/origin"
	"passbook/shared/platform"
	"passbook/shared/readmodel"
	"passbook/shared/statement"
	"passbook/shared/web"
	"passbook/shared/webhook/delivery"
)

// Program is the bank as a program.
var Program = serve.Program{
	Name: "bank", About: "A bank's account pipeline in one process.", Listen: "127.0.0.1:8080",
	Resources: writing(jobs.Everything(), journal.Table, balance.Table, derived.Table, creditlimit.Table, delivery.Table),
	Open:      open,
}

// writing returns resources of which the process puts rows into the tables.
func writing(r platform.Resources, tables ...string) platform.Resources {
	r.Writes = tables
	return r
}

// open puts the bank together.
func open(ctx context.Context, p *serve.Process) error {
	// the archive is this bank's, and agrees with the tables
	if err := p.Stores().Begin(ctx); err != nil {
		return err
	}
	if err := p.Listen(ctx); err != nil {
		return err
	}
	keeper, err := p.Origin(ctx) // the format of entries, and the keys that sign and check them
	if err != nil {
		return err
	}
	w, err := writeside.Open(ctx, p, keeper) // journal, publisher, drainer
	if err != nil {
		return err
	}
	p.Go(serve.UntilCallers, "sweeper", w.Sweeper(p).Run)

	runtime, healthy := readside.Open(p, keeper)
	history, rows, counted := w.Journal.Reader, int64(p.Memory.Rows), readmodel.NewMetrics(p.Registry)
	balances := balance.NewStore(p.Engine.Table, rows)
	balanceProjector := balance.NewProjector(balance.Config{
		Runtime: runtime, Metrics: counted, Journal: history, Now: p.Now(), Store: balances, NoEventIndex: !p.Config.IndexesEvents(),
	})
	p.Go(serve.UntilConsumers, balance.Table, balanceProjector.Run)

	limits := creditlimit.NewStore(p.Engine.Table, rows)
	limitProjector := creditlimit.NewProjector(creditlimit.Config{
		Runtime: runtime, Metrics: counted, Journal: history, Store: limits,
		Notifications: p.Config.Stream(deployment.NotificationStream),
	})
	p.Go(serve.UntilConsumers, creditlimit.Table, limitProjector.Run)

	archives, archiveLog, archived, err := archiveside.Open(p, keeper, runtime)
	if err != nil {
		return err
	}
	feeds := feed.New(feed.Config{
		Stream: p.Stream(), Streams: p.Engine.Streams, Journal: history, Bucket: p.Engine.Bucket, Table: p.Engine.Table, Archiver: archiver.Name, Origin: keeper, Decoder: runtime.Decoder, Owner: runtime.Owner,
		Server: func() feed.Server { return p.Server() }, Registry: p.Registry, Log: p.Log,
	})
	p.Go(serve.UntilConsumers, "feed", feeds.Run)
	registry, secret := newRegistry(jobs.Bank{
		Config: p.Config, Table: p.Engine.Table, Streams: p.Engine.Streams, Bucket: p.Engine.Bucket, Keys: p.Engine.Keys, Stores: p.Stores(),
		CreateStream: p.Engine.CreateStream, RenewStream: p.Engine.RenewStream, RaiseFormat: p.Engine.RaiseFormat, Snapshot: p.Engine.Snapshot, Version: p.Version, Exclusive: p.Engine.Exclusive,
		Journal: history, Balance: balanceProjector, CreditLimit: limitProjector, Flush: archives.Flush, AppendLog: archiveLog.Append, BackedUp: backupAge(ctx, p), Log: p.Log,
	})
	p.Serve(serve.API{
		ServesAll: true, Pages: pages(registry),
		Commands: slices.Concat(w.Withdraw.Operations(), w.Credit.Operations()), Forwarder: w.Forwarder,
		Routes: slices.Concat(reports(p, history, balances, keeper, runtime), balance.NewAPI(balances, history, p.Persons(), readside.Archived(p, keeper)).WithClock(p.Now()).Routes(), creditlimit.NewAPI(limits, history).WithClock(p.Now()).Routes(), feeds.Routes(), statement.New(statement.Config{Journal: history, Registry: p.Registry, Log: p.Log}).Routes(), readside.Reads(p, history), readside.ArchiveReads(p, keeper), journeys(p, history, balances, limits), clockRoutes(p)),
		Checks: append(w.Checks, healthy, archived),
	})
	return serveJobs(ctx, p, registry, secret)
}

// journeys returns the route of the journeys of events, through everything that the process has.
func journeys(p *serve.Process, history *journal.Reader, balances *balance.Store, limits *creditlimit.Store) []web.Route {
	return []web.Route{journey.New(journey.Config{
		Journal: history, Stream: p.Stream(), Streams: p.Engine.Streams, Bucket: p.Engine.Bucket, Log: p.Log,
		Models: []journey.Model{journey.ModelOf(balance.Table, balances.Get), journey.ModelOf(creditlimit.Table, limits.Get)},
	}).Route()}
}

// reports starts what sends to webhooks, and returns their routes and those that report where the
// consumers and the whole pipeline are, with the webhooks that a person should look at, and what
// all accounts have.
func reports(p *serve.Process, history *journal.Reader, balances *balance.Store, keeper *origin.Keeper, runtime consumer.Runtime) []web.Route {
	endpoints, troubles := readside.Webhooks(p, history, keeper, runtime)
	totals := balance.NewBankTotals(balances, func(err error) { p.Log.Warn("the totals are not renewed; it is tried again", "error", err) })
	p.Go(serve.UntilConsumers, "totals", totals.Run)
	c := readside.Consumers{Models: []string{balance.Table, creditlimit.Table}, Names: []string{archiver.Name, delivery.Consumer}, History: history, Webhooks: troubles.List}
	return slices.Concat(c.Status(p), endpoints, []web.Route{c.Pipeline(p, archiver.Name), totals.Route()})
}
