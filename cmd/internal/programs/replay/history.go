package replay

import (
	"context"
	"fmt"
	"io"

	"passbook/cmd/internal/cli"
	"passbook/cmd/internal/jobs"
	"passbook/shared/event"
	"passbook/shared/platform"
)

// journalCommand restores the journal.
type journalCommand struct {
	cli.JobFlags
	endFlags
	sortFlags
}

// sortFlags are the flags of commands that sort the archive's entries by account.
type sortFlags struct {
	Memory platform.Bytes `name:"memory" placeholder:"SIZE" help:"Memory in which entries are sorted by account; more are in a scratch file [256MiB]."`
}

func (f sortFlags) sorting() jobs.Sorting { return jobs.Sorting{Memory: int64(f.Memory)} }

// Help returns the example.
func (journalCommand) Help() string {
	return "For a journal that was lost: each account is restored up to its first gap, and entries that exist are compared. " +
		"No bank may run at the same time.\n\nExample:\n\n  replay journal --dry-run"
}

// Run restores.
func (c *journalCommand) Run(ctx context.Context, t *cli.Terminal) error {
	restore := jobs.Command[jobs.RestoreResult]{Name: "journal", Params: jobs.JournalParams{DryRun: c.DryRun, Sorting: c.sorting(), Proving: c.proving()}, Output: c.Output, Reason: c.Reason}
	return restore.Run(ctx, t, &c.JobFlags, func(w io.Writer, done jobs.RestoreResult) {
		c.showExtent(w, done.Extent)
		for _, gap := range done.Gaps {
			fmt.Fprintf(w, "not in the archive: %s\n", gap)
		}
		for _, fault := range done.Faults.List {
			fmt.Fprintln(w, fault)
		}
		if c.DryRun {
			showLacking(w, done)
			return
		}
		fmt.Fprintf(w, "%d entries of %d accounts are in the journal, %d faults\n", done.Entries, done.Accounts, done.Faults.Count)
	})
}

// accountsShown bounds the accounts that a dry run names.
const accountsShown = 20

// showLacking prints what a dry run of journal read, and what of it the journal lacks.
func showLacking(w io.Writer, done jobs.RestoreResult) {
	for _, life := range done.Lives {
		fmt.Fprintf(w, "read stream %s\n", life)
	}
	if done.Lacking == nil { // it failed before
		return
	}
	for _, a := range done.Lacking.List[:min(len(done.Lacking.List), accountsShown)] {
		fmt.Fprintf(w, "would put %s: %d entries, v%d to v%d\n", event.Account{Tenant: a.Tenant, ID: a.Account}, a.Entries, a.From, a.To)
	}
	if more := done.Lacking.Accounts - accountsShown; more > 0 {
		fmt.Fprintf(w, "and %d more accounts: -o json names up to 10,000\n", more)
	}
	fmt.Fprintf(w, "would put %d entries of %d accounts that the journal lacks; read %d entries, %d faults; entries that are on the stream but in no segment yet are not counted\n",
		done.Lacking.Entries, done.Lacking.Accounts, done.Entries, done.Faults.Count)
}

// republishCommand puts archived entries on a stream.
type republishCommand struct {
	cli.JobFlags
	Stream  string      `name:"stream" required:"" placeholder:"NAME" help:"The stream; created if missing. The role of replay may create PREFIXcopy and PREFIXcopy.NAME."`
	From    cli.Instant `name:"from" placeholder:"TIME" help:"Recorded at or after."`
	To      cli.Instant `name:"to" placeholder:"TIME" help:"Recorded before."`
	Account []string    `name:"account" placeholder:"ID" help:"Only these accounts."`
	Tenant  string      `name:"tenant" placeholder:"TENANT" help:"The accounts' tenant [main]; without --account, only this one's."`
	Live    bool        `name:"live" help:"Allow the live stream."`
}

// Help returns the example.
func (republishCommand) Help() string {
	return "Puts everything that the bank knows on a stream: the archive, and then the journal's entries that are in no segment yet.\n\nExample:\n\n  replay republish --stream passbook-copy"
}

// Run republishes.
func (c *republishCommand) Run(ctx context.Context, t *cli.Terminal) error {
	republish := jobs.Command[jobs.RepublishResult]{
		Name: "republish", Output: c.Output, Reason: c.Reason,
		Params: jobs.RepublishParams{
			Stream: c.Stream, Live: c.Live, From: c.From, To: c.To, Accounts: c.Account, OfTenant: jobs.OfTenant{Tenant: c.Tenant}, DryRun: c.DryRun,
		},
		Confirm: func(platform.Config) error {
			return t.Sure(c.Yes || !c.Live || c.DryRun, "republish onto "+c.Stream, c.Stream)
		},
	}
	return republish.Run(ctx, t, &c.JobFlags, func(w io.Writer, done jobs.RepublishResult) {
		if c.DryRun {
			fmt.Fprintf(w, "would read %d events in %d segments, and from the journal the entries that are in no segment yet\n", done.Events, done.Segments)
			return
		}
		fmt.Fprintf(w, "%d entries are on %s\n", done.Entries, done.Stream)
	})
}
