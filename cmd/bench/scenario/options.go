package scenario

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"passbook/cmd/bench/driver"
	"passbook/cmd/internal/cli"
)

// bounds of the load, so that a typing error does not fill the disk.
const (
	maxSeconds     = 3600
	maxConnections = 1024
	maxAccounts    = 1_000_000
	maxRounds      = 100
)

// Options are the flags that all scenarios have.
type Options struct {
	Bank     string  `default:"./bin/bank" placeholder:"FILE" help:"The bank to start."`
	Against  string  `placeholder:"FILE" help:"Another one, to compare it with in turns."`
	Flags    string  `name:"bank-flags" placeholder:"TEXT" help:"Further flags of bank serve, such as '--memory 512MiB'."`
	Seconds  float64 `default:"10" help:"Length of a round."`
	Count    int64   `name:"commands" placeholder:"N" help:"End a round once so many are done, before --seconds have passed."`
	Rounds   int     `default:"3" help:"Rounds, of which the median counts."`
	Rate     float64 `placeholder:"N" help:"Requests a second: an open loop, whose latency counts from when a request was due. Without it each connection sends when it has its last answer."`
	JSON     bool    `name:"json" help:"Print all rounds as JSON."`
	Save     string  `placeholder:"FILE" help:"Write all rounds there as JSON."`
	Profiles string  `name:"profile" placeholder:"DIR" help:"Write a CPU profile of each round there."`
}

// check returns what is wrong with the options.
func (o *Options) check(accounts, connections int) error {
	switch {
	case o.Seconds <= 0 || o.Seconds > maxSeconds:
		return cli.Usage("--seconds is above 0 and at most %d", maxSeconds)
	case o.Rounds < 1 || o.Rounds > maxRounds:
		return cli.Usage("--rounds is from 1 to %d", maxRounds)
	case o.Rate < 0 || o.Count < 0:
		return cli.Usage("--rate and --commands are 0 or above")
	case accounts < 1 || accounts > maxAccounts:
		return cli.Usage("--accounts is from 1 to %d", maxAccounts)
	case connections < 1 || connections > maxConnections:
		return cli.Usage("--connections is from 1 to %d", maxConnections)
	}
	return nil
}

// play starts the contenders, measures them and prints what was found.
func (o *Options) play(ctx context.Context, t *cli.Terminal, l *Load, connections int) error {
	if err := o.check(l.Accounts, connections); err != nil {
		return err
	}
	loop := driver.Loop{Conns: connections, For: time.Duration(o.Seconds * float64(time.Second)), Rate: o.Rate, Count: o.Count}
	warnOfOtherWork(t, "the ratios")
	contenders, err := o.contenders(ctx)
	if err != nil {
		return errors.Join(err, stop(contenders))
	}
	c := &contest{load: l, contenders: contenders, loop: loop, rounds: o.Rounds, warm: warmUp, profiles: o.Profiles, progress: t.Err}
	results, err := c.run(ctx)
	if err = errors.Join(err, stop(contenders)); err != nil {
		return err
	}
	return o.publish(t.Out, []Report{report(l, loop, results)})
}

// warnOfOtherWork prints what to believe on a busy machine.
func warnOfOtherWork(t *cli.Terminal, believe string) {
	if busy := driver.OtherWork(); busy > maxOtherWork {
		fmt.Fprintf(t.Err, "bench: the load average is %.1f: believe %s, and not the throughput\n", busy, believe)
	}
}

// maxOtherWork is the load average above which other processes distort the figures.
const maxOtherWork = 0.5

// contenders starts the banks.
func (o *Options) contenders(ctx context.Context) (all []Contender, err error) {
	flags := strings.Fields(o.Flags)
	b, err := startBank(ctx, "bank", o.Bank, flags)
	if err != nil {
		return nil, err
	}
	all = append(all, b)
	if o.Against != "" {
		if b, err = startBank(ctx, "against", o.Against, flags); err != nil {
			return all, err
		}
		all = append(all, b)
	}
	return all, nil
}

// stop stops contenders.
func stop(contenders []Contender) error {
	var errs []error
	for _, c := range contenders {
		errs = append(errs, c.Stop())
	}
	return errors.Join(errs...)
}

// publish prints reports as tables or as JSON, and saves them where that is wanted.
func (o *Options) publish(out io.Writer, reports []Report) error {
	if o.Save != "" {
		if err := save(o.Save, reports); err != nil {
			return err
		}
	}
	if o.JSON {
		return writeJSON(out, reports)
	}
	for _, r := range reports {
		if err := write(out, r); err != nil {
			return err
		}
	}
	return nil
}

// save writes reports to a file.
func save(file string, reports []Report) error {
	f, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("--save: %w", err)
	}
	if err := errors.Join(writeJSON(f, reports), f.Close()); err != nil {
		return fmt.Errorf("--save: %w", err)
	}
	return nil
}
