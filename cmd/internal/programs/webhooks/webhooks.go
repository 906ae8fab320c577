package webhooks

import (
	"context"
	"slices"

	"passbook/cmd/internal/deployment"
	"passbook/cmd/internal/readside"
	"passbook/cmd/internal/serve"
	"passbook/shared/console/reference"
	"passbook/shared/journal"
	"passbook/shared/platform"
	"passbook/shared/table"
	"passbook/shared/web"
	"passbook/shared/webhook/delivery"
)

// Program is the service as a program.
var Program = serve.Program{
	Name: "webhooks", About: "Webhooks: events sent to URLs.", Listen: "127.0.0.1:8087",
	Resources: platform.Resources{
		Tables: slices.Concat(journal.Schemas, []table.Schema{delivery.Schema}), Writes: []string{delivery.Table}, Streams: []string{deployment.EventStream},
	},
	Open: open,
}

// flags are the program's.
type flags struct {
	serve.ServiceFlags
	serve.WebhookFlags
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
	reported := readside.Consumers{Names: []string{delivery.Consumer}, History: history}
	endpoints, _ := readside.Webhooks(p, history, keeper, runtime)
	p.Serve(serve.API{
		Reference: reference.Routes,
		Routes:    slices.Concat(reported.Status(p), endpoints, readside.Reads(p, history)), Checks: []web.Check{readable, healthy},
	})
	return nil
}
