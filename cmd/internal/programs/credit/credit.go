package credit

import (
	"context"

	"passbook/cmd/internal/deployment"
	"passbook/cmd/internal/serve"
	"passbook/cmd/internal/writeside"
	"passbook/shared/console/reference"
	"passbook/shared/journal"
	"passbook/shared/platform"
)

// Program is the service as a program.
var Program = serve.Program{
	Name: "credit", About: "Commands that bring money in, and the bank's decisions on accounts.", Listen: "127.0.0.1:8082",
	Resources: platform.Resources{Tables: journal.Schemas, Writes: []string{journal.Table}, Streams: []string{deployment.EventStream}},
	Open:      open,
}

// flags are those of the command line.
type flags struct {
	serve.ServiceFlags
	serve.WriterFlags
	serve.PeerFlags
}

// Main runs the program. It does not return.
func Main(version string) { serve.Main[flags](Program, version) }

// open puts the service together.
func open(ctx context.Context, p *serve.Process) error {
	// the tables are tied to an archive, and agree
	if err := p.Stores().CheckWriter(ctx); err != nil {
		return err
	}
	if err := p.Listen(ctx); err != nil {
		return err
	}
	keeper, err := p.Origin(ctx) // the format of entries, and the keys that sign them
	if err != nil {
		return err
	}
	p.Advertise(keeper)                      // to the console
	w, err := writeside.Open(ctx, p, keeper) // journal, publisher, drainer, commands from and to other writers
	if err != nil {
		return err
	}
	p.Serve(serve.API{Reference: reference.Routes, Commands: w.Credit.Operations(), Forwarder: w.Forwarder, Checks: w.Checks})
	return nil
}
