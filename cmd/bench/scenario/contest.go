package scenario

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"passbook/cmd/bench/driver"
)

// warmUp is how long each contender is driven before the first round.
const warmUp = 2 * time.Second

// Round is what one contender did in one round.
type Round struct {
	PerSecond float64 `json:"per_second"`
	Done      int64   `json:"done"`
	Refused   int64   `json:"refused"`
	Latency   Latency `json:"latency_ms"`
	// ServerCPU and DriverCPU are the microseconds of processor time of what was done, until the
	// contender had caught up.
	ServerCPU float64 `json:"server_cpu_us"`
	DriverCPU float64 `json:"driver_cpu_us"`
	// Rows and Archive are the seconds after the end until everything could be read and had reached
	// the archiver.
	Rows     float64 `json:"rows_caught_up_s"`
	Archive  float64 `json:"archive_caught_up_s"`
	Resident int64   `json:"resident_bytes"`
	Peak     int64   `json:"peak_bytes"`
	Disk     int64   `json:"disk_bytes"`
	// Visible is how long after a command's answer its balance could be read.
	Visible Latency `json:"visible_ms"`
}

// Latency is a distribution in milliseconds.
type Latency struct {
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
	Max  float64 `json:"max"`
}

// latency returns the distribution of an outcome.
func latency(o driver.Outcome) Latency {
	if o.Latency == nil {
		return Latency{}
	}
	return Latency{P50: o.Quantile(50), P90: o.Quantile(90), P99: o.Quantile(99), P999: o.Quantile(99.9), Max: o.Quantile(100)}
}

// Result is what a contender did in all rounds.
type Result struct {
	Name   string  `json:"name"`
	Rounds []Round `json:"rounds"`
}

// contest measures contenders in turns.
type contest struct {
	load       *Load
	contenders []Contender
	loop       driver.Loop
	rounds     int
	warm       time.Duration
	profiles   string
	progress   io.Writer
}

// run opens the accounts, warms every contender up and plays the rounds, each in another order.
func (c *contest) run(ctx context.Context) ([]Result, error) {
	results := make([]Result, len(c.contenders))
	for i, contender := range c.contenders {
		results[i].Name = contender.Name()
		began := time.Now()
		if err := contender.Open(ctx, c.load.Accounts); err != nil {
			return nil, fmt.Errorf("%s: %w", contender.Name(), err)
		}
		fmt.Fprintf(c.progress, "bench: %s opened %d accounts in %.1f s\n", contender.Name(), c.load.Accounts, time.Since(began).Seconds())
		c.load.run = c.load.name + "-w-"
		if err := c.warmUp(ctx, contender); err != nil {
			return nil, fmt.Errorf("%s: warm up: %w", contender.Name(), err)
		}
		c.load.refused.print(c.progress, contender.Name()+", warming up")
	}
	for n := range c.rounds {
		for k := range c.contenders {
			i := (k + n) % len(c.contenders)
			round, err := c.round(ctx, c.contenders[i], n)
			if err != nil {
				return nil, fmt.Errorf("%s: round %d: %w", c.contenders[i].Name(), n+1, err)
			}
			results[i].Rounds = append(results[i].Rounds, round)
			fmt.Fprintf(c.progress, "bench: round %d of %d: %s %s/s, p99 %.1f ms, %.1f µs of CPU each\n",
				n+1, c.rounds, c.contenders[i].Name(), whole(round.PerSecond), round.Latency.P99, round.ServerCPU)
			c.load.refused.print(c.progress, fmt.Sprintf("round %d: %s", n+1, c.contenders[i].Name()))
		}
	}
	return results, nil
}

// warmUp drives a contender for a while, once its accounts can be read, and until it has caught up.
func (c *contest) warmUp(ctx context.Context, contender Contender) error {
	if _, _, err := contender.CaughtUp(ctx, c.load); err != nil {
		return err
	}
	warm := driver.Loop{Conns: c.loop.Conns, For: c.warm}
	if _, err := warm.Run(ctx, contender.Address(), "", func(conn int) driver.Step { return c.load.steps(c.load, conn) }); err != nil {
		return err
	}
	_, _, err := contender.CaughtUp(ctx, c.load)
	return err
}

// round measures one contender once.
func (c *contest) round(ctx context.Context, contender Contender, n int) (Round, error) {
	c.load.run = c.load.name + "-" + strconv.Itoa(n) + "-"
	profiled := c.profiled(ctx, contender, n)
	server, own := contender.CPU(), driver.CPUOf(os.Getpid())
	got, seen, err := c.drive(ctx, contender.Address())
	ended := time.Now()
	own = driver.CPUOf(os.Getpid()) - own
	if err = errors.Join(err, <-profiled); err != nil {
		return Round{}, err
	}
	if got.Done == 0 {
		return Round{}, errors.New("nothing was done")
	}
	rows, archive := ended, ended
	if !c.load.silent {
		if rows, archive, err = contender.CaughtUp(ctx, c.load); err != nil {
			return Round{}, err
		}
	}
	server = contender.CPU() - server
	got.Done += seen.Done
	r := Round{
		PerSecond: got.PerSecond(), Done: got.Done, Visible: latency(seen), Refused: got.Refused, Latency: latency(got),
		ServerCPU: micros(server, got.Done), DriverCPU: micros(own, got.Done),
		Rows: rows.Sub(ended).Seconds(), Archive: archive.Sub(ended).Seconds(), Disk: contender.Disk(),
	}
	r.Resident, r.Peak = contender.Memory()
	return r, nil
}

// drive runs the load and, beside one that writes, the probes of when a command can be read.
func (c *contest) drive(ctx context.Context, address string) (got, seen driver.Outcome, err error) {
	probing, stop := context.WithCancel(ctx)
	defer stop()
	probed := make(chan error, 1)
	go func() {
		var err error
		if !c.load.silent {
			seen, err = c.load.visible(probing, address)
		}
		probed <- err
	}()
	got, err = c.loop.Run(ctx, address, "", func(conn int) driver.Step { return c.load.steps(c.load, conn) })
	stop()
	return got, seen, errors.Join(err, <-probed)
}

// micros returns a share of a time in microseconds.
func micros(d time.Duration, of int64) float64 {
	return float64(d) / float64(time.Microsecond) / float64(of)
}

// profiled takes a CPU profile during the round, if one is wanted.
func (c *contest) profiled(ctx context.Context, contender Contender, n int) <-chan error {
	done := make(chan error, 1)
	if c.profiles == "" {
		done <- nil
		return done
	}
	go func() {
		file := filepath.Join(c.profiles, fmt.Sprintf("%s-%d.pprof", contender.Name(), n+1))
		done <- contender.Profile(ctx, file, c.loop.For)
	}()
	return done
}

// spread returns the median of what the rounds say of one thing, the least and the most.
func (r Result) spread(of func(Round) float64) (median, least, most float64) {
	values := make([]float64, 0, len(r.Rounds))
	for _, round := range r.Rounds {
		values = append(values, of(round))
	}
	return middle(values), slices.Min(values), slices.Max(values)
}
