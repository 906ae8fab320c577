package importer

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"passbook/cmd/internal/cli"
	"passbook/cmd/internal/teller"
	"passbook/shared/api/remedy"
	"passbook/shared/client"
	"passbook/shared/progress"
)

// Command imports a file.
type Command struct {
	File      string   `arg:"" help:"CSV with a header, or NDJSON; - reads standard input."`
	Format    string   `name:"format" enum:"csv,ndjson," default:"" placeholder:"FORMAT" help:"csv or ndjson [by the file's name, csv]."`
	Separator string   `name:"separator" placeholder:"SIGN" default:"," help:"The sign between the cells of CSV [,]."`
	Map       []string `name:"map" sep:"none" placeholder:"NAME=COLUMN" help:"Rename a column of the file; NAME= passes it over."`
	Account   string   `name:"account" placeholder:"ID" help:"The account of lines that name none."`
	Currency  string   `name:"currency" placeholder:"CODE" help:"The currency of lines that name none."`
	Name      string   `name:"name" placeholder:"NAME" help:"Lines are booked once under this name [FILE]."`
	DryRun    bool     `name:"dry-run" help:"Only list the lines with faults."`
	teller.Flags
}

// Help returns what it does, and the example.
func (Command) Help() string {
	return "Books a file once, however often it is imported. Every line is rehearsed first, and nothing is booked while one has a fault.\n" +
		"Columns: account, amount, currency, and op, kind, reference, effective_at, balance, id, …: docs/import.md.\n\nExample:\n\n  bank import june.csv --dry-run"
}

// Run imports.
func (c *Command) Run(ctx context.Context, t *cli.Terminal) error {
	name, err := c.check()
	if err != nil {
		return err
	}
	file, err := openSource(c.File, t.In)
	if err != nil {
		return cli.Fail(cli.ExitUsage, err, "name a file, or - for standard input")
	}
	defer func() { _ = file.Close() }() // it was only read
	columns, err := c.columns()
	if err != nil {
		return err
	}
	session, err := teller.Connect(t, &c.Flags)
	if err != nil {
		return err
	}
	defer session.Close()
	tracker := progress.New()
	stop := cli.NewProgress(t.Err, "import").Follow(tracker.Snapshot)
	defer stop()
	i := &Import{
		command: c, client: session.Client, name: name, notes: t.Err, progress: tracker, out: cli.NewRows(t, c.Output, outcomeColumns),
		source: &source{file: file, lines: c.Format == "ndjson", comma: []rune(c.Separator)[0], columns: columns},
	}
	return teller.Explain(i.run(ctx, t))
}

// check checks the flags, and returns the name of the import.
func (c *Command) check() (string, error) {
	if c.Format == "" {
		c.Format = "csv"
		if ext := strings.ToLower(filepath.Ext(c.File)); ext == ".ndjson" || ext == ".jsonl" {
			c.Format = "ndjson"
		}
	}
	if len([]rune(c.Separator)) != 1 || strings.ContainsAny(c.Separator, "\"\r\n") {
		return "", cli.Usage("--separator is one sign, as ; or ,")
	}
	switch {
	case c.Name != "":
		return c.Name, nil
	case c.File == "-":
		return "", cli.Fail(cli.ExitUsage, errors.New("standard input has no name, by which its lines are booked once"), "give one with --name, the same whenever this is imported")
	}
	return filepath.Base(c.File), nil
}

// columns returns what --map says.
func (c *Command) columns() (map[string]string, error) {
	columns := map[string]string{}
	for _, m := range c.Map {
		from, to, ok := strings.Cut(m, "=")
		if !ok || to != "" && !isColumn(to) {
			return nil, cli.Fail(cli.ExitUsage, fmt.Errorf("--map %s names no column", m), "write NAME=COLUMN with one of "+strings.Join(columnNames, ", ")+", or NAME= to pass it over")
		}
		columns[from] = to
	}
	return columns, nil
}

