package bank

import (
	"context"
	"fmt"
	"strings"

	"github.com/alecthomas/kong"

	"passbook/cmd/internal/cli"
	"passbook/shared/access"
)

// grammar is the command line.
type grammar struct {
	Print      kong.VersionFlag  `name:"version" help:"Print the version and exit."`
	Serve      serveCommand      `cmd:"" help:"Serve the bank until it is interrupted."`
	Demo       demoCommand       `cmd:"" help:"Play a day at the bank and check its books."`
	Quarantine quarantineCommand `cmd:"" help:"Accounts and records that a consumer could not process."`
	Archive    archiveCommand    `cmd:"" help:"The archive's owner, and its damaged segments."`
	Resources  resourcesCommand  `cmd:"" help:"Create the tables, streams, bucket and key, and tie the archive to the bank."`
	RotateKey  rotateCommand     `cmd:"" help:"Make a new data key, which signs from then on."`
	Upgrade    upgradeCommand    `cmd:"" help:"Switch the bank to the newest entry format."`
	Clock      clockCommand      `cmd:"" help:"Accounts whose last entry is ahead of the clock."`
	Key        keyCommand        `cmd:"" help:"Keys with which callers of the API say who they are."`
	Log        logCommand        `cmd:"" help:"What operators had done, newest first."`
	Actor      actorCommand      `cmd:"" help:"Names behind actors of persons."`
	Salvage    salvageCommand    `cmd:"" help:"Cut the damaged end off the write-ahead log."`
	Version    versionCommand    `cmd:"" help:"Print the version."`
}

// Vars returns what the help texts refer to.
func (grammar) Vars() map[string]string {
	return map[string]string{"listen": Program.Listen, "scopes": strings.Join(access.All.Names(), ", ")}
}

// Help returns the example of the program's help.
func (grammar) Help() string { return "Example:\n\n  bank serve --data ./data" }

// Main runs the program. It does not return.
func Main(version string) {
	cli.Main(version, nil, func(ctx context.Context, args []string, t *cli.Terminal) int {
		return cli.Run(ctx, Program.Name, Program.About, &grammar{}, args, t)
	})
}

// versionCommand prints the version.
type versionCommand struct{}

// Help returns the example.
func (versionCommand) Help() string { return "Example:\n\n  bank version" }

// Run prints it.
func (versionCommand) Run(t *cli.Terminal) error {
	_, err := fmt.Fprintln(t.Out, t.Describe(Program.Name))
	return err
}
