package replay

import (
	"context"

	"passbook/cmd/internal/cli"
)

// Below is the program as a command of another one.
type Below struct {
	Replay Commands `cmd:"" group:"operate" help:"Rebuild read models, the journal and past states from the archive."`
}

// Commands are the commands of the program.
type Commands struct {
	Rebuild   rebuildCommand   `cmd:"" help:"Fold the archive into a new generation of a read model."`
	Promote   promoteCommand   `cmd:"" help:"Make the new generation live, if its rows equal the live ones or the journal."`
	Discard   discardCommand   `cmd:"" help:"Remove the generation that is not live."`
	Journal   journalCommand   `cmd:"" help:"Restore a lost journal."`
	At        atCommand        `cmd:"" help:"Print states of accounts as of a time or version."`
	Republish republishCommand `cmd:"" help:"Put archived entries on a stream, byte for byte."`
	Stream    streamCommand    `cmd:"" help:"Recreate the stream behind an older copy of the database."`
}

// Help returns the example of the program's help.
func (Commands) Help() string { return "Example:\n\n  replay rebuild --model balance --dry-run" }

// Main runs the program. It does not return.
func Main(version string) {
	cli.Main(version, nil, func(ctx context.Context, args []string, t *cli.Terminal) int {
		return cli.Run(ctx, "replay", "Rebuild read models, journal and stream from the archive.", &Commands{}, args, t)
	})
}
