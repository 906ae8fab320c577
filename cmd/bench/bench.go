package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"passbook/cmd/bench/driver"
	"passbook/cmd/bench/scenario"
	"passbook/cmd/internal/cli"
	"passbook/shared/platform"
)

// bounds of the load, so that a typing error does not fill the disk.
const (
	maxDuration    = 10 * time.Minute
	maxConnections = 1024
	maxAccounts    = 1_000_000
	warmUp         = 2 * time.Second
	// maxOtherWork is the load average above which other processes distort the figures.
	maxOtherWork = 0.5
)

// grammar is the command line.
type grammar struct {
	Targets   targets            `cmd:"" default:"withargs" help:"Measure everything beside its target; the default."`
	Spread    scenario.Spread    `cmd:"" help:"Credits and withdrawals over many accounts."`
	Hot       scenario.Hot       `cmd:"" help:"Credits and withdrawals on one account."`
	Mixed     scenario.Mixed     `cmd:"" help:"70 % holds and captures, 20 % credits, 10 % balances."`
	Bulk      scenario.Bulk      `cmd:"" help:"Credits and withdrawals, many a request."`
	Transfers scenario.Transfers `cmd:"" help:"Transfers between accounts."`
	Reads     scenario.Reads     `cmd:"" help:"Balances."`
	Open      scenario.Open      `cmd:"" help:"Opening many accounts, and a start with them."`
	Long      scenario.Long      `cmd:"" help:"An account with a long history, after a start."`
	Curves    scenario.Curves    `cmd:"" help:"How cost grows with accounts, history and shards, drawn."`
	Peers     scenario.Peers     `cmd:"" help:"A bank beside a Go service on PostgreSQL."`
	Archive   archiveCommand     `cmd:"" help:"Make a bank with a large archive, to run jobs on."`
	Jobs      jobsCommand        `cmd:"" help:"Every job on archives of 10 million events and of a tenth, beside DuckDB."`
	Floor     scenario.Floor     `cmd:"" help:"Serve the service that peers compares with."`
}

// targets is the benchmark with targets.
type targets struct {
	Bank        string        `default:"./bin/bank" placeholder:"FILE" help:"The bank to start."`
	Runs        int           `default:"3" help:"Runs, of which the median counts."`
	Duration    time.Duration `default:"10s" help:"Length of each load."`
	Connections int           `default:"64" help:"Connections of the load."`
	Accounts    int           `default:"10000" help:"Accounts of the spread load."`
	Only        string        `default:"" enum:",http,micro,overload,keys,reads" help:"Only http, micro, overload, keys or reads."`
	Profile     string        `placeholder:"DIR" help:"Write CPU profiles of the bank there."`
}

// Help returns the example.
func (targets) Help() string { return "Example:\n\n  bench --bank ./bin/bank --runs 1 --duration 3s" }

// Run measures and reports. It fails with ExitDifference when a target is missed.
func (g *targets) Run(ctx context.Context, t *cli.Terminal) error {
	if g.Runs < 1 || g.Duration <= 0 || g.Duration > maxDuration || g.Connections < 1 || g.Connections > maxConnections || g.Accounts < 1 || g.Accounts > maxAccounts {
		return cli.Usage("--runs from 1, --duration to %v, --connections to %d, --accounts to %d", maxDuration, maxConnections, maxAccounts)
	}
	fmt.Fprintf(t.Out, "%d cores, %s, %s/%s; %d runs of %v at %d connections, driver and bank on the same cores, fsync on, access log off\n",
		runtime.NumCPU(), runtime.Version(), runtime.GOOS, runtime.GOARCH, g.Runs, g.Duration, g.Connections)
	if busy := driver.OtherWork(); busy > maxOtherWork {
		fmt.Fprintf(t.Err, "bench: the load average is %.1f: other processes on this machine make these figures worse\n", busy)
	}
	r := newReport()
	var records [][]byte
	if g.does("micro") {
		h, err := newHistory(historyAccounts)
		if err == nil {
			records, err = h.next(historyEvents)
		}
		if err != nil {
			return err
		}
	}
	for i := range g.Runs {
		if g.does("http") {
			fmt.Fprintf(t.Err, "bench: run %d of %d over HTTP\n", i+1, g.Runs)
			if err := g.withBank(ctx, platform.AuthDev, func(s *driver.Bank) error { return g.measure(ctx, s, r, i) }); err != nil {
				return err
			}
		}
		if g.does("overload") {
			fmt.Fprintf(t.Err, "bench: run %d of %d under overload\n", i+1, g.Runs)
			if err := g.withBank(ctx, platform.AuthDev, func(s *driver.Bank) error { return g.overload(ctx, s, r) }); err != nil {
				return err
			}
		}
		if g.does("keys") {
			fmt.Fprintf(t.Err, "bench: run %d of %d under wrong keys\n", i+1, g.Runs)
			if err := g.withBank(ctx, platform.AuthKeys, func(s *driver.Bank) error { return g.wrongKeys(ctx, s, r) }); err != nil {
				return err
			}
		}
		if g.does("reads") {
			fmt.Fprintf(t.Err, "bench: run %d of %d of pages and reads\n", i+1, g.Runs)
			if err := g.reads(ctx, r); err != nil {
				return err
			}
		}
		if g.does("micro") {
			fmt.Fprintf(t.Err, "bench: run %d of %d in process\n", i+1, g.Runs)
			if err := g.micro(ctx, r, records); err != nil {
				return err
			}
		}
	}
	if err := r.print(t.Out); err != nil {
		return err
	}
	if n := r.missed(); n > 0 {
		return cli.Fail(cli.ExitDifference, fmt.Errorf("%d targets missed", n), "--profile DIR writes CPU profiles")
	}
	return nil
}

