package bank

import (
	"context"
	"fmt"
	"io"
	"time"

	"passbook/cmd/internal/console"
	"passbook/cmd/internal/jobs"
)

// clockCommand is about accounts that are ahead of the clock.
type clockCommand struct {
	Accept acceptCommand `cmd:"" help:"Let an account go on whose last entry is over 31 days ahead."`
}

// Help is the example.
func (clockCommand) Help() string { return "Example:\n\n  bank clock accept A-1" }

// acceptCommand accepts an account's time.
type acceptCommand struct {
	console.StoreFlags
	JSON    bool   `name:"json" help:"The result as JSON."`
	Account string `arg:"" help:"Account id."`
}

// Help is what it does, and the example.
func (acceptCommand) Help() string {
	return "An account's entries never go back in time. After one under a clock that was far ahead its commands are refused as clock-skew; " +
		"accepted, it goes on, and its time stands until the clock has come up to it. Set the clock first.\n\nExample:\n\n  bank clock accept A-1"
}

// Run accepts.
func (c *acceptCommand) Run(ctx context.Context, t *console.Terminal) error {
	config, err := t.Config(c)
	if err != nil {
		return err
	}
	done, err := jobs.Do[jobs.ClockResult](ctx, t, config, "clock", jobs.ClockParams{Account: c.Account})
	return console.Show(t, c.JSON, done, err, func(w io.Writer) {
		fmt.Fprintf(w, "%s goes on; its time stands at %s until the clock has come up to it\n", done.Account, done.Until.Format(time.RFC3339))
	})
}
