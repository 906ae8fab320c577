package compact

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"passbook/cmd/internal/cli"
	"passbook/cmd/internal/serve"
	"passbook/shared/eventtable"
	"passbook/shared/eventtable/iceberg"
	"passbook/shared/platform"
	"passbook/shared/telemetry"
)

// stay adds what is new again and again until ctx ends.
func (w work) stay(ctx context.Context, every time.Duration, config platform.Config, t *cli.Terminal) error {
	log, err := telemetry.NewLogger(t.Err, telemetry.LogOptions{Level: config.LogLevel, Format: config.LogFormat})
	if err != nil {
		return fmt.Errorf("%w: PASSBOOK_LOG_LEVEL or PASSBOOK_LOG_FORMAT: %w", platform.ErrConfig, err)
	}
	rounds := eventtable.NewRounds(eventtable.RoundsConfig{
		Every: every, Now: time.Now, Log: log,
		Open: func(ctx context.Context) (eventtable.Versioned, error) { return w.table(ctx) },
		Run: func(ctx context.Context, to eventtable.Versioned, ending <-chan struct{}) (eventtable.Result, error) {
			d, err := w.add(ctx, to.(*iceberg.Table), nil, ending)
			report(log, d, to)
			return d.Result, err
		},
	})
	registry := telemetry.NewRegistry(t.Version)
	measure(registry, rounds.State)
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	served := make(chan error, 1)
	if config.MetricsListen != platform.MetricsOff {
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", config.MetricsListen)
		if err != nil {
			return cli.Fail(cli.ExitFailed, fmt.Errorf("--metrics-listen (PASSBOOK_METRICS_LISTEN): %w", err), "name another address, port 0 for a free one, or off")
		}
		fmt.Fprintf(t.Out, "compact %s adds what is new to %s every %v\n  metrics   http://%s/metrics\n", t.Version, w.root, every, listener.Addr())
		go func() {
			served <- serve.ServeMetrics(serving, listener, registry, func() error { return ready(rounds.State()) }, log)
		}()
	}
	working, end := context.WithCancel(ctx)
	defer end()
	ended := make(chan struct{})
	go func() {
		rounds.Run(working)
		close(ended)
	}()
	select {
	case err = <-served: // a process that cannot be watched is to be started again
		end()
		<-ended
	case <-ended:
	}
	return err
}

// report logs what a run did.
func report(log *slog.Logger, r did, to eventtable.Versioned) {
	if r.Snapshots > 0 {
		log.Info("events were added", "events", r.Events, "segments", r.Segments, "files", r.Result.Files, "table", to.Location())
	}
	if r.Merged.Files > 0 {
		log.Info("files were merged", "files", r.Merged.Files, "into", r.Into, "table", to.Location())
	}
	if r.Removed > 0 {
		log.Info("objects of old snapshots were removed", "objects", r.Removed)
	}
	for _, gap := range r.Gaps {
		log.Warn("the archive lacks a part", "gap", gap)
	}
	for what, list := range map[string][]eventtable.Fault{"entries wait": r.Waiting, "forks were left out": r.Forks, "foreign entries were left out": r.Foreign} {
		if len(list) > 0 { // compact without --every names all
			log.Warn(what, "accounts", len(list), "first", list[0].String())
		}
	}
}

// ready returns why the table is not kept up to date, or nil.
func ready(s eventtable.RoundsState) error { return s.Fault }

// measure registers the metrics.
func measure(registry *prometheus.Registry, state func() eventtable.RoundsState) {
	gauge := func(name, help string, read func(eventtable.RoundsState) float64) {
		telemetry.Gauge(registry, name, help, func() float64 { return read(state()) })
	}
	gauge("table_works", "1 for the process that adds events to the table; 0 while it waits for another one.", func(s eventtable.RoundsState) float64 {
		if s.Works {
			return 1
		}
		return 0
	})
	gauge("table_rows", "Rows of the events table.", func(s eventtable.RoundsState) float64 { return float64(s.Rows) })
	gauge("table_waiting_accounts", "Accounts with entries that do not follow what the table has.", func(s eventtable.RoundsState) float64 { return float64(len(s.Last.Waiting)) })
	gauge("table_gaps", "Parts that the archive lacks.", func(s eventtable.RoundsState) float64 { return float64(len(s.Last.Gaps)) })
	gauge("table_last_success_seconds", "When this process last read all that the archive had, in seconds since 1970; 0 for never.", func(s eventtable.RoundsState) float64 {
		if s.Ended.IsZero() {
			return 0
		}
		return float64(s.Ended.UnixMilli()) / 1000
	})
	gauge("table_lag_seconds", "For how long the archive may have had events that the table has not; 0 before the first run.", func(s eventtable.RoundsState) float64 {
		if s.Begun.IsZero() {
			return 0
		}
		return time.Since(s.Begun).Seconds()
	})
}
