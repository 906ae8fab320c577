package archiver

import (
	"context"
	"slices"

	"passbook/archiver"
	"passbook/cmd/internal/archiveside"
	"passbook/cmd/internal/deployment"
	"passbook/cmd/internal/readside"
	"passbook/cmd/internal/serve"
	"passbook/shared/console/reference"
	"passbook/shared/journal"
	"passbook/shared/platform"
	"passbook/shared/web"
)

// Program is the service as a program.
var Program = serve.Program{
	Name: archiver.Name, About: "The stream, persisted as Parquet segments.", Listen: "127.0.0.1:8085",
	Resources: platform.Resources{Tables: journal.Schemas, Streams: []string{deployment.EventStream}, Archive: true},
	Open:      open,
}

// flags are those of the command line.
type flags struct {
	serve.ServiceFlags
	serve.ArchiveFlags
}

// Main runs the program. It does not return.
func Main(version string) { serve.Main[flags](Program, version) }

// open puts the service together.
func open(ctx context.Context, p *serve.Process) error {
	// the archive is this bank's, and agrees with the tables
	if err := p.Stores().Begin(ctx); err != nil {
		return err
	}
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
	_, _, archived, err := archiveside.Open(p, keeper, runtime)
	if err != nil {
		return err
	}
	reported := readside.Consumers{Names: []string{archiver.Name}, History: history}
	p.Serve(serve.API{
		Reference: reference.Routes,
		Routes:    slices.Concat(reported.Status(p), readside.Reads(p, history), readside.ArchiveReads(p, keeper)),
		Checks:    []web.Check{readable, healthy, archived},
	})
	return nil
}
