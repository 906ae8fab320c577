package bank

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"passbook/cmd/internal/console"
	"passbook/cmd/internal/jobs"
)

// quarantineCommand looks into the quarantine.
type quarantineCommand struct {
	List    listCommand    `cmd:"" help:"List what is set aside."`
	Show    showCommand    `cmd:"" help:"Show one account, with the record."`
	Redrive redriveCommand `cmd:"" help:"Let an account go on from the journal."`
	Clear   clearCommand   `cmd:"" help:"Forget records that name no account."`
}

// Help is the example.
func (quarantineCommand) Help() string {
	return "An account that a consumer cannot fold is set aside; all others go on.\n\nExample:\n\n  bank quarantine list"
}

// quarantineFlags are those of the commands.
type quarantineFlags struct {
	console.StoreFlags
	JSON bool `name:"json" help:"The result as JSON."`
}

// listCommand lists.
type listCommand struct{ quarantineFlags }

// Help is the example.
func (listCommand) Help() string { return "Example:\n\n  bank quarantine list --json" }

// Run lists.
func (c *listCommand) Run(ctx context.Context, t *console.Terminal) error {
	return c.show(ctx, t, jobs.QuarantineParams{})
}

// showCommand shows.
type showCommand struct {
	quarantineFlags
	Account string `arg:"" help:"Account id, or the id of a record."`
}

// Help is the example.
func (showCommand) Help() string { return "Example:\n\n  bank quarantine show A-1" }

// Run shows.
func (c *showCommand) Run(ctx context.Context, t *console.Terminal) error {
	return c.show(ctx, t, jobs.QuarantineParams{Account: c.Account})
}

// show prints what is set aside.
func (c *quarantineFlags) show(ctx context.Context, t *console.Terminal, params jobs.QuarantineParams) error {
	config, err := t.Config(c)
	if err != nil {
		return err
	}
	found, err := jobs.Do[[]jobs.Quarantined](ctx, t, config, "quarantine", params)
	return console.Show(t, c.JSON, found, err, func(w io.Writer) {
		if len(found) == 0 {
			fmt.Fprintln(w, "nothing is set aside")
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
	Account string `arg:"" optional:"" help:"Account id."`
	All     bool   `name:"all" help:"Every account that is set aside."`
}

// Help is the example.
func (redriveCommand) Help() string { return "Example:\n\n  bank quarantine redrive --all" }

// Run redrives.
func (c *redriveCommand) Run(ctx context.Context, t *console.Terminal) error {
	config, err := t.Config(&c.quarantineFlags)
	if err != nil {
		return err
	}
	done, err := jobs.Do[jobs.RedriveResult](ctx, t, config, "redrive", jobs.RedriveParams{Account: c.Account, All: c.All})
	return console.Show(t, c.JSON, done, err, func(w io.Writer) {
		for _, name := range done.Redriven {
			fmt.Fprintf(w, "%s goes on\n", name)
		}
		for _, name := range done.Blocked {
			fmt.Fprintf(w, "%s cannot go on still\n", name)
		}
		fmt.Fprintf(w, "%d redriven, %d blocked\n", len(done.Redriven), len(done.Blocked))
		if done.Records > 0 {
			fmt.Fprintf(w, "%d records that name no account were not touched: bank quarantine list shows them, bank quarantine clear --all forgets them\n",
				done.Records)
		}
	})
}

// clearCommand clears.
type clearCommand struct {
	quarantineFlags
	Record string `arg:"" optional:"" help:"Id of a record."`
	All    bool   `name:"all" help:"Every record that names no account."`
	DryRun bool   `name:"dry-run" help:"Only show what it would do."`
}

// Help is the example.
func (clearCommand) Help() string {
	return "The account that a record was meant for, if any, has gone on from the journal. The log keeps what was cleared.\n\n" +
		"Example:\n\n  bank quarantine clear --all"
}

// Run clears.
func (c *clearCommand) Run(ctx context.Context, t *console.Terminal) error {
	config, err := t.Config(&c.quarantineFlags)
	if err != nil {
		return err
	}
	done, err := jobs.Do[jobs.ClearResult](ctx, t, config, "clear", jobs.ClearParams{Record: c.Record, All: c.All, DryRun: c.DryRun})
	return console.Show(t, c.JSON, done, err, func(w io.Writer) {
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
