package demo

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"passbook/shared/client"
)

// tableRows is the most accounts that the closing table lists; differences are listed beyond it.
const tableRows = 30

// catchUp is how long a read waits for its projection at the end of the day.
const catchUp = 10 * time.Second

// line is an account's row of the closing table.
type line struct {
	account *account
	balance *client.Balance
	usage   *client.CreditLimit
	faults  []string
}

// close reads every account from both read models, prints the closing table and fails on a
// difference.
func (d *day) close(ctx context.Context) error {
	accounts := append([]*account{d.employer, d.landlord}, d.customers...)
	var lines []line
	var total, differences int64
	for _, a := range accounts {
		l, err := d.read(ctx, a)
		if err != nil {
			return err
		}
		total += l.balance.Posted
		if len(l.faults) > 0 {
			differences++
		}
		if len(lines) < tableRows || len(l.faults) > 0 {
			lines = append(lines, l)
		}
	}
	d.printTable(lines, len(accounts))
	fmt.Fprintf(d.Out, "Net money from outside: %s. Sum of all balances: %s.\n", amount(d.outside), amount(total))
	if total != d.outside && differences == 0 {
		differences++
	}
	if differences > 0 {
		return fmt.Errorf("%w: %d of %d accounts", ErrDifference, differences, len(accounts))
	}
	fmt.Fprintf(d.Out, "%d accounts: the balance and the credit limit of each are what the day's commands add up to.\n", len(accounts))
	return nil
}

// read reads an account's rows of both read models, at the version of its last command or later,
// and compares them.
func (d *day) read(ctx context.Context, a *account) (line, error) {
	l := line{account: a}
	var err error
	if l.balance, err = d.client.Balance(ctx, a.id, client.MinVersion(a.version), client.Wait(catchUp)); err != nil {
		return l, reached(err)
	}
	if l.usage, err = d.client.CreditLimit(ctx, a.id, client.MinVersion(a.version), client.Wait(catchUp)); err != nil {
		return l, reached(err)
	}
	expect := func(what string, got, want int64) {
		if got != want {
			l.faults = append(l.faults, fmt.Sprintf("%s %s, not %s", what, amount(got), amount(want)))
		}
	}
	expect("posted", l.balance.Posted, a.posted)
	expect("held", l.balance.Held, a.held)
	expect("limit", l.balance.Limit, a.limit)
	expect("available", l.balance.Available, a.available())
	expect("credit limit", l.usage.Limit, a.limit)
	expect("drawn", l.usage.Drawn, max(0, -a.posted))
	expect("reserved", l.usage.Reserved, max(0, a.held-max(0, a.posted)))
	expect("available credit", l.usage.AvailableCredit, min(max(a.available(), 0), a.limit))
	expect("over limit", l.usage.OverLimit, max(0, -a.available()))
	return l, nil
}

// printTable writes the closing table.
func (d *day) printTable(lines []line, all int) {
	fmt.Fprintln(d.Out)
	w := tabwriter.NewWriter(d.Out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "account\tposted\theld\tlimit\tavailable\tline used\tversion\t\t")
	for _, l := range lines {
		used := "-"
		if l.usage.UtilisationBps != nil {
			used = fmt.Sprintf("%d.%02d %%", *l.usage.UtilisationBps/100, *l.usage.UtilisationBps%100)
		}
		verdict := "ok"
		if len(l.faults) > 0 {
			verdict = "DIFFERS"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\t\n", l.account.name, amount(l.balance.Posted), amount(l.balance.Held),
			amount(l.balance.Limit), amount(l.balance.Available), used, l.account.version, verdict)
	}
	if err := w.Flush(); err != nil {
		fmt.Fprintln(d.Out, err)
	}
	if all > len(lines) {
		fmt.Fprintf(d.Out, "... and %d more\n", all-len(lines))
	}
	for _, l := range lines {
		for _, fault := range l.faults {
			fmt.Fprintf(d.Out, "%s: %s\n", l.account.id, fault)
		}
	}
	fmt.Fprintln(d.Out)
}
