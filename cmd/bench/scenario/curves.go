package scenario

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"passbook/cmd/bench/curve"
	"passbook/cmd/bench/driver"
	"passbook/cmd/internal/cli"
)

// Curves measures how cost grows with accounts, history and shards, and draws it.
type Curves struct {
	Bank     string  `default:"./bin/bank" placeholder:"FILE" help:"The bank to start."`
	Flags    string  `name:"bank-flags" placeholder:"TEXT" help:"Further flags of bank serve, such as '--memory 768MiB'."`
	Out      string  `default:"docs/curves" placeholder:"DIR" help:"Where the drawings, a page of them and curves.json with the points are written."`
	Seconds  float64 `default:"10" help:"Length of each load."`
	Accounts int     `name:"max-accounts" default:"1000000" help:"The most accounts."`
	Events   int     `name:"max-events" default:"1000000" help:"The longest history of an account."`
	Shards   int     `name:"max-shards" default:"8" help:"The most shards."`
	Burst    int     `default:"200000" help:"Commands of the burst that the consumers catch up with."`
}

// maxShards bounds the shards of a drawing.
const maxShards = 64

// Help returns what is drawn, and the example.
func (Curves) Help() string {
	return "It draws commands a second and processor time over accounts, an account's first command after a start and its reads over its history, commands a second over shards, and the time to catch up with a burst of bulk over shards.\n\nExample:\n\n  bench curves --bank ./bin/bank --out curves --max-accounts 10000 --max-events 10000"
}

// Run measures and draws.
func (x *Curves) Run(ctx context.Context, t *cli.Terminal) error {
	o := Options{Bank: x.Bank, Flags: x.Flags, Seconds: x.Seconds, Rounds: 1}
	if err := o.check(x.Accounts, 1); err != nil {
		return err
	}
	if x.Events < 10 || x.Events > maxEvents || x.Shards < 1 || x.Shards > maxShards || x.Burst < 1 {
		return cli.Usage("--max-events is from 10 to %d, --max-shards from 1 to %d, --burst from 1", maxEvents, maxShards)
	}
	warnOfOtherWork(t, "the shapes")
	load := driver.OtherWork()
	var all []curve.Curve
	for _, measure := range []func(context.Context, *cli.Terminal) ([]curve.Curve, error){x.overAccounts, x.overHistory, x.overShards} {
		curves, err := measure(ctx, t)
		if err != nil {
			return err
		}
		all = append(all, curves...)
	}
	return x.draw(t, all, load)
}

// draw writes the drawings, their points and the page of both.
func (x *Curves) draw(t *cli.Terminal, all []curve.Curve, load float64) error {
	if err := os.MkdirAll(x.Out, 0o755); err != nil {
		return err
	}
	for _, c := range all {
		svg, err := c.SVG()
		if err != nil {
			return err
		}
		file := filepath.Join(x.Out, c.Name+".svg")
		if err := os.WriteFile(file, svg, 0o644); err != nil {
			return err
		}
		fmt.Fprintln(t.Out, file)
	}
	var points bytes.Buffer
	if err := writeJSON(&points, all); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(x.Out, "curves.json"), points.Bytes(), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(x.Out, "README.md"), x.page(all, load), 0o644)
}

// page returns the page that has all drawings, and what they were measured on.
func (x *Curves) page(all []curve.Curve, load float64) []byte {
	var page bytes.Buffer
	page.WriteString("# How cost grows\n\n")
	fmt.Fprintf(&page, "`bench curves` measured and drew this: %d cores for driver and bank, %s on %s/%s, fsync on, %v s a load.\n", runtime.NumCPU(), runtime.Version(), runtime.GOOS, runtime.GOARCH, x.Seconds)
	fmt.Fprintf(&page, "Other processes made a load average of %.1f at the beginning%s. `curves.json` has the points.\n", load, verdict(load))
	for _, c := range all {
		fmt.Fprintf(&page, "\n![%s](%s.svg)\n", c.Title, c.Name)
	}
	return page.Bytes()
}

// verdict returns what a load average says of the drawings.
func verdict(load float64) string {
	if load > maxOtherWork {
		return ", so the shapes count, and not their height"
	}
	return ""
}

// powers returns the numbers from first to last, each so many times the one before.
func powers(first, last, times int) (all []int) {
	for n := first; n <= last; n *= times {
		all = append(all, n)
	}
	return all
}

// once drives a new bank with a load and returns its one round.
func (x *Curves) once(ctx context.Context, t *cli.Terminal, l *Load, connections int, flags string) (Round, error) {
	o := Options{Bank: x.Bank, Flags: x.Flags + " " + flags}
	contenders, err := o.contenders(ctx)
	if err != nil {
		return Round{}, errors.Join(err, stop(contenders))
	}
	loop := driver.Loop{Conns: connections, For: time.Duration(x.Seconds * float64(time.Second))}
	c := &contest{load: l, contenders: contenders, loop: loop, rounds: 1, warm: warmUp, progress: t.Err}
	results, err := c.run(ctx)
	if err = errors.Join(err, stop(contenders)); err != nil {
		return Round{}, err
	}
	return results[0].Rounds[0], nil
}

// spreadConnections is how many connections the loads of the curves have.
const spreadConnections = 64