// does reports whether a part of the benchmark is wanted.
func (g *targets) does(part string) bool { return g.Only == "" || g.Only == part }

// withBank runs a measurement against a new bank.
func (g *targets) withBank(ctx context.Context, auth string, run func(*driver.Bank) error) (err error) {
	data, err := os.MkdirTemp("", "passbook-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(data)) }()
	s, err := driver.Start(ctx, g.Bank, data, auth)
	if err != nil {
		return err
	}
	return errors.Join(run(s), s.Stop())
}

// spread makes a load over all accounts, opens them and warms the bank up.
func (g *targets) spread(ctx context.Context, s *driver.Bank) (*load, error) {
	accounts := make([]string, g.Accounts)
	for i := range accounts {
		accounts[i] = fmt.Sprintf("B-%06d", i)
	}
	l := newLoad(s, "s", accounts)
	if err := l.open(ctx, g.Connections); err != nil {
		return nil, err
	}
	_, err := l.closedLoop(ctx, g.Connections, warmUp)
	return l, err
}

// measure drives a running bank: spread, on one account, and at half of the peak.
func (g *targets) measure(ctx context.Context, s *driver.Bank, r *report, run int) error {
	hot := newLoad(s, "h", []string{"HOT-1"})
	if err := hot.open(ctx, 1); err != nil {
		return err
	}
	spread, err := g.spread(ctx, s)
	if err != nil {
		return err
	}
	peak, err := g.peak(ctx, s, r, spread, fmt.Sprintf("spread over %d accounts", g.Accounts), 10_000, run)
	if err != nil {
		return err
	}
	if _, err := g.peak(ctx, s, r, hot, "on one account", 15_000, run); err != nil {
		return err
	}
	return g.half(ctx, s, r, spread, peak, run)
}

// peak runs a closed loop, and measures the time that the consumers take to catch up with it.
func (g *targets) peak(ctx context.Context, s *driver.Bank, r *report, l *load, where string, target float64, run int) (float64, error) {
	profiled := g.profiled(ctx, s, fmt.Sprintf("peak-%s-%d", l.run, run))
	before := s.CPU()
	got, err := l.closedLoop(ctx, g.Connections, g.Duration)
	if err != nil {
		return 0, err
	}
	busy := s.CPU() - before
	r.add(measure{what: "commands/s " + where, target: target}, got.PerSecond())
	r.add(measure{what: "  p50", unit: " ms", untargeted: true, group: where}, got.Quantile(50))
	r.add(measure{what: "  p99", unit: " ms", untargeted: true, group: where}, got.Quantile(99))
	r.add(measure{what: "  cores used by the bank", untargeted: true, group: where}, busy.Seconds()/got.Took.Seconds())
	r.add(measure{what: "  refused", untargeted: true, group: where}, float64(got.Refused))
	began := time.Now()
	if err := l.caughtUp(ctx); err != nil {
		return 0, err
	}
	r.add(measure{what: "  consumers caught up after", unit: " s", untargeted: true, group: where}, time.Since(began).Seconds())
	return got.PerSecond(), <-profiled
}

// half runs an open loop at half of the peak, and probes how soon a balance shows a command.
func (g *targets) half(ctx context.Context, s *driver.Bank, r *report, l *load, peak float64, run int) error {
	profiled := g.profiled(ctx, s, fmt.Sprintf("half-%d", run))
	got, visible, err := l.visibility(ctx, g.Connections, g.Duration, peak/2)
	if err != nil {
		return err
	}
	r.add(measure{what: "commands/s at half of the peak", untargeted: true}, got.PerSecond())
	r.add(measure{what: "p99 at half of the peak", unit: " ms", target: 8, atMost: true}, got.Quantile(99))
	r.add(measure{what: "  p50", unit: " ms", untargeted: true, group: "half"}, got.Quantile(50))
	r.add(measure{what: "201 to visible balance, p99", unit: " ms", target: 15, atMost: true}, visible.Quantile(99))
	r.add(measure{what: "  p50", unit: " ms", untargeted: true, group: "visible"}, visible.Quantile(50))
	return <-profiled
}

// profiled takes a profile during the load, if one is wanted.
func (g *targets) profiled(ctx context.Context, s *driver.Bank, name string) <-chan error {
	done := make(chan error, 1)
	if g.Profile == "" {
		done <- nil
		return done
	}
	go func() { done <- s.Profile(ctx, filepath.Join(g.Profile, name+".pprof"), g.Duration) }()
	return done
}
