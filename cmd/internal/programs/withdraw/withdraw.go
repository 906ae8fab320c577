package withdraw

import (
	"context"
	"slices"

	"passbook/cmd/internal/deployment"
	"passbook/cmd/internal/serve"
	"passbook/cmd/internal/writeside"
	"passbook/shared/console/reference"
	"passbook/shared/journal"
	"passbook/shared/platform"
	"passbook/shared/readmodel/due"
	"passbook/shared/table"
	"passbook/withdraw"
)

// Program is the service as a program. Of the balances it reads the index of what falls due.
var Program = serve.Program{
	Name: "withdraw", About: "Commands that take money out: withdrawals, holds, transfers.", Listen: "127.0.0.1:8081",
	Resources: platform.Resources{
		Tables: append(slices.Clone(journal.Schemas), table.Schema{Name: withdraw.DueTable, Indexes: []table.Index{due.Index()}}),
		Writes: []string{journal.Table}, Streams: []string{deployment.EventStream},
	},
	Open: open,
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
	p.Go(serve.UntilCallers, "sweeper", w.Sweeper(p).Run)
	p.Serve(serve.API{Reference: reference.Routes, Commands: w.Withdraw.Operations(), Forwarder: w.Forwarder, Checks: w.Checks})
	return nil
}
