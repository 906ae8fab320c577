package replay

import (
	"context"
	"fmt"
	"io"

	"passbook/cmd/internal/console"
	"passbook/cmd/internal/jobs"
)

// journalCommand restores the journal.
type journalCommand struct {
	console.JobFlags
	endFlags
}

// Help is the example.
func (journalCommand) Help() string {
	return "For a journal that was lost: each account comes back up to its first gap, and what is there already is compared. " +
		"The bank stands still meanwhile.\n\nExample:\n\n  replay journal --dry-run"
}

// Run restores.
func (c *journalCommand) Run(ctx context.Context, t *console.Terminal) error {
	config, err := t.Config(&c.JobFlags)
	if err != nil {
		return err
	}
	done, err := jobs.Do[jobs.RestoreResult](ctx, t, config, "journal", jobs.JournalParams{DryRun: c.DryRun, Proving: c.proving()})
	return console.Show(t, c.JSON, done, err, func(w io.Writer) {
		c.showExtent(w, done.Extent)
		for _, gap := range done.Gaps {
			fmt.Fprintf(w, "not in the archive: %s\n", gap)
		}
		for _, fault := range done.Faults.List {
			fmt.Fprintf(w, "%s v%d: %s\n", fault.Account.ID, fault.Version, fault.What)
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

// showLacking writes what a dry run of journal read, and what the journal lacks of it.
func showLacking(w io.Writer, done jobs.RestoreResult) {
	for _, life := range done.Lives {
		fmt.Fprintf(w, "read stream %s\n", life)
	}
	if done.Lacking == nil { // it failed before
		return
	}
	for _, a := range done.Lacking.List[:min(len(done.Lacking.List), accountsShown)] {
		fmt.Fprintf(w, "would put %s: %d entries, v%d to v%d\n", a.Account, a.Entries, a.From, a.To)
	}
	if more := done.Lacking.Accounts - accountsShown; more > 0 {
		fmt.Fprintf(w, "and %d more accounts: --json names up to 10,000\n", more)
	}
	fmt.Fprintf(w, "would put %d entries of %d accounts that the journal lacks; read %d entries, %d faults; what is on the stream and in no segment yet is not counted\n",
		done.Lacking.Entries, done.Lacking.Accounts, done.Entries, done.Faults.Count)
}

// republishCommand puts archived entries on a stream.
type republishCommand struct {
	console.JobFlags
	Stream  string          `name:"stream" required:"" placeholder:"NAME" help:"Where to; made if missing. The role of replay may make PREFIXcopy and PREFIXcopy.NAME."`
	From    console.Instant `name:"from" placeholder:"TIME" help:"Recorded at or after."`
	To      console.Instant `name:"to" placeholder:"TIME" help:"Recorded before."`
	Account []string        `name:"account" placeholder:"ID" help:"These accounts alone."`
	Live    bool            `name:"live" help:"It may be the live stream."`
}

// Help is the example.
func (republishCommand) Help() string {
	return "All that the bank knows: the archive, and after it what the journal has and no segment yet.\n\nExample:\n\n  replay republish --stream passbook-copy"
}

// Run republishes.
func (c *republishCommand) Run(ctx context.Context, t *console.Terminal) error {
	config, err := t.Config(&c.JobFlags)
	if err != nil {
		return err
	}
	if c.Live && !c.DryRun {
		if err := t.Sure(c.Yes, "republish onto "+c.Stream, c.Stream); err != nil {
			return err
		}
	}
	params := jobs.RepublishParams{Stream: c.Stream, Live: c.Live, From: c.From, To: c.To, Accounts: c.Account, DryRun: c.DryRun}
	done, err := jobs.Do[jobs.RepublishResult](ctx, t, config, "republish", params)
	return console.Show(t, c.JSON, done, err, func(w io.Writer) {
		if c.DryRun {
			fmt.Fprintf(w, "would read %d events in %d segments, and from the journal what no segment holds yet\n", done.Events, done.Segments)
			return
		}
		fmt.Fprintf(w, "%d entries are on %s\n", done.Entries, done.Stream)
	})
}