// run surveys the file, rehearses it and books it.
func (i *Import) run(ctx context.Context, t *cli.Terminal) error {
	p, err := i.survey(ctx)
	if err != nil {
		return cli.Fail(cli.ExitUsage, err, "docs/import.md has the columns")
	}
	if err := i.findBefore(ctx); err != nil {
		return err
	}
	if err := i.rehearse(ctx, p); err != nil {
		return err
	}
	if n := i.counts.undecided; n > 0 {
		fmt.Fprintf(i.notes, "note: %d lines were checked for their form only: a rehearsal takes about 15,000 lines of one account\n", n)
	}
	if n := i.counts.refusedBefore; n > 0 {
		fmt.Fprintf(i.notes, "note: %d lines were refused by an import of the last day, and are decided again when they are booked\n", n)
	}
	if found := p.faults.sorted(); len(found) > 0 {
		return i.list(t, p, found)
	}
	if i.command.DryRun {
		fmt.Fprintf(i.notes, "dry run: %d lines, none has a fault; %d of them were booked before\n", p.lines, len(i.before))
		return i.listed(t, nil)
	}
	err = i.book(ctx, p)
	if closed := i.out.Close(); err == nil {
		err = closed
	}
	n := i.counts
	fmt.Fprintf(i.notes, "%d lines: %d booked, %d booked before, %d refused", p.lines, n.booked, n.before, n.refused)
	if n.nothing > 0 {
		fmt.Fprintf(i.notes, ", %d of 0 with nothing to book", n.nothing)
	}
	fmt.Fprintln(i.notes)
	if err == nil && n.before > 0 && n.before+n.nothing == p.lines {
		fmt.Fprintf(i.notes, "note: all lines were booked before under the name %s; if this is another file, give it another one with --name\n", i.name)
	}
	switch {
	case ctx.Err() != nil:
		return cli.Fail(cli.ExitFailed, errors.New("interrupted"), again)
	case err != nil:
		return err
	case n.differ > 0 && n.refused == 0:
		return cli.Fail(cli.ExitFailed, fmt.Errorf("after %d of %d lines the balance is another one than the file's", n.differ, p.lines), "look for what else happened to these accounts: bank account statement ID")
	case n.refused > 0:
		return cli.Fail(cli.ExitFailed, fmt.Errorf("%d of %d lines were refused", n.refused, p.lines), again)
	}
	return nil
}

// again says how an import is continued.
const again = "import the file again: what was booked is not booked again"

// list writes the faults.
func (i *Import) list(t *cli.Terminal, p *plan, found []Fault) error {
	if err := i.listed(t, found); err != nil {
		return err
	}
	bad := map[int]bool{}
	for _, f := range found {
		bad[f.Line] = true
	}
	return cli.Fail(cli.ExitFailed, fmt.Errorf("%d of %d lines have a fault, and nothing was booked", len(bad), p.lines), "correct them and import the file again")
}

// listed writes faults.
func (i *Import) listed(t *cli.Terminal, found []Fault) error {
	rows := cli.NewRows(t, i.command.Output, faultColumns)
	for _, f := range found {
		if err := rows.Add(f); err != nil {
			return err
		}
	}
	return rows.Close()
}

// remedyOf returns what to do about a refusal.
func remedyOf(p *client.Problem) string {
	if r, ok := remedy.Of(string(p.Code)); ok {
		return r.Fix
	}
	return "correct the line"
}

// isColumn reports whether there is a column of a name.
func isColumn(name string) bool {
	for _, c := range columnNames {
		if c == name {
			return true
		}
	}
	return false
}

// faultColumns are the columns of faults.
var faultColumns = []cli.Column[Fault]{
	{Name: "line", Value: func(f Fault) any { return f.Line }},
	{Name: "field", Value: func(f Fault) any { return f.Field }},
	{Name: "fault", Value: func(f Fault) any { return f.Fault }},
	{Name: "remedy", Value: func(f Fault) any { return f.Remedy }},
}

// outcomeColumns are the columns of outcomes.
var outcomeColumns = []cli.Column[Outcome]{
	{Name: "line", Value: func(o Outcome) any { return o.Line }},
	{Name: "outcome", Value: func(o Outcome) any { return o.Outcome }},
	{Name: "account", Value: func(o Outcome) any { return o.Account }},
	{Name: "op", Value: func(o Outcome) any { return o.Op }},
	{Name: "version", Value: func(o Outcome) any {
		if o.Version == 0 {
			return nil
		}
		return o.Version
	}},
	{Name: "transaction", Value: func(o Outcome) any { return o.TransactionID }},
	{Name: "posted", Value: func(o Outcome) any {
		if o.Currency == "" {
			return nil
		}
		return cli.Money{Minor: o.Posted, Currency: o.Currency}
	}},
	{Name: "currency", Value: func(o Outcome) any { return o.Currency }, OnlyCSV: true},
	{Name: "field", Value: func(o Outcome) any { return o.Field }},
	{Name: "fault", Value: func(o Outcome) any { return o.Fault }},
	{Name: "remedy", Value: func(o Outcome) any { return o.Remedy }},
}
