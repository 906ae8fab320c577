package bank

import (
	"context"
	"fmt"
	"io"
	"time"

	"passbook/cmd/internal/cli"
	"passbook/cmd/internal/jobs"
	"passbook/shared/event"
)

// clockCommand groups the commands on accounts that are ahead of the clock.
type clockCommand struct {
	Accept acceptCommand `cmd:"" help:"Unblock an account whose last entry is over 31 days ahead."`
}

// Help returns the example.
func (clockCommand) Help() string { return "Example:\n\n  bank clock accept A-1" }

// acceptCommand accepts an account's time.
type acceptCommand struct {
	cli.StoreFlags
	cli.ReasonFlag
	cli.Output
	cli.OneTenant
	Account string `arg:"" help:"Account id."`
}

// Help returns what it does, and the example.
func (acceptCommand) Help() string {
	return "The times of an account's entries never decrease. After an entry under a clock that was far ahead, its commands are refused with clock-skew. " +
		"Once accepted, it takes commands again, and its entries keep that time until the clock reaches it. Set the clock first.\n\nExample:\n\n  bank clock accept A-1"
}

// Run accepts.
func (c *acceptCommand) Run(ctx context.Context, t *cli.Terminal) error {
	accept := jobs.Command[jobs.ClockResult]{Name: "clock", Params: jobs.ClockParams{Account: c.Account, OfTenant: jobs.OfTenant{Tenant: c.Tenant}}, Output: c.Output, Reason: c.Reason}
	return accept.Run(ctx, t, c, func(w io.Writer, done jobs.ClockResult) {
		fmt.Fprintf(w, "%s accepts commands again; its entries have the time %s until the clock reaches it\n", event.Account{Tenant: done.Tenant, ID: done.Account}, done.Until.Format(time.RFC3339))
	})
}
