package bank

import (
	"context"
	"fmt"
	"io"

	"passbook/cmd/internal/console"
	"passbook/cmd/internal/jobs"
	"passbook/shared/replay"
	"passbook/shared/stores"
)

// archiveCommand looks after the archive itself.
type archiveCommand struct {
	Claim  claimCommand  `cmd:"" help:"Say that the archive is this bank's."`
	Retire retireCommand `cmd:"" help:"Have a damaged or missing segment count as replaced."`
}

// Help is the example.
func (archiveCommand) Help() string { return "Example:\n\n  bank archive claim --yes" }

// claimCommand ties the archive to the bank on a person's word.
type claimCommand struct {
	console.StoreFlags
	Yes  bool `name:"yes" help:"Do not ask."`
	JSON bool `name:"json" help:"The result as JSON."`
}

// Help is the example.
func (claimCommand) Help() string {
	return "An archive belongs to one bank: owner.json in it and a row of the control table name the same. A program that finds another " +
		"name, or none where there are segments already, refuses to go on. Claim an archive only if its segments are this bank's: two banks in one archive cannot be " +
		"told apart again.\n\nExample:\n\n  bank archive claim --yes"
}

// Run claims.
func (c *claimCommand) Run(ctx context.Context, t *console.Terminal) error {
	config, err := t.Config(&c.StoreFlags)
	if err != nil {
		return err
	}
	if err := t.Sure(c.Yes, "claim the archive for the bank "+config.Prefix, config.Prefix); err != nil {
		return err
	}
	done, err := jobs.Do[stores.Claimed](ctx, t, config, "claim", nil)
	return console.Show(t, c.JSON, done, err, func(w io.Writer) {
		fmt.Fprintf(w, "the archive and the tables are those of bank %s\n", done.Bank)
		if done.Before != "" {
			fmt.Fprintf(w, "the tables were those of bank %s\n", done.Before)
		}
	})
}

// retireCommand has a segment count as replaced.
type retireCommand struct {
	console.StoreFlags
	Key    string `arg:"" help:"The segment, as audit names it: events/v1/…"`
	DryRun bool   `name:"dry-run" help:"Prove everything, and write nothing."`
	Yes    bool   `name:"yes" help:"Do not ask."`
	JSON   bool   `name:"json" help:"The result as JSON."`
}

// Help is the example.
func (retireCommand) Help() string {
	return "After audit --repair other segments hold what a damaged or missing one held. Retire proves that, entry by entry against the journal, " +
		"and writes an object under retired/v1/ which names them; from then on the segment is no difference. Nothing is changed or deleted. " +
		"What is missing still ends it with 3.\n\nExample:\n\n  bank archive retire --dry-run KEY"
}

// Run retires.
func (c *retireCommand) Run(ctx context.Context, t *console.Terminal) error {
	config, err := t.Config(&c.StoreFlags)
	if err != nil {
		return err
	}
	if err := t.Sure(c.Yes || c.DryRun, "retire "+c.Key, config.Prefix); err != nil {
		return err
	}
	done, err := jobs.Do[replay.RetireResult](ctx, t, config, "retire", jobs.RetireParams{Key: c.Key, DryRun: c.DryRun})
	return console.Show(t, c.JSON, done, err, func(w io.Writer) {
		for _, fault := range done.Faults.List {
			fmt.Fprintln(w, fault)
		}
		switch {
		case err != nil:
		case done.Before:
			fmt.Fprintf(w, "%s was retired before\n", done.Key)
		case done.DryRun:
			fmt.Fprintf(w, "would retire %s: %d entries are in %d other segments\n", done.Key, done.Entries, len(done.Replacing))
		default:
			fmt.Fprintf(w, "%s is retired: %d entries are in %d other segments, as %s says\n", done.Key, done.Entries, len(done.Replacing), done.Object)
		}
	})
}
