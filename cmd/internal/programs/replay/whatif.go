package replay

import (
	"context"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"passbook/cmd/internal/cli"
	"passbook/cmd/internal/jobs"
	"passbook/cmd/internal/whatif"
	"passbook/shared/money"
)

// whatIfCommand decides past commands again, by other rules.
type whatIfCommand struct {
	cli.StoreFlags
	endFlags
	sortFlags
	Rules   string      `name:"rules" required:"" placeholder:"FILE" help:"The other rules, as JSON."`
	Source  string      `name:"source" default:"archive" enum:"archive,journal" help:"Where the history is read: archive or journal."`
	Account string      `name:"account" placeholder:"ID" help:"Only this account."`
	Tenant  string      `name:"tenant" placeholder:"TENANT" help:"The account's tenant [main]; without --account, only this one's."`
	From    cli.Instant `name:"from" placeholder:"TIME" help:"Report decisions recorded at or after TIME; the rules hold from each account's beginning."`
	To      cli.Instant `name:"to" placeholder:"TIME" help:"Report decisions recorded before TIME."`
	cli.Output
	cli.ReasonFlag
}

// Help returns what it assumes, and examples.
func (whatIfCommand) Help() string {
	return "Decides every past command again by other limits and fees, each account by itself, and lists the decisions that would differ, " +
		"with the money at stake. It changes nothing.\n\n" +
		"It assumes that customers would have sent the same commands, and that the same transfers would have come from other accounts. Of what was " +
		"declined, history does not have all: a hold that would have been placed stays held, and of a transfer only the payer is decided again.\n\n" +
		"rules.json, in minor units; the first rule about an account counts:\n\n" +
		`  {"limits":   [{"currency": "EUR", "product": "basic", "percent": 150, "at_most": 500000}],` + "\n" +
		`   "fees":     [{"currency": "EUR", "percent": 50}],` + "\n" +
		`   "new_fees": [{"currency": "EUR", "on": "cash", "amount": 50, "basis_points": 10}]}` + "\n\n" +
		"Example:\n\n  replay what-if --rules rules.json --from 2026-11-01T00:00:00Z"
}

// Run decides again.
func (c *whatIfCommand) Run(ctx context.Context, t *cli.Terminal) error {
	config, err := t.Config(&c.StoreFlags)
	if err != nil {
		return err
	}
	rules, err := readRules(c.Rules)
	if err != nil {
		return err
	}
	params := jobs.WhatIfParams{
		Rules: rules, Source: c.Source, Account: c.Account, OfTenant: jobs.OfTenant{Tenant: c.Tenant}, From: c.From, To: c.To, Sorting: c.sorting(), Proving: c.proving(),
	}
	done, err := jobs.Command[jobs.WhatIfResult]{Name: "what-if", Params: params, Reason: c.Reason}.Do(ctx, t, config)
	return cli.Show(t, c.Output, done, err, func(w io.Writer) { c.show(w, done) })
}

// readRules reads a file of rules, which are checked before a bank is asked.
func readRules(name string) (rules []byte, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, cli.Usage("--rules: %w", err)
	}
	defer f.Close()
	rules, err = io.ReadAll(io.LimitReader(f, whatif.MaxRulesBytes+1))
	if err == nil {
		_, err = whatif.ParseRules(rules)
	}
	if err != nil {
		return nil, cli.Usage("--rules %s: %w", name, err)
	}
	return rules, nil
}

// show prints a report: each decision that would differ, and the totals.
func (c *whatIfCommand) show(w io.Writer, done jobs.WhatIfResult) {
	if done.Extent != nil {
		c.showExtent(w, *done.Extent)
	}
	for _, fault := range done.Faults.List {
		fmt.Fprintln(w, fault)
	}
	if done.Report == nil {
		return
	}
	list := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if len(done.List) > 0 {
		fmt.Fprintln(list, "tenant\taccount\tversion\tat\toperation\tdecided\twould be\tat stake\twhy")
	}
	for _, d := range done.List {
		fmt.Fprintf(list, "%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\n", d.Tenant, d.AccountID, d.Version, d.At.Format(time.RFC3339), d.Operation,
			decided(d.Decided, d.Amount, d.Currency), decided(d.Would, d.WouldAmount, d.Currency), money.Format(d.AtStake, d.Currency), d.Why)
	}
	_ = list.Flush() // w reports its own errors
	if more := done.Differences - int64(len(done.List)); more > 0 {
		fmt.Fprintf(w, "and %d more: --account, --tenant, --from and --to narrow the list\n", more)
	}
	totals := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, total := range done.Totals {
		fmt.Fprintf(totals, "%s\t%s\t%s, would be %s\t%d\tat stake %s\n", total.Currency, total.Operation, total.Decided, total.Would, total.Count, atStake(total))
	}
	_ = totals.Flush()
	fmt.Fprintf(w, "%d decisions of %d accounts were decided again, %d would differ\n", done.Decisions, done.Accounts, done.Differences)
}

// decided returns a verdict with the amount that it is about.
func decided(verdict string, minor int64, currency string) string {
	if minor == 0 {
		return verdict
	}
	return verdict + " " + money.Format(minor, currency)
}

// atStake returns what is at stake in all; a sum beyond the largest amount in minor units.
func atStake(t whatif.Total) string {
	if t.AtStake.IsInt64() && t.AtStake.Int64() <= money.Max {
		return money.Format(t.AtStake.Int64(), t.Currency)
	}
	return t.AtStake.String() + " minor units of " + t.Currency
}
