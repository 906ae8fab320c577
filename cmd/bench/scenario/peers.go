package scenario

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"passbook/cmd/bench/driver"
	"passbook/cmd/bench/floor"
	"passbook/cmd/internal/cli"
)

// Peers compares a bank with a Go service on PostgreSQL.
type Peers struct {
	Bank        string  `default:"./bin/bank" placeholder:"FILE" help:"The bank to start."`
	Flags       string  `name:"bank-flags" placeholder:"TEXT" help:"Further flags of bank serve, such as '--memory 512MiB'."`
	Lean        bool    `help:"The service keeps no idempotency keys."`
	Seconds     float64 `default:"10" help:"Length of a round."`
	Rounds      int     `default:"3" help:"Rounds, of which the median counts."`
	Accounts    int     `default:"10000" help:"Accounts of the spread load and of the reads."`
	Connections int     `default:"64" help:"Connections."`
	JSON        bool    `name:"json" help:"Print all rounds as JSON."`
	Save        string  `placeholder:"FILE" help:"Write all rounds there as JSON."`
}

// Help returns what is compared, and the example.
func (Peers) Help() string {
	return "It starts both on this machine and drives them in turns: spread over accounts, on one account, and reading balances. PostgreSQL listens on a free port, with the settings of initdb.\n\nExample:\n\n  bench peers --bank ./bin/bank --seconds 10 --rounds 3 --save peers.json"
}

// Run plays the three loads and prints what was found.
func (p *Peers) Run(ctx context.Context, t *cli.Terminal) error {
	o := Options{Bank: p.Bank, Flags: p.Flags, Seconds: p.Seconds, Rounds: p.Rounds, JSON: p.JSON, Save: p.Save}
	if err := o.check(p.Accounts, p.Connections); err != nil {
		return err
	}
	warnOfOtherWork(t, "the processor time")
	contenders, err := o.contenders(ctx)
	if err == nil {
		var c Contender
		if c, err = startPostgres(ctx, p.Lean); err == nil {
			contenders = append(contenders, c)
			if err = c.Open(ctx, 1); err == nil {
				err = floor.Check(ctx, c.Address(), funds, p.Lean)
			}
		}
	}
	if err != nil {
		return errors.Join(err, stop(contenders))
	}
	reports, err := p.play(ctx, t, contenders)
	if err = errors.Join(err, stop(contenders)); err != nil {
		return err
	}
	return o.publish(t.Out, reports)
}

// play measures the contenders under each load.
func (p *Peers) play(ctx context.Context, t *cli.Terminal, contenders []Contender) ([]Report, error) {
	reads := newLoad("reads", p.Accounts, "reads", balancesRead)
	reads.silent = true
	loop := driver.Loop{Conns: p.Connections, For: time.Duration(p.Seconds * float64(time.Second))}
	var all []Report
	for _, l := range []*Load{newLoad("spread", p.Accounts, "commands", moneyMoved), newLoad("hot", 1, "commands", moneyMoved), reads} {
		fmt.Fprintf(t.Err, "bench: %s\n", l.name)
		c := &contest{load: l, contenders: contenders, loop: loop, rounds: p.Rounds, warm: warmUp, progress: t.Err}
		results, err := c.run(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l.name, err)
		}
		all = append(all, report(l, loop, results))
	}
	return all, nil
}

// report describes what was measured under a load.
func report(l *Load, loop driver.Loop, results []Result) Report {
	return Report{
		Scenario: l.name, What: l.what, Cores: runtime.NumCPU(), Accounts: l.Accounts, Connections: loop.Conns,
		Rate: loop.Rate, Seconds: loop.For.Seconds(), Contenders: results,
	}
}
