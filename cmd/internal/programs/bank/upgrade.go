package bank

import (
	"context"
	"fmt"
	"io"
	"time"

	"passbook/cmd/internal/cli"
	"passbook/cmd/internal/jobs"
	"passbook/shared/platform"
	"passbook/shared/upgrade"
)

// upgradeCommand switches the bank to the newest entry format.
type upgradeCommand struct {
	cli.JobFlags
	Wait      time.Duration `name:"wait" default:"5m" help:"How long to wait for writers that have not followed."`
	ListAgain bool          `name:"list-again" help:"Where the bucket has lost the list of entries without a mac: make it from the journal, and trust those that the journal has now."`
}

// Help returns what it does, and the example.
func (upgradeCommand) Help() string {
	return "Switches the bank to the newest entry format, once every program runs this release. It works beside a running bank, which serves throughout. " +
		"It refuses, and changes nothing, while a program runs that does not know the format; what was interrupted is continued by the same command. " +
		"Afterwards programs of an older release refuse the bank: there is no way back.\n\nExample:\n\n  bank upgrade --dry-run"
}

// Run upgrades.
func (c *upgradeCommand) Run(ctx context.Context, t *cli.Terminal) error {
	params := jobs.UpgradeParams{DryRun: c.DryRun, WaitSeconds: c.Wait.Seconds(), ListAgain: c.ListAgain}
	job := jobs.Command[upgrade.Result]{Name: "upgrade", Params: params, Output: c.Output, Reason: c.Reason, Confirm: func(config platform.Config) error {
		return t.Sure(c.Yes || c.DryRun, "upgrade the bank "+config.Prefix, config.Prefix)
	}}
	return job.Run(ctx, t, &c.StoreFlags, showUpgrade)
}

// showUpgrade prints what was done.
func showUpgrade(w io.Writer, done upgrade.Result) {
	for _, account := range done.Damaged {
		fmt.Fprintf(w, "%s: a row of the journal is damaged; its older entries are listed up to there: run audit\n", account)
	}
	switch {
	case done.DryRun && done.Changed:
		fmt.Fprintf(w, "would switch bank %s from entry format %d to %d: every program is ready\n", done.Bank, done.From, done.To)
	case done.DryRun:
		fmt.Fprintf(w, "bank %s is at entry format %d: every program is ready\n", done.Bank, done.To)
	case !done.Changed:
		fmt.Fprintf(w, "bank %s is at entry format %d already; %d accounts have older entries, all of them listed\n", done.Bank, done.To, done.Accounts)
	case done.Late > 0:
		fmt.Fprintf(w, "bank %s is at entry format %d; %d accounts got an older entry late, and are listed now\n", done.Bank, done.To, done.Late)
	case done.ListedAgain:
		fmt.Fprintf(w, "bank %s: the last entries without a mac of %d accounts are listed again, in heads/v1/%s.json\n", done.Bank, done.Accounts, done.Heads)
	default:
		fmt.Fprintf(w, "bank %s is switched to entry format %d; the last older entry of %d accounts is listed in heads/v1/%s.json\n", done.Bank, done.To, done.Accounts, done.Heads)
	}
}
