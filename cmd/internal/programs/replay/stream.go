package replay

import (
	"context"
	"fmt"
	"io"
	"time"

	"passbook/cmd/internal/cli"
	"passbook/cmd/internal/deployment"
	"passbook/cmd/internal/jobs"
	"passbook/shared/platform"
)

// streamCommand deletes the stream and creates it again.
type streamCommand struct{ cli.JobFlags }

// Help returns the example.
func (streamCommand) Help() string {
	return "For a data directory that was restored from a copy older than its archive: its stream would assign sequence numbers again that " +
		"are in the archive. The stream is created again, so that its numbers are new. Run replay journal first. The read models catch " +
		"up with the journal at the next start.\n\nExample:\n\n  replay stream --dry-run"
}

// Run renews.
func (c *streamCommand) Run(ctx context.Context, t *cli.Terminal) error {
	renew := jobs.Command[jobs.RenewResult]{
		Name: "stream", Params: jobs.RenewParams{DryRun: c.DryRun}, Output: c.Output, Reason: c.Reason,
		Confirm: func(config platform.Config) error {
			name := config.Stream(deployment.EventStream)
			return t.Sure(c.Yes || c.DryRun, "delete "+name+" and create it again", name)
		},
	}
	return renew.Run(ctx, t, &c.JobFlags, func(w io.Writer, done jobs.RenewResult) {
		if c.DryRun {
			fmt.Fprintf(w, "would delete %s and create it again\n", done.Stream)
			return
		}
		fmt.Fprintf(w, "%s was created at %s\nnext: start the bank, then audit --repair\n", done.Stream, done.Since.Format(time.RFC3339))
	})
}
