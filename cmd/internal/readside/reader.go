package readside

import (
	"context"
	"os"
	"strconv"

	"github.com/google/uuid"

	"passbook/cmd/internal/serve"
	"passbook/shared/consumer"
	"passbook/shared/journal"
	"passbook/shared/origin"
	"passbook/shared/web"
)

// History makes the reader of the journal of a process that does not write to it, and the check
// that /readyz makes of it.
func History(p *serve.Process) (*journal.Reader, web.Check) {
	history := journal.NewReader(p.Engine.Table)
	history.Report(p.Registry, p.Log)
	return history, web.Check{Name: "journal", Ready: func(ctx context.Context) error { return serve.Readable(ctx, history) }}
}

// Open makes what all consumers of a process share, and the check that /readyz makes of them. The
// keeper checks where their records are from.
func Open(p *serve.Process, keeper *origin.Keeper) (consumer.Runtime, web.Check) {
	health := consumer.NewHealth()
	return consumer.Runtime{
		Stream: p.Stream(), Owner: owner(p), Lease: p.Config.Lease, Exclusive: p.Engine.Exclusive,
		Table: p.Engine.Table, Streams: p.Engine.Streams, Origin: keeper, Health: health,
		Decoder: consumer.NewDecoder(int(p.Memory.Entries)), Tracer: p.Tracer, Metrics: consumer.NewMetrics(p.Registry), Log: p.Log,
	}, web.Check{Name: "consumers", Advisory: true, Ready: func(context.Context) error { return health.Ready() }}
}

// owner returns the name of this start of the process among the holders of leases.
func owner(p *serve.Process) string {
	instance := p.Config.Instance
	if instance == "" {
		instance = p.Name + "-" + strconv.Itoa(os.Getpid())
		if host, err := os.Hostname(); err == nil {
			instance = host + "-" + strconv.Itoa(os.Getpid())
		}
	}
	return instance + "/" + uuid.NewString()
}
