// Command replay makes things again from the archive: read models, the journal, states of the past,
// stream records.
//
// A running bank does the work itself, on request; without one the data directory is opened here.
package main

import (
	"context"

	"passbook/cmd/internal/console"
)

// grammar is the command line.
type grammar struct {
	Rebuild   rebuildCommand   `cmd:"" help:"Fold the archive into a new generation of a read model."`
	Promote   promoteCommand   `cmd:"" help:"Make the new generation live, if it is equal."`
	Discard   discardCommand   `cmd:"" help:"Remove the generation that is not live."`
	Journal   journalCommand   `cmd:"" help:"Restore the journal."`
	At        atCommand        `cmd:"" help:"States of accounts as of a time or version."`
	Republish republishCommand `cmd:"" help:"Put archived entries on a stream again, as the bytes that they were."`
	Stream    streamCommand    `cmd:"" help:"Give the stream a new life, behind an older copy."`
}

// Help is the example of the program's help.
func (grammar) Help() string { return "Example:\n\n  replay rebuild --model balance --dry-run" }

func main() { console.Main(nil, run) }

// run is the program.
func run(ctx context.Context, args []string, t *console.Terminal) int {
	return console.Run(ctx, "replay", "Make things again from the archive.", &grammar{}, args, t)
}
