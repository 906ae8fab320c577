package replay

import (
	"context"
	"fmt"
	"io"
	"time"

	"passbook/cmd/internal/cli"
	"passbook/cmd/internal/jobs"
	"passbook/shared/platform"
)

// rebuildCommand folds a source into a candidate generation.
type rebuildCommand struct {
	cli.JobFlags
	endFlags
	sortFlags
	Model string `name:"model" required:"" enum:"balance,creditlimit" help:"balance or creditlimit."`
	From  string `name:"from" default:"archive" enum:"archive,journal" help:"archive or journal."`
}

// Help returns the example.
func (rebuildCommand) Help() string {
	return "The new generation exists beside the live one, and follows the stream, until it is promoted or discarded. " +
		"After an interruption the same command continues.\n\nExample:\n\n  replay rebuild --model balance"
}

// Run rebuilds.
func (c *rebuildCommand) Run(ctx context.Context, t *cli.Terminal) error {
	began := time.Now()
	rebuild := jobs.Command[jobs.RebuildResult]{
		Name: "rebuild", Params: jobs.RebuildParams{Model: c.Model, From: c.From, Sorting: c.sorting(), DryRun: c.DryRun, Proving: c.proving()}, Output: c.Output, Reason: c.Reason,
	}
	return rebuild.Run(ctx, t, &c.JobFlags, func(w io.Writer, done jobs.RebuildResult) {
		if done.Extent != nil {
			c.showExtent(w, *done.Extent)
		}
		for _, gap := range done.Gaps {
			fmt.Fprintf(w, "not in the archive: %s\n", gap)
		}
		for _, fault := range done.Faults.List {
			fmt.Fprintln(w, fault)
		}
		if c.DryRun {
			fmt.Fprintf(w, "would read %d events in %d segments, %d bytes, into a new generation of %s; their footers and chains are proven, their pages only when they are read\n", done.Events, done.Segments, done.Bytes, c.Model)
			return
		}
		took := time.Since(began)
		fmt.Fprintf(w, "%s@%d: %d events from the %s, %d accounts, in %v (%.0f events/s)\n",
			c.Model, done.Generation, done.Events, c.From, done.Accounts, took.Round(time.Millisecond), float64(done.Events)/took.Seconds())
		if done.Blocked > 0 {
			fmt.Fprintf(w, "%d accounts are in quarantine: bank quarantine list names them\n", done.Blocked)
		}
		fmt.Fprintf(w, "next: replay promote --model %s\n", c.Model)
	})
}

// promoteCommand flips the live generation.
type promoteCommand struct {
	cli.JobFlags
	Model string `name:"model" required:"" enum:"balance,creditlimit" help:"balance or creditlimit."`
	Back  bool   `name:"back" help:"Return to the previous generation."`
	Force bool   `name:"force" help:"Promote in spite of differences."`
}

// Help returns the example.
func (promoteCommand) Help() string {
	return "First every row is compared with the live one, or with the journal if the two never are at one version. After one " +
		"difference nothing is promoted.\n\n" +
		"Example:\n\n  replay promote --model balance"
}

// Run promotes.
func (c *promoteCommand) Run(ctx context.Context, t *cli.Terminal) error {
	promote := jobs.Command[jobs.PromoteResult]{
		Name: "promote", Params: jobs.PromoteParams{Model: c.Model, Back: c.Back, Force: c.Force, DryRun: c.DryRun}, Output: c.Output, Reason: c.Reason,
		Confirm: func(platform.Config) error {
			return t.Sure(c.Yes || !c.Force || c.DryRun, "promote "+c.Model+" in spite of differences", c.Model)
		},
	}
	return promote.Run(ctx, t, &c.JobFlags, func(w io.Writer, done jobs.PromoteResult) {
		for _, fault := range done.Faults.List {
			fmt.Fprintln(w, fault)
		}
		switch {
		case done.Back && c.DryRun && done.Candidate != 0:
			fmt.Fprintf(w, "would return to generation %d of %s; %d is live\n", done.Candidate, c.Model, done.Live)
		case !done.Back:
			fmt.Fprintf(w, "%s: %d rows equal, %d differ\n", c.Model, done.Equal, done.Faults.Count)
		}
		if done.Ahead > 0 {
			fmt.Fprintf(w, "%d rows are ahead of the live ones, and agree with the journal\n", done.Ahead)
		}
		if done.Promoted && done.Back {
			fmt.Fprintf(w, "returned without a comparison: generation %d is live; replay promote --model %s compares %d with it and makes that live "+
				"again, replay discard --model %s --yes removes it\n", done.Candidate, c.Model, done.Live, c.Model)
		} else if done.Promoted {
			fmt.Fprintf(w, "generation %d is live; %d is kept until: replay discard --model %s --yes\n", done.Candidate, done.Live, c.Model)
		}
	})
}

// discardCommand removes a generation.
type discardCommand struct {
	cli.JobFlags
	Model string `name:"model" required:"" enum:"balance,creditlimit" help:"balance or creditlimit."`
	Force bool   `name:"force" help:"Discard although the live generation is behind it."`
}

// Help returns the example.
func (discardCommand) Help() string {
	return "Removes the new generation, or after a promotion the previous one. After an interruption the same command continues; " +
		"until it is done, nothing can be rebuilt.\n\nExample:\n\n  replay discard --model balance --yes"
}

// Run discards.
func (c *discardCommand) Run(ctx context.Context, t *cli.Terminal) error {
	discard := jobs.Command[jobs.DiscardResult]{
		Name: "discard", Params: jobs.DiscardParams{Model: c.Model, Force: c.Force, DryRun: c.DryRun}, Output: c.Output, Reason: c.Reason,
		Confirm: func(platform.Config) error {
			return t.Sure(c.Yes || c.DryRun, "discard a generation of "+c.Model, c.Model)
		},
	}
	return discard.Run(ctx, t, &c.JobFlags, func(w io.Writer, done jobs.DiscardResult) {
		verb, rest := "discarded", ""
		if c.DryRun {
			verb = "would discard"
		}
		if done.Resumed {
			rest = "the rest of "
		}
		fmt.Fprintf(w, "%s %sgeneration %d of %s; %d is live\n", verb, rest, done.Generation, c.Model, done.Live)
	})
}
