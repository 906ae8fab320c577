package replay

import (
	"context"
	"fmt"
	"io"
	"time"

	"passbook/cmd/internal/console"
	"passbook/cmd/internal/jobs"
)

// rebuildCommand folds a source into a candidate generation.
type rebuildCommand struct {
	console.JobFlags
	endFlags
	Model string `name:"model" required:"" enum:"balance,creditlimit" help:"balance or creditlimit."`
	From  string `name:"from" default:"archive" enum:"archive,journal" help:"archive or journal."`
}

// Help is the example.
func (rebuildCommand) Help() string {
	return "The new generation stands beside the live one, and follows the stream, until it is promoted or discarded. " +
		"Interrupted, the same command goes on.\n\nExample:\n\n  replay rebuild --model balance"
}

// Run rebuilds.
func (c *rebuildCommand) Run(ctx context.Context, t *console.Terminal) error {
	config, err := t.Config(&c.JobFlags)
	if err != nil {
		return err
	}
	began := time.Now()
	params := jobs.RebuildParams{Model: c.Model, From: c.From, DryRun: c.DryRun, Proving: c.proving()}
	done, err := jobs.Do[jobs.RebuildResult](ctx, t, config, "rebuild", params)
	return console.Show(t, c.JSON, done, err, func(w io.Writer) {
		if done.Extent != nil {
			c.showExtent(w, *done.Extent)
		}
		for _, gap := range done.Gaps {
			fmt.Fprintf(w, "not in the archive: %s\n", gap)
		}
		for _, fault := range done.Faults.List {
			fmt.Fprintf(w, "%s v%d: %s\n", fault.Account.ID, fault.Version, fault.What)
		}
		if c.DryRun {
			fmt.Fprintf(w, "would read %d events in %d segments, %d bytes, into a new generation of %s: their footers and chains are proven, their pages only when they are read\n", done.Events, done.Segments, done.Bytes, c.Model)
			return
		}
		took := time.Since(began)
		fmt.Fprintf(w, "%s@%d: %d events from the %s, %d accounts, in %v (%.0f events/s)\n",
			c.Model, done.Generation, done.Events, c.From, done.Accounts, took.Round(time.Millisecond), float64(done.Events)/took.Seconds())
		if done.Blocked > 0 {
			fmt.Fprintf(w, "%d accounts cannot be folded: bank quarantine list names them\n", done.Blocked)
		}
		fmt.Fprintf(w, "next: replay promote --model %s\n", c.Model)
	})
}

// promoteCommand flips the live generation.
type promoteCommand struct {
	console.JobFlags
	Model string `name:"model" required:"" enum:"balance,creditlimit" help:"balance or creditlimit."`
	Back  bool   `name:"back" help:"Go back to the generation before."`
	Force bool   `name:"force" help:"In spite of differences."`
}

// Help is the example.
func (promoteCommand) Help() string {
	return "Every row is compared with the live one first, or where the two never meet at one version, with the journal; one " +
		"difference, and nothing is promoted.\n\n" +
		"Example:\n\n  replay promote --model balance"
}

// Run promotes.
func (c *promoteCommand) Run(ctx context.Context, t *console.Terminal) error {
	config, err := t.Config(&c.JobFlags)
	if err != nil {
		return err
	}
	if c.Force && !c.DryRun {
		if err := t.Sure(c.Yes, "promote "+c.Model+" in spite of differences", c.Model); err != nil {
			return err
		}
	}
	params := jobs.PromoteParams{Model: c.Model, Back: c.Back, Force: c.Force, DryRun: c.DryRun}
	done, err := jobs.Do[jobs.PromoteResult](ctx, t, config, "promote", params)
	return console.Show(t, c.JSON, done, err, func(w io.Writer) {
		for _, fault := range done.Faults.List {
			fmt.Fprintf(w, "%s v%d: %s\n", fault.Account.ID, fault.Version, fault.What)
		}
		switch {
		case done.Back && c.DryRun && done.Candidate != 0:
			fmt.Fprintf(w, "would go back to generation %d of %s; %d is live\n", done.Candidate, c.Model, done.Live)
		case !done.Back:
			fmt.Fprintf(w, "%s: %d rows equal, %d differ\n", c.Model, done.Equal, done.Faults.Count)
		}
		if done.Ahead > 0 {
			fmt.Fprintf(w, "%d rows are ahead of the live ones, and as the journal makes them\n", done.Ahead)
		}
		if done.Promoted && done.Back {
			fmt.Fprintf(w, "went back without a comparison: generation %d is live; replay promote --model %s compares %d with it and makes that live "+
				"again, replay discard --model %s --yes removes it\n", done.Candidate, c.Model, done.Live, c.Model)
		} else if done.Promoted {
			fmt.Fprintf(w, "generation %d is live; %d stays until: replay discard --model %s --yes\n", done.Candidate, done.Live, c.Model)
		}
	})
}

// discardCommand removes a generation.
type discardCommand struct {
	console.JobFlags
	Model string `name:"model" required:"" enum:"balance,creditlimit" help:"balance or creditlimit."`
	Force bool   `name:"force" help:"Also what the live one is not caught up with."`
}

// Help is the example.
func (discardCommand) Help() string {
	return "Removes the new generation, or after a promotion the one that was live before. Interrupted, the same command goes on, and " +
		"until it has, nothing is rebuilt.\n\nExample:\n\n  replay discard --model balance --yes"
}

// Run discards.
func (c *discardCommand) Run(ctx context.Context, t *console.Terminal) error {
	config, err := t.Config(&c.JobFlags)
	if err != nil {
		return err
	}
	if !c.DryRun {
		if err := t.Sure(c.Yes, "discard a generation of "+c.Model, c.Model); err != nil {
			return err
		}
	}
	done, err := jobs.Do[jobs.DiscardResult](ctx, t, config, "discard", jobs.DiscardParams{Model: c.Model, Force: c.Force, DryRun: c.DryRun})
	return console.Show(t, c.JSON, done, err, func(w io.Writer) {
		verb, rest := "discarded", ""
		if c.DryRun {
			verb = "would discard"
		}
		if done.Resumed {
			rest = "what an interrupted discard left of "
		}
		fmt.Fprintf(w, "%s %sgeneration %d of %s; %d is live\n", verb, rest, done.Generation, c.Model, done.Live)
	})
}
