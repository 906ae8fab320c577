package scenario

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"passbook/cmd/bench/driver"
	"passbook/cmd/internal/cli"
	"passbook/shared/platform"
)

// Figure is one thing that was measured.
type Figure struct {
	What  string  `json:"what"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
}

// figures is what a scenario of one bank found.
type figures []Figure

// add notes a figure.
func (f *figures) add(what string, value float64, unit string) {
	*f = append(*f, Figure{What: what, Value: value, Unit: unit})
}

// find returns a figure's value.
func (f figures) find(what string) float64 {
	for _, figure := range f {
		if figure.What == what {
			return figure.Value
		}
	}
	return 0
}

// print writes a line for each figure.
func (f figures) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, figure := range f {
		value := whole(figure.Value)
		if figure.Value < 1000 {
			value = hundredths(figure.Value)
		}
		fmt.Fprintf(w, "%s\t%s %s\n", figure.What, value, figure.Unit)
	}
	return w.Flush()
}

// kept is a bank whose data outlives its process.
type kept struct {
	binary, data string
	flags        []string
	*bank
}

// keep starts a bank on new data.
func keep(ctx context.Context, binary, flags string) (*kept, error) {
	data, err := os.MkdirTemp("", "passbook-bench-")
	if err != nil {
		return nil, err
	}
	k := &kept{binary: binary, data: data, flags: strings.Fields(flags)}
	if _, err := k.start(ctx); err != nil {
		return nil, errors.Join(err, os.RemoveAll(data))
	}
	return k, nil
}

// start starts the process and returns how long that took until it was ready.
func (k *kept) start(ctx context.Context) (time.Duration, error) {
	began := time.Now()
	b, err := driver.Start(ctx, k.binary, k.data, platform.AuthDev, k.flags...)
	if err != nil {
		return 0, err
	}
	k.bank = &bank{Bank: b, name: "bank", data: k.data}
	return time.Since(began), nil
}

// restart stops the process and starts another one on the same data.
func (k *kept) restart(ctx context.Context) (time.Duration, error) {
	if err := k.Bank.Stop(); err != nil {
		return 0, err
	}
	return k.start(ctx)
}

const mebi = 1 << 20

// resident returns what the bank has in memory, in MiB.
func (k *kept) resident() float64 {
	now, _ := k.Memory()
	return float64(now) / mebi
}

// Open opens many accounts, and starts the bank again.
type Open struct {
	One
	Accounts    int `default:"1000000" help:"Accounts."`
	Events      int `placeholder:"N" help:"Credits on them besides, before the bank is started again."`
	Connections int `default:"4" help:"Connections."`
}

// One are the flags of a scenario that measures one bank once.
type One struct {
	Bank  string `default:"./bin/bank" placeholder:"FILE" help:"The bank to start."`
	Flags string `name:"bank-flags" placeholder:"TEXT" help:"Further flags of bank serve, such as '--memory 768MiB'."`
	JSON  bool   `name:"json" help:"Print the figures as JSON."`
}

// Help returns the example.
func (Open) Help() string {
	return "Example:\n\n  bench open --bank ./bin/bank --accounts 100000 --bank-flags='--memory 768MiB'"
}

// Run plays the scenario.
func (o *Open) Run(ctx context.Context, t *cli.Terminal) error {
	if o.Events < 0 || o.Events > maxEvents || o.Accounts < 1 || o.Accounts > maxAccounts || o.Connections < 1 || o.Connections > maxConnections {
		return cli.Usage("--accounts is from 1 to %d, --events from 0 to %d, --connections from 1 to %d", maxAccounts, maxEvents, maxConnections)
	}
	k, err := keep(ctx, o.Bank, o.Flags)
	if err != nil {
		return err
	}
	found, err := o.opened(ctx, k)
	if err = errors.Join(err, k.Stop()); err != nil {
		return err
	}
	return o.publish(t.Out, found)
}

// publish prints the figures as lines or as JSON.
func (o *One) publish(out io.Writer, found figures) error {
	if o.JSON {
		return writeJSON(out, found)
	}
	return found.print(out)
}

// opened opens accounts and starts the bank again.
func (o *Open) opened(ctx context.Context, k *kept) (found figures, err error) {
	before, began := k.CPU(), time.Now()
	if err := fill(ctx, k.Address(), o.Connections, o.Accounts, appendOpen); err != nil {
		return nil, fmt.Errorf("open the accounts: %w", err)
	}
	ended := time.Now()
	found.add("accounts opened a second", float64(o.Accounts)/ended.Sub(began).Seconds(), "/s")
	l := newLoad("open", min(o.Accounts, markers), "commands", moneyMoved)
	l.run = "open-"
	rows, archive, err := k.CaughtUp(ctx, l)
	if err != nil {
		return nil, err
	}
	found.add("CPU an account, until caught up", micros(k.CPU()-before, int64(o.Accounts)), "µs")
	found.add("rows caught up after", rows.Sub(ended).Seconds(), "s")
	found.add("archiver caught up after", archive.Sub(ended).Seconds(), "s")
	found.add("resident", k.resident(), "MiB")
	found.add("disk", float64(k.Disk())/mebi, "MiB")
	if err := o.credited(ctx, k, &found); err != nil {
		return nil, err
	}
	ready, err := k.restart(ctx)
	if err != nil {
		return nil, err
	}
	found.add("ready after a start", ready.Seconds(), "s")
	found.add("resident after a start", k.resident(), "MiB")
	return found, nil
}

// credited makes the events besides.
func (o *Open) credited(ctx context.Context, k *kept, found *figures) error {
	if o.Events == 0 {
		return nil
	}
	began := time.Now()
	err := fill(ctx, k.Address(), o.Connections, o.Events, func(text []byte, n int) []byte {
		return fmt.Appendf(text, `{"op":"credit","idempotency_key":"e-%d","account_id":%q,"amount":100,"currency":"EUR"}`+"\n", n, id(n%o.Accounts))
	})
	if err != nil {
		return fmt.Errorf("credit the accounts: %w", err)
	}
	found.add("credits a second", float64(o.Events)/time.Since(began).Seconds(), "/s")
	found.add("resident with them", k.resident(), "MiB")
	found.add("disk with them", float64(k.Disk())/mebi, "MiB")
	return nil
}

// Long makes one account with many events, and starts the bank again.
type Long struct {
	One
	Events int `default:"100000" help:"Events of the account."`
}

// maxEvents bounds the history.
const maxEvents = 10_000_000

// Help returns the example.
func (Long) Help() string { return "Example:\n\n  bench long --bank ./bin/bank --events 10000" }

// Run plays the scenario.
func (x *Long) Run(ctx context.Context, t *cli.Terminal) error {
	if x.Events < 2 || x.Events > maxEvents {
		return cli.Usage("--events is from 2 to %d", maxEvents)
	}
	k, err := keep(ctx, x.Bank, x.Flags)
	if err != nil {
		return err
	}
	found, err := long(ctx, k, x.Events)
	if err = errors.Join(err, k.Stop()); err != nil {
		return err
	}
	return x.publish(t.Out, found)
}

// long makes the history and measures commands and reads after a start.
func long(ctx context.Context, k *kept, events int) (found figures, err error) {
	l := newLoad("long", 1, "commands", moneyMoved)
	l.run = "long-"
	began, rng := time.Now(), random(0)
	if err := fill(ctx, k.Address(), 1, 1, func(text []byte, n int) []byte { return appendFunds(appendOpen(text, n), n) }); err != nil {
		return nil, fmt.Errorf("open the account: %w", err)
	}
	if err := fill(ctx, k.Address(), 1, events-2, func(text []byte, n int) []byte { return l.appendLine(text, int64(n), rng) }); err != nil {
		return nil, fmt.Errorf("make the history: %w", err)
	}
	found.add("events made a second", float64(events)/time.Since(began).Seconds(), "/s")
	l.run = "long-after-"
	if _, _, err := k.CaughtUp(ctx, l); err != nil {
		return nil, err
	}
	ready, err := k.restart(ctx)
	if err != nil {
		return nil, err
	}
	found.add("ready after a start", ready.Seconds(), "s")
	err = k.timed(ctx, &found, l, events)
	return found, err
}

// What is measured of an account after a start.
const (
	firstCommand = "first command after a start"
	laterCommand = "a command then, p50"
	statement    = "statement"
	pastBalance  = "balance at a past version"
)

// warmCommands is how many commands follow the first one.
const warmCommands = 50

// timed measures an account after a start: its first command, further ones, and reads of its past.
func (k *kept) timed(ctx context.Context, found *figures, l *Load, events int) error {
	c, err := driver.Dial(ctx, k.Address(), "")
	if err != nil {
		return err
	}
	defer c.Close()
	l.run = "long-timed-"
	before, step := k.resident(), l.steps(l, 0)
	began := time.Now()
	if _, err := step(c); err != nil {
		return fmt.Errorf("the first command: %w", err)
	}
	found.add(firstCommand, float64(time.Since(began).Microseconds())/1000, "ms")
	found.add("memory that it took", max(0, k.resident()-before), "MiB")
	warm := driver.NewLatency()
	for range warmCommands {
		began := time.Now()
		if _, err := step(c); err != nil {
			return err
		}
		driver.Record(warm, time.Since(began))
	}
	found.add(laterCommand, driver.Millis(warm, 50), "ms")
	const of = "/v1/accounts/"
	for _, read := range []struct{ what, path string }{
		{statement, "/statement?limit=20"}, {pastBalance, "/balance?version=" + strconv.Itoa(events/2)},
		{"balance at a past time", "/balance?at=" + time.Now().UTC().Format(time.RFC3339)},
	} {
		began := time.Now()
		if _, err := one(c.Get(of + id(0) + read.path)); err != nil {
			return fmt.Errorf("%s: %w", read.what, err)
		}
		found.add(read.what, float64(time.Since(began).Microseconds())/1000, "ms")
	}
	return nil
}
