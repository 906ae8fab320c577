// Command bank is all of Passbook in one process: withdraw, credit, balance, credit limit, archiver
// and publisher on one listener, and the jobs beside them on a loopback listener of their own.
//
// bank serve serves; bank demo plays a day against a bank; bank quarantine shows and releases the
// accounts that a consumer set aside. serve.go is where everything is wired.
package main

import (
	"context"

	"passbook/cmd/internal/console"
)

// version is set by the linker.
var version = "dev"

// grammar is the command line.
type grammar struct {
	Print      versionFlag       `name:"version" help:"Print the version and end."`
	Serve      serveCommand      `cmd:"" help:"Serve the bank until it is interrupted."`
	Demo       demoCommand       `cmd:"" help:"Play a day at the bank and check its books."`
	Quarantine quarantineCommand `cmd:"" help:"Accounts that a consumer has set aside."`
	Archive    archiveCommand    `cmd:"" help:"Whose the archive is, and what replaces its damaged segments."`
	Resources  resourcesCommand  `cmd:"" help:"Make the tables, streams and bucket."`
	Clock      clockCommand      `cmd:"" help:"Accounts ahead of the clock."`
	Salvage    salvageCommand    `cmd:"" help:"Open a bank without the damaged end of its log."`
	Version    versionCommand    `cmd:"" help:"Print the version."`
}

// Vars are the defaults that the help refers to.
func (grammar) Vars() map[string]string { return map[string]string{"listen": "127.0.0.1:8080"} }

// Help is the example of the program's help.
func (grammar) Help() string { return "Example:\n\n  bank serve --data ./data" }

func main() { console.Main(nil, run) }

// run is the program.
func run(ctx context.Context, args []string, t *console.Terminal) int {
	return console.Run(ctx, "bank", "A bank's account pipeline in one process.", &grammar{}, args, t)
}
