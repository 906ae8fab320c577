package bank

import (
	"context"
	"fmt"
	"strings"

	"github.com/alecthomas/kong"

	"passbook/cmd/internal/cli"
	"passbook/cmd/internal/importer"
	"passbook/cmd/internal/teller"
	"passbook/cmd/internal/watch"
	"passbook/shared/access"
)

// grammar is the command line.
type grammar struct {
	kong.Plugins // commands that are programs too

	Account  teller.AccountCommand  `cmd:"" group:"use" help:"Open, show and list accounts, their events and statements."`
	Balance  teller.BalanceCommand  `cmd:"" group:"use" help:"Show a balance, now or then."`
	Credit   teller.CreditCommand   `cmd:"" group:"use" help:"Put money into an account."`
	Withdraw teller.WithdrawCommand `cmd:"" group:"use" help:"Take money out of an account."`
	Transfer teller.TransferCommand `cmd:"" group:"use" help:"Move money between two accounts."`
	Reverse  teller.ReverseCommand  `cmd:"" group:"use" help:"Reverse a transaction."`
	Hold     teller.HoldCommand     `cmd:"" group:"use" help:"Reserve money, capture and release it."`
	Limit    teller.LimitCommand    `cmd:"" group:"use" help:"Show, set and explain lines of credit."`
	Freeze   teller.FreezeCommand   `cmd:"" group:"use" help:"Stop debits of an account, or everything."`
	Unfreeze teller.UnfreezeCommand `cmd:"" group:"use" help:"End a freeze."`
	Webhook  teller.WebhookCommand  `cmd:"" group:"use" help:"Have events sent to URLs."`
	Tail     watch.Tail             `cmd:"" group:"watch" help:"Print the newest events, or follow them."`
	Trace    watch.Trace            `cmd:"" group:"watch" help:"Tell how an event came about and where it went."`
	Import   importer.Command       `cmd:"" group:"use" help:"Book a file of accounts, credits and withdrawals, once."`
	Config   teller.ConfigCommand   `cmd:"" group:"use" help:"Which bank is called, and as whom."`

	Serve serveCommand `cmd:"" group:"run" help:"Serve the bank until it is interrupted."`
	Dev   devCommand   `cmd:"" group:"run" help:"Serve a bank for development, with a clock to move."`
	Demo  demoCommand  `cmd:"" group:"run" help:"Play a day at the bank and check its books."`

	Key        keyCommand        `cmd:"" group:"operate" help:"Keys with which callers of the API say who they are."`
	Lag        watch.Lag         `cmd:"" group:"watch" help:"Show how far the consumers are."`
	Doctor     doctorCommand     `cmd:"" group:"watch" help:"Look for what is wrong, and say what to do."`
	Log        logCommand        `cmd:"" group:"operate" help:"What operators had done, newest first."`
	Quarantine quarantineCommand `cmd:"" group:"operate" help:"Accounts and records that a consumer could not process."`
	Archive    archiveCommand    `cmd:"" group:"operate" help:"The archive's owner, damaged segments and signed log."`
	Resources  resourcesCommand  `cmd:"" group:"operate" help:"Create the tables, streams, bucket and key on AWS."`
	RotateKey  rotateCommand     `cmd:"" group:"operate" help:"Make a new data key, which signs from then on."`
	Backup     backupCommand     `cmd:"" group:"operate" help:"Back up a bank, and verify backups."`
	Restore    restoreCommand    `cmd:"" group:"operate" help:"Make a bank of a backup, in a new data directory."`
	Upgrade    upgradeCommand    `cmd:"" group:"operate" help:"Switch the bank to the newest entry format."`
	Clock      clockCommand      `cmd:"" group:"operate" help:"Accounts whose last entry is ahead of the clock."`
	Actor      actorCommand      `cmd:"" group:"operate" help:"Names behind actors of persons."`
	Salvage    salvageCommand    `cmd:"" group:"operate" help:"Cut the damaged end off the write-ahead log."`

	Completion cli.CompletionCommand `cmd:"" group:"run" help:"Print what makes a shell complete commands."`
	Version    versionCommand        `cmd:"" group:"run" help:"Print the version."`
}

// Vars returns what the help texts refer to.
func (grammar) Vars() map[string]string {
	return map[string]string{"listen": Program.Listen, "scopes": strings.Join(access.All.Names(), ", ")}
}

// Help returns the example of the program's help.
func (grammar) Help() string { return "Example:\n\n  bank serve --data ./data" }

// Main runs the program, with commands that are also separate programs. It does not return.
func Main(version string, programs ...any) {
	cli.Main(version, nil, func(ctx context.Context, args []string, t *cli.Terminal) int {
		return cli.Run(ctx, Program.Name, Program.About, &grammar{Plugins: programs}, args, t)
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
