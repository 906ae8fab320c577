package bank

import (
	"context"
	"fmt"
	"io"

	"passbook/cmd/internal/cli"
	"passbook/cmd/internal/jobs"
	"passbook/shared/origin"
)

// rotateCommand makes a new data key.
type rotateCommand struct {
	cli.StoreFlags
	cli.ReasonFlag
	cli.Output
}

// Help returns what it does, and the example.
func (rotateCommand) Help() string {
	return "Every entry is signed with a data key of the bank, which the KMS key protects, on one machine the file archive/key. The programs that run " +
		"sign with the new one within seconds; it is copied into the archive. Older keys are kept, so that what they signed stays valid: a key that " +
		"somebody knows can still sign.\n\nExample:\n\n  bank rotate-key"
}

// Run rotates.
func (c *rotateCommand) Run(ctx context.Context, t *cli.Terminal) error {
	rotate := jobs.Command[origin.Rotated]{Name: "rotate", Output: c.Output, Reason: c.Reason, Params: jobs.RotateParams{}}
	return rotate.Run(ctx, t, &c.StoreFlags, func(w io.Writer, done origin.Rotated) {
		if done.Key > 0 {
			fmt.Fprintf(w, "bank %s has the data key %d; every running program signs with it within %v\n", done.Bank, done.Key, origin.SignedWithin)
		}
	})
}
