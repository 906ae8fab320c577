package readside

import (
	"context"
	"time"

	"passbook/cmd/internal/serve"
	"passbook/shared/api"
	"passbook/shared/api/pipeline"
	"passbook/shared/journal"
	"passbook/shared/platform"
	"passbook/shared/web"
	"passbook/shared/webhook/delivery"
)

// Consumers are the consumers of the stream that a process reports: read models, each generation of
// which is one, and others by name. History is the journal that they are compared with.
type Consumers struct {
	Models, Names []string
	History       *journal.Reader
	// Webhooks finds the webhooks that a person should look at; nil finds none.
	Webhooks func(ctx context.Context) ([]delivery.Trouble, error)
}

// on returns them with the stores of a process.
func (c Consumers) on(p *serve.Process) pipeline.Consumers {
	return pipeline.Consumers{Table: p.Engine.Table, Journal: c.History, Stream: p.Stream(), Lease: p.Config.Lease, Models: c.Models, Names: c.Names}
}

// Status returns the routes that report where the consumers are, and the operators' log.
func (c Consumers) Status(p *serve.Process) []web.Route {
	return []web.Route{c.on(p).Route(), api.OpsLog{Table: p.Engine.Table}.Route()}
}

// Pipeline returns the route that reports how the whole pipeline is. archiver is the name of the
// consumer that archives, needs are the programs of which the bank needs a process each. The last
// audit, which the route reports, is measured too.
func (c Consumers) Pipeline(p *serve.Process, archiver string, needs ...string) web.Route {
	p.Go(serve.UntilConsumers, "last audit", pipeline.WatchAudits(p.Engine.Table, p.Registry, p.Log).Run)
	return pipeline.New(pipeline.Config{
		Consumers: c.on(p), Streams: p.Engine.Streams, Monitor: p.Figures(), Archiver: archiver,
		Environment: environment(p), SegmentAge: p.Config.SegmentAge, Now: time.Now, Needs: needs, Webhooks: c.Webhooks,
	}).Route()
}

// environment returns where the bank runs.
func environment(p *serve.Process) pipeline.Environment {
	e := pipeline.Environment{Store: platform.Embedded, Place: p.Engine.Place, Program: p.Name, Version: p.Version}
	e.Name, e.Production = p.Config.Named()
	switch {
	case p.Engine.Emulated:
		e.Store = "emulator"
	case p.Config.Store == platform.AWS:
		e.Store, e.Account = platform.AWS, p.Engine.Account()
	}
	return e
}
