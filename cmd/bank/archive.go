package main

import (
	"context"
	"fmt"
	"io"

	"passbook/cmd/internal/console"
	"passbook/cmd/internal/jobs"
	"passbook/shared/stores"
)

// archiveCommand looks after the archive itself.
type archiveCommand struct {
	Claim claimCommand `cmd:"" help:"Say that the archive is this bank's."`
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
