package replay

import (
	"context"
	"fmt"
	"io"
	"time"

	"passbook/cmd/internal/console"
	"passbook/cmd/internal/deployment"
	"passbook/cmd/internal/jobs"
)

// streamCommand gives the stream a new life.
type streamCommand struct{ console.JobFlags }

// Help is the example.
func (streamCommand) Help() string {
	return "For a data directory that was put back from a copy older than its archive: its stream would give out sequence numbers again that " +
		"are in the archive. In its new life nothing has a number of before. Run replay journal first. The read models are brought up to " +
		"the journal at the next start.\n\nExample:\n\n  replay stream --dry-run"
}

// Run renews.
func (c *streamCommand) Run(ctx context.Context, t *console.Terminal) error {
	config, err := t.Config(&c.JobFlags)
	if err != nil {
		return err
	}
	name := config.Stream(deployment.EventStream)
	if !c.DryRun {
		if err := t.Sure(c.Yes, "give "+name+" a new life", name); err != nil {
			return err
		}
	}
	done, err := jobs.Do[jobs.RenewResult](ctx, t, config, "stream", jobs.RenewParams{DryRun: c.DryRun})
	return console.Show(t, c.JSON, done, err, func(w io.Writer) {
		if c.DryRun {
			fmt.Fprintf(w, "would give %s a new life\n", done.Stream)
			return
		}
		fmt.Fprintf(w, "%s has a new life since %s\nnext: start the bank, then audit --repair\n", done.Stream, done.Since.Format(time.RFC3339))
	})
}
