package watch

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"passbook/cmd/internal/cli"
	"passbook/cmd/internal/teller"
)

// Doctor looks for what is wrong with a bank.
type Doctor struct {
	teller.Flags
}

// Help returns what is looked at, and the example.
func (Doctor) Help() string {
	return "It looks at the way to the bank, its clock, certificate and version, what the key may do, and what the bank reports of itself. " +
		"With --data or --store it looks at the stores, through the bank that runs on them or by opening them. It changes nothing. " +
		"Exit codes: 1 something failed, 5 there was no way to it.\n\nExample:\n\n  bank doctor"
}

// The states of a finding.
const (
	StateOK      = "ok"
	StateWarning = "warning"
	StateFailed  = "failed"
	StateSkipped = "skipped"
)

// finding is the result of one check.
type finding struct {
	Check  string `json:"check"`
	State  string `json:"state"`
	Detail string `json:"detail"`
	// Next is what to do, of what is not ok.
	Next string `json:"next,omitempty"`
}

// findingColumns are the columns of a finding.
var findingColumns = []cli.Column[finding]{
	{Name: "check", Value: func(f finding) any { return f.Check }},
	{Name: "state", Value: func(f finding) any { return f.State }},
	{Name: "detail", Value: func(f finding) any { return f.Detail }},
	{Name: "next", Value: func(f finding) any { return f.Next }},
}

// Visit collects the findings, and writes each as soon as it is there.
type Visit struct {
	// Terminal is where the command runs.
	Terminal *cli.Terminal

	write       func(f finding) error
	count       map[string]int
	err         error
	unreachable bool
}

// Add notes a finding.
func (v *Visit) Add(check, state, detail, next string) {
	v.count[state]++
	if v.err == nil {
		v.err = v.write(finding{check, state, printable(detail), printable(next)})
	}
}

// Fail notes that a check failed with an error, and what the error says to do.
func (v *Visit) Fail(check string, err error) {
	if cli.Advice(err) == "" {
		err = teller.Explain(err)
	}
	v.Add(check, StateFailed, err.Error(), cli.Advice(err))
}

// NoWay notes that there is no way to what is to be looked at, and why.
func (v *Visit) NoWay(check string, err error) {
	v.Fail(check, err)
	v.unreachable = true
}

// Run looks at the bank that the flags name.
func (c *Doctor) Run(ctx context.Context, t *cli.Terminal) error { return c.Look(ctx, t, c.server) }

// Look writes what look finds, and returns how the visit ends.
func (c *Doctor) Look(ctx context.Context, t *cli.Terminal, look func(ctx context.Context, v *Visit) error) (err error) {
	v := &Visit{Terminal: t, count: map[string]int{}}
	if c.ForPeople() {
		v.write = func(f finding) error { return writeFinding(t, f) }
	} else {
		rows := cli.NewRows(t, c.Output, findingColumns)
		v.write = rows.Add
		defer func() { err = errors.Join(err, rows.Close()) }()
	}
	if err = errors.Join(look(ctx, v), v.err); err != nil {
		return err
	}
	return v.conclude()
}

// conclude returns how the visit ends.
func (v *Visit) conclude() error {
	failed, warnings := v.count[StateFailed], v.count[StateWarning]
	switch {
	case v.unreachable:
		return cli.Fail(cli.ExitUnreachable, errors.New("no more could be looked at"), "do what the failed line says, and look again")
	case failed > 0:
		return cli.Fail(cli.ExitFailed, fmt.Errorf("%d of %d checks failed", failed, v.total()), "do what the lines say, and look again")
	case warnings > 0:
		fmt.Fprintf(v.Terminal.Err, "nothing failed; %d of %d checks have a warning\n", warnings, v.total())
	default:
		fmt.Fprintln(v.Terminal.Err, "nothing is wrong")
	}
	return nil
}

// total counts the checks.
func (v *Visit) total() int {
	total := 0
	for _, n := range v.count {
		total += n
	}
	return total
}

// colours are the colours of the states on a terminal.
var colours = map[string]string{StateOK: "\x1b[32m", StateWarning: "\x1b[33m", StateFailed: "\x1b[31m", StateSkipped: "\x1b[2m"}

// writeFinding writes a finding for a person, what to do below it.
func writeFinding(t *cli.Terminal, f finding) error {
	before, after := "", ""
	if t.Colored() {
		before, after = colours[f.State], "\x1b[0m"
	}
	text := fmt.Sprintf("%s%-8s%s %-12s %s\n", before, f.State, after, f.Check, strings.ReplaceAll(f.Detail, "\n", " "))
	if f.Next != "" {
		text += fmt.Sprintf("%-21s   %s\n", "", f.Next)
	}
	_, err := fmt.Fprint(t.Out, text)
	return err
}
