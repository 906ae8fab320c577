package audit

import (
	"context"
	"errors"
	"io"
	"time"

	"passbook/cmd/internal/cli"
	"passbook/cmd/internal/jobs"
	"passbook/shared/audit"
	"passbook/shared/platform"
)

// Main runs the program. It does not return.
func Main(version string) {
	cli.Main(version, nil, func(ctx context.Context, args []string, t *cli.Terminal) int {
		if len(args) == 0 {
			args = []string{storesName}
		}
		return cli.Run(ctx, "audit", "Prove that journal, archive and read models agree.", &Command{}, args, t)
	})
}

// Below is the program as a command of another one.
type Below struct {
	Audit Command `cmd:"" group:"operate" help:"Prove that journal, archive and read models agree."`
}

// storesName is the name of the command that audits where none is named.
const storesName = "stores"

// Command is the command line.
type Command struct {
	Stores   storesCommand   `cmd:"" default:"withargs" help:"Prove that journal, archive and read models agree (the default)."`
	Coverage coverageCommand `cmd:"" help:"Prove that the archive has every version of each account, without the journal."`
	Verify   verifyCommand   `cmd:"" help:"Check a copy of an archive, without its bank."`
}

// Help returns the example.
func (Command) Help() string {
	return "Exit code 3 means that something differs.\n\nExample:\n\n  audit --data ./data"
}

// storesCommand audits a bank.
type storesCommand struct {
	cli.StoreFlags
	cli.OnlyTenant
	Grace  *time.Duration `name:"grace" placeholder:"TIME" help:"Entries younger than this may be missing."`
	Repair bool           `name:"repair" help:"Repair what can be repaired."`
	Memory platform.Bytes `name:"memory" placeholder:"SIZE" help:"Memory in which entries are sorted by account; more are in a scratch file [256MiB]."`
	cli.Output
	cli.ReasonFlag
}

// Help returns the example.
func (storesCommand) Help() string {
	return "Exit code 3 means that something differs. Entries younger than --grace, by default the age of a segment and 10 s, may be " +
		"in transit.\n\nExample:\n\n  audit --data ./data"
}

// Run audits.
func (c *storesCommand) Run(ctx context.Context, t *cli.Terminal) error {
	config, err := t.Config(&c.StoreFlags)
	if err != nil {
		return err
	}
	params := jobs.AuditParams{Repair: c.Repair, OfTenant: jobs.OfTenant{Tenant: c.Tenant}, Sorting: jobs.Sorting{Memory: int64(c.Memory)}}
	if c.Grace != nil {
		params.GraceSeconds = max(c.Grace.Seconds(), 1e-9)
	}
	report, err := jobs.Command[*audit.Report]{Name: "audit", Params: params, Reason: c.Reason}.Do(ctx, t, config)
	return show(t, c.Output, report, err)
}

// coverageCommand checks the archive without the journal.
type coverageCommand struct {
	cli.StoreFlags
	cli.Output
}

// Help returns what it proves, and the example.
func (coverageCommand) Help() string {
	return "It reads the archive alone, and proves that each account has every version from 1 to its newest there, in one chain of hashes, and that " +
		"each entry is the bank's. Whether the journal has more is what audit says. Exit code 3 means that something is missing or differs.\n\n" +
		"Example:\n\n  audit coverage --data ./data"
}

// Run checks it.
func (c *coverageCommand) Run(ctx context.Context, t *cli.Terminal) error {
	config, err := t.Config(&c.StoreFlags)
	if err != nil {
		return err
	}
	covered, err := jobs.Command[*audit.Covered]{Name: "coverage", Params: jobs.CoverageParams{}}.Do(ctx, t, config)
	return show(t, c.Output, covered, err)
}

// show prints what a check found, and returns its error, or why that could not be printed.
func show(t *cli.Terminal, o cli.Output, found interface{ WriteText(w io.Writer) error }, err error) error {
	var wrote error
	err = cli.Show(t, o, found, err, func(w io.Writer) { wrote = found.WriteText(w) })
	return errors.Join(err, wrote)
}
