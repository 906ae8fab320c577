package serve

import (
	"context"
	"os"
	"strconv"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"passbook/archiver"
	"passbook/balance"
	"passbook/cmd/internal/jobs"
	"passbook/creditlimit"
	"passbook/shared/consumer"
	"passbook/shared/journal"
	"passbook/shared/readmodel"
	"passbook/shared/telemetry"
	"passbook/shared/web"
)

// readers fits what all consumers of a process share: the way to the stream, under one name among
// the holders of leases.
func readers(_ context.Context, p *Process) error {
	if p.history == nil {
		p.history = journal.NewReader(p.engine.Table)
		p.history.Report(prometheus.WrapRegistererWithPrefix("passbook_", p.registry), p.log)
		p.checks = append(p.checks, web.Check{Name: "journal", Ready: p.historyReady})
	}
	p.health = consumer.NewHealth()
	p.checks = append(p.checks, web.Check{
		Name: "consumers", Advisory: true, Ready: func(context.Context) error { return p.health.Ready() },
	})
	p.runtime = consumer.Runtime{
		Stream: p.config.Stream(jobs.EventStream), Owner: p.owner(), Lease: p.config.Lease, Exclusive: p.engine.Exclusive,
		Table: p.engine.Table, Streams: p.engine.Streams, Health: p.health,
		Decoder: consumer.NewDecoder(), Metrics: consumer.NewMetrics(p.registry), Log: p.log,
	}
	p.projected = readmodel.NewMetrics(p.registry)
	return nil
}

// balances fits the read model of balances, in all its generations, and its queries.
func balances(_ context.Context, p *Process) error {
	store := balance.NewStore(p.engine.Table)
	p.balances = balance.NewProjector(balance.Config{
		Runtime: p.runtime, RowBytes: int64(p.memory.Rows), Metrics: p.projected, Journal: p.history, Store: store,
	})
	p.working = append(p.working, part{balance.Table, p.balances.Run})
	p.routes = append(p.routes, balance.NewAPI(store, p.history).Routes()...)
	p.consumers.Models = append(p.consumers.Models, balance.Table)
	return nil
}

// limits fits the read model of lines of credit, and its queries.
func limits(_ context.Context, p *Process) error {
	store := creditlimit.NewStore(p.engine.Table)
	p.limits = creditlimit.NewProjector(creditlimit.Config{
		Runtime: p.runtime, RowBytes: int64(p.memory.Rows), Metrics: p.projected, Journal: p.history, Store: store,
		Notifications: p.config.Stream(jobs.NotificationStream),
	})
	p.working = append(p.working, part{creditlimit.Table, p.limits.Run})
	p.routes = append(p.routes, creditlimit.NewAPI(store, p.history).Routes()...)
	p.consumers.Models = append(p.consumers.Models, creditlimit.Table)
	return nil
}

// segments fits the archiver.
func segments(_ context.Context, p *Process) (err error) {
	p.archiver, err = archiver.New(archiver.Config{
		Bucket: p.engine.Bucket, SegmentBytes: int64(p.memory.Segment), SegmentAge: p.config.SegmentAge, Log: p.log,
	})
	if err != nil {
		return err
	}
	worker := consumer.Config{Runtime: p.runtime, Name: archiver.Name, Open: p.archiver.Open}
	p.working = append(p.working, part{archiver.Name, consumer.New(worker).Run})
	p.consumers.Names = append(p.consumers.Names, archiver.Name)
	p.checks = append(p.checks, web.Check{Name: "archive", Advisory: true, Ready: func(context.Context) error { return p.archiver.Ready() }})
	p.measureArchiver()
	return nil
}

// measureArchiver adds what the archiver counts to the metrics.
func (p *Process) measureArchiver() {
	for _, c := range []struct {
		name, help string
		count      func(archiver.Stats) int64
	}{
		{"archive_segments_total", "Segments sealed and uploaded.", func(s archiver.Stats) int64 { return s.Segments }},
		{"archive_rows_total", "Rows in the segments, one an event.", func(s archiver.Stats) int64 { return s.Rows }},
		{"archive_bytes_total", "Bytes of the segments.", func(s archiver.Stats) int64 { return s.Bytes }},
		{"archive_skipped_total", "Records that hold no entry, and were passed over.", func(s archiver.Stats) int64 { return s.Skipped }},
	} {
		telemetry.Counter(p.registry, c.name, c.help, func() float64 { return float64(c.count(p.archiver.Stats())) })
	}
	telemetry.Counter(p.registry, "archive_losses_total", "Shards whose newest segments were found lost or damaged.", func() float64 {
		return float64(p.archiver.Stats().Losses)
	})
	telemetry.Gauge(p.registry, "archive_suspended_shards", "Shards that are not archived until a person has looked.", func() float64 {
		return float64(p.archiver.Stats().Suspended)
	})
}

// owner is the name of this start of the process among the holders of leases.
func (p *Process) owner() string {
	instance := p.config.Instance
	if instance == "" {
		instance = p.service.Name + "-" + strconv.Itoa(os.Getpid())
		if host, err := os.Hostname(); err == nil {
			instance = host + "-" + strconv.Itoa(os.Getpid())
		}
	}
	return instance + "/" + uuid.NewString()
}