// overAccounts measures the spread load over more and more accounts.
func (x *Curves) overAccounts(ctx context.Context, t *cli.Terminal) ([]curve.Curve, error) {
	rate := curve.Curve{Name: "accounts", Title: "Commands a second, spread over accounts", X: "accounts", Lines: []curve.Line{{Name: "commands/s"}}}
	cost := curve.Curve{Name: "accounts-cpu", Title: "Processor time of a command, µs", X: "accounts", Lines: []curve.Line{{Name: "bank"}, {Name: "driver"}}}
	memory := curve.Curve{Name: "accounts-memory", Title: "Memory of the bank after the load, MiB", X: "accounts", Lines: []curve.Line{{Name: "MiB"}}}
	for _, n := range powers(min(1000, x.Accounts), x.Accounts, 10) {
		r, err := x.once(ctx, t, newLoad("accounts", n, "commands", moneyMoved), spreadConnections, "")
		if err != nil {
			return nil, fmt.Errorf("%d accounts: %w", n, err)
		}
		add(&rate, curve.Size(n), r.PerSecond)
		add(&cost, curve.Size(n), r.ServerCPU, r.DriverCPU)
		add(&memory, curve.Size(n), float64(r.Resident)/mebi)
	}
	return []curve.Curve{rate, cost, memory}, nil
}

// add adds a point to each line of a drawing.
func add(c *curve.Curve, at string, values ...float64) {
	c.At = append(c.At, at)
	for i, v := range values {
		c.Lines[i].Values = append(c.Lines[i].Values, v)
	}
}

// overHistory measures one account with a longer and longer history.
func (x *Curves) overHistory(ctx context.Context, t *cli.Terminal) ([]curve.Curve, error) {
	c := curve.Curve{Name: "history", Title: "An account after a start, ms", X: "events of the account"}
	what := []string{firstCommand, laterCommand, statement, pastBalance}
	for _, name := range []string{"first command", "later ones", statement, pastBalance} {
		c.Lines = append(c.Lines, curve.Line{Name: name})
	}
	for _, n := range powers(10, x.Events, 10) {
		found, err := x.history(ctx, n)
		if err != nil {
			return nil, fmt.Errorf("%d events: %w", n, err)
		}
		var values []float64
		for _, name := range what {
			values = append(values, found.find(name))
		}
		add(&c, curve.Size(n), values...)
		fmt.Fprintf(t.Err, "bench: %d events: first command after a start %.1f ms\n", n, values[0])
	}
	return []curve.Curve{c}, nil
}

// history measures an account of a new bank.
func (x *Curves) history(ctx context.Context, events int) (figures, error) {
	k, err := keep(ctx, x.Bank, x.Flags)
	if err != nil {
		return nil, err
	}
	found, err := long(ctx, k, events)
	return found, errors.Join(err, k.Stop())
}

// shardAccounts is over how many accounts the loads over shards are spread.
const shardAccounts = 1000

// overShards measures the spread load, and a burst of bulk with the time to catch up with it, over
// twice as many shards each time.
func (x *Curves) overShards(ctx context.Context, t *cli.Terminal) ([]curve.Curve, error) {
	rate := curve.Curve{Name: "shards", Title: "Commands a second, spread over 1,000 accounts", X: "shards", Lines: []curve.Line{{Name: "commands/s"}}}
	behind := curve.Curve{
		Name: "catch-up", Title: "Seconds to catch up with a burst of " + curve.Size(x.Burst) + " commands of bulk", X: "shards",
		Lines: []curve.Line{{Name: "read models"}, {Name: "archiver"}},
	}
	for _, n := range powers(1, x.Shards, 2) {
		flags := "--shards " + strconv.Itoa(n)
		r, err := x.once(ctx, t, newLoad("shards", shardAccounts, "commands", moneyMoved), spreadConnections, flags)
		if err != nil {
			return nil, fmt.Errorf("%d shards: %w", n, err)
		}
		add(&rate, strconv.Itoa(n), r.PerSecond)
		rows, archive, err := x.burst(ctx, flags)
		if err != nil {
			return nil, fmt.Errorf("%d shards: a burst: %w", n, err)
		}
		add(&behind, strconv.Itoa(n), rows, archive)
	}
	return []curve.Curve{rate, behind}, nil
}

// burst sends commands by bulk to a new bank, and returns how many seconds after the last answer
// the read models and the archiver had caught up.
func (x *Curves) burst(ctx context.Context, flags string) (rows, archive float64, err error) {
	k, err := keep(ctx, x.Bank, x.Flags+" "+flags)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, k.Stop()) }()
	l, rng := newLoad("burst", shardAccounts, "commands", moneyMoved), random(0)
	l.run = "burst-"
	if err := k.Open(ctx, shardAccounts); err != nil {
		return 0, 0, err
	}
	lines := l.prepared(x.Burst, rng)
	if err := fill(ctx, k.Address(), bulkConnections, x.Burst, func(text []byte, n int) []byte { return append(text, lines[n]...) }); err != nil {
		return 0, 0, err
	}
	ended := time.Now()
	l.run = "burst-after-"
	shown, archived, err := k.CaughtUp(ctx, l)
	return shown.Sub(ended).Seconds(), archived.Sub(ended).Seconds(), err
}
