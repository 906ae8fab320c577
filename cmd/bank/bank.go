package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"

	"github.com/prometheus/client_golang/prometheus"

	"passbook/archiver"
	"passbook/balance"
	"passbook/cmd/internal/console"
	"passbook/cmd/internal/jobs"
	"passbook/credit"
	"passbook/creditlimit"
	"passbook/shared/consumer"
	"passbook/shared/journal"
	"passbook/shared/platform"
	"passbook/shared/publisher"
	"passbook/shared/telemetry"
	"passbook/shared/web"
	"passbook/shared/web/ops"
	"passbook/withdraw"
)

// bank is everything in one process.
type bank struct {
	config   platform.Config
	log      *slog.Logger
	registry *prometheus.Registry
	engine   *platform.Engine

	journal   *journal.Journal
	publisher *publisher.Publisher
	drainer   *publisher.Drainer
	withdraw  *withdraw.Service
	credit    *credit.Service
	sweeper   *withdraw.Sweeper

	balances         *balance.Store
	balanceProjector *balance.Projector
	limits           *creditlimit.Store
	limitProjector   *creditlimit.Projector
	archiver         *archiver.Archiver
	archiveWorker    *consumer.Worker

	jobs          *ops.Registry
	web           *web.Server
	api, opsInner net.Listener
}

// openBank opens the stores and puts everything together; nothing runs yet but the journal's heartbeat. It listens, so that the
// addresses are known. What it returns MUST be run.
func openBank(ctx context.Context, config platform.Config, logs io.Writer) (b *bank, err error) {
	log, err := telemetry.NewLogger(logs, telemetry.LogOptions{Level: config.LogLevel, Format: config.LogFormat})
	if err != nil {
		return nil, fmt.Errorf("%w: --log-level or --log-format (PASSBOOK_LOG_LEVEL, PASSBOOK_LOG_FORMAT): %w", platform.ErrConfig, err)
	}
	b = &bank{config: config, log: log, registry: telemetry.NewRegistry(version), jobs: ops.New()}
	var undo []func() error
	defer func() {
		for i := len(undo) - 1; err != nil && i >= 0; i-- {
			err = errors.Join(err, undo[i]())
		}
	}()
	if b.engine, err = platform.Open(config, jobs.Resources(), log); err != nil {
		return nil, err
	}
	undo = append(undo, b.engine.Close)
	if err := b.engine.CreateResources(ctx); err != nil {
		return nil, err
	}
	if b.api, err = new(net.ListenConfig).Listen(ctx, "tcp", config.Listen); err != nil {
		return nil, console.Fail(console.ExitFailed, fmt.Errorf("--listen (PASSBOOK_LISTEN): %w", err), "name another address; port 0 takes a free one")
	}
	undo = append(undo, b.api.Close)
	if b.opsInner, err = new(net.ListenConfig).Listen(ctx, "tcp", config.OpsListen); err != nil {
		return nil, fmt.Errorf("--ops-listen (PASSBOOK_OPS_LISTEN): %w", err)
	}
	undo = append(undo, b.opsInner.Close)
	if err := b.openWriters(ctx); err != nil {
		return nil, err
	}
	if err := b.openReaders(); err != nil {
		return nil, err
	}
	b.openEdge()
	return b, nil
}

// openEdge makes the HTTP API: all commands, all queries.
func (b *bank) openEdge() {
	b.web = web.New(web.Config{Service: "bank", Version: version, Logger: b.log, Registry: b.registry, Checks: []web.Check{b.journalReady()}})
	b.web.Commands(append(b.credit.Operations(), b.withdraw.Operations()...)...)
	b.web.Mount(balance.NewAPI(b.balances, b.journal.Reader).Routes()...)
	b.web.Mount(creditlimit.NewAPI(b.limits, b.journal.Reader).Routes()...)
	b.web.Mount(web.Consumers{
		Table: b.engine.Table, Journal: b.journal.Reader, Stream: b.config.Stream(jobs.EventStream),
		Models: jobs.Models, Names: []string{archiver.Name},
	}.Route())
	for name, do := range b.workplace().Funcs() {
		b.jobs.Register(name, do)
	}
}

// workplace is the running bank as jobs see it.
func (b *bank) workplace() jobs.Bank {
	return jobs.Bank{
		Config: b.config, Table: b.engine.Table, Streams: b.engine.Streams, Bucket: b.engine.Bucket, CreateStream: b.engine.CreateStream,
		Journal: b.journal.Reader, Balance: b.balanceProjector, CreditLimit: b.limitProjector, Flush: b.archiver.Flush,
	}
}
