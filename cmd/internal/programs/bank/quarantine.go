package bank

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"passbook/cmd/internal/cli"
	"passbook/cmd/internal/jobs"
)

// quarantineCommand groups the commands on the quarantine.
type quarantineCommand struct {
	List    listCommand    `cmd:"" help:"List accounts and records in quarantine."`
	Show    showCommand    `cmd:"" help:"Show one of them, with the record."`
	Redrive redriveCommand `cmd:"" help:"Release an account: fold it from the journal."`
	Clear   clearCommand   `cmd:"" help:"Remove records that name no account."`
}

// Help returns the example.
func (quarantineCommand) Help() string {
	return "A consumer puts an account that it cannot process into quarantine, and continues with all others.\n\nExample:\n\n  bank quarantine list"
}

// quarantineFlags are those of the commands.
type quarantineFlags struct {
	cli.StoreFlags
	cli.Output
}

// listCommand lists.
type listCommand struct {
	quarantineFlags
	cli.OnlyTenant
}

// Help returns the example.
func (listCommand) Help() string { return "Example:\n\n  bank quarantine list -o json" }

// Run lists.
func (c *listCommand) Run(ctx context.Context, t *cli.Terminal) error {
	return c.show(ctx, t, jobs.QuarantineParams{OfTenant: jobs.OfTenant{Tenant: c.Tenant}})
}

// showCommand shows.
type showCommand struct {
	quarantineFlags
	cli.OnlyTenant
	Account string `arg:"" help:"Account id, or the id of a record."`
}

// Help returns the example.
func (showCommand) Help() string { return "Example:\n\n  bank quarantine show A-1" }

// Run shows.
func (c *showCommand) Run(ctx context.Context, t *cli.Terminal) error {
	return c.show(ctx, t, jobs.QuarantineParams{Account: c.Account, OfTenant: jobs.OfTenant{Tenant: c.Tenant}})
}

// show prints the quarantine.
func (c *quarantineFlags) show(ctx context.Context, t *cli.Terminal, params jobs.QuarantineParams) error {
	quarantine := jobs.Command[[]jobs.Quarantined]{Name: "quarantine", Params: params, Output: c.Output}
	return quarantine.Run(ctx, t, c, func(w io.Writer, found []jobs.Quarantined) {
		if len(found) == 0 {
			fmt.Fprintln(w, "the quarantine is empty")
			return
		}
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "consumer\tid\tversion\tsince\tcause")
		for _, s := range found {
			fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\n", s.Consumer, s.ID, s.Version, s.At.Format(time.RFC3339), s.Cause)
			if len(s.Data) > 0 {
				fmt.Fprintf(table, "%s\n", s.Data)
			}
		}
		_ = table.Flush() // w reports its own errors
	})
}

// redriveCommand redrives.
type redriveCommand struct {
	quarantineFlags
	cli.ReasonFlag
	Account string `arg:"" optional:"" help:"Account id."`
	All     bool   `name:"all" help:"Every account in quarantine."`
	Tenant  string `name:"tenant" placeholder:"TENANT" help:"The account's tenant [main]; with --all, only this one's."`
	DryRun  bool   `name:"dry-run" help:"Only show what it would do."`
}

// Help returns the example.
func (redriveCommand) Help() string { return "Example:\n\n  bank quarantine redrive --all" }

// Run redrives.
func (c *redriveCommand) Run(ctx context.Context, t *cli.Terminal) error {
	redrive := jobs.Command[jobs.RedriveResult]{Name: "redrive", Params: jobs.RedriveParams{Account: c.Account, All: c.All, DryRun: c.DryRun, OfTenant: jobs.OfTenant{Tenant: c.Tenant}}, Output: c.Output, Reason: c.Reason}
	return redrive.Run(ctx, t, &c.quarantineFlags, func(w io.Writer, done jobs.RedriveResult) {
		if done.DryRun {
			for _, name := range done.Redriven {
				fmt.Fprintf(w, "%s would be folded from the journal\n", name)
			}
			return
		}
		for _, name := range done.Redriven {
			fmt.Fprintf(w, "%s is released\n", name)
		}
		for _, name := range done.Blocked {
			fmt.Fprintf(w, "%s still cannot be processed\n", name)
		}
		fmt.Fprintf(w, "%d released, %d still in quarantine\n", len(done.Redriven), len(done.Blocked))
		if done.Records > 0 {
			fmt.Fprintf(w, "%d records that name no account remain: bank quarantine list shows them, bank quarantine clear --all removes them\n",
				done.Records)
		}
	})
}

// clearCommand clears.
type clearCommand struct {
	quarantineFlags
	cli.ReasonFlag
	Record string `arg:"" optional:"" help:"Id of a record."`
	All    bool   `name:"all" help:"Every record that names no account."`
	DryRun bool   `name:"dry-run" help:"Only show what it would do."`
}

// Help returns the example.
func (clearCommand) Help() string {
	return "An account that such a record was about was read from the journal instead. The log keeps what was cleared.\n\n" +
		"Example:\n\n  bank quarantine clear --all"
}

// Run clears.
func (c *clearCommand) Run(ctx context.Context, t *cli.Terminal) error {
	clear := jobs.Command[jobs.ClearResult]{Name: "clear", Params: jobs.ClearParams{Record: c.Record, All: c.All, DryRun: c.DryRun}, Output: c.Output, Reason: c.Reason}
	return clear.Run(ctx, t, &c.quarantineFlags, func(w io.Writer, done jobs.ClearResult) {
		verb := "cleared"
		if done.DryRun {
			verb = "would clear"
		}
		for _, s := range done.Records {
			fmt.Fprintf(w, "%s %s of %s: %s\n", verb, s.ID, s.Consumer, s.Cause)
		}
		fmt.Fprintf(w, "%s %d records\n", verb, len(done.Records))
	})
}
