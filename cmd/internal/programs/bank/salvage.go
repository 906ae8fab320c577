package bank

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"passbook/cmd/internal/cli"
	"passbook/cmd/internal/jobs"
	"passbook/cmd/internal/ops"
	"passbook/shared/platform"
)

// salvageCommand cuts off the damaged end of a write-ahead log.
type salvageCommand struct {
	Data *string `name:"data" placeholder:"DIR" help:"Data directory [./data]."`
	cli.ReasonFlag
	DryRun bool `name:"dry-run" help:"Only print what it would do."`
	Yes    bool `name:"yes" help:"Do not ask."`
}

// Help returns what it costs, and the example.
func (salvageCommand) Help() string {
	return "For a bank that does not start because its write-ahead log is damaged. Commits behind the damage are lost, acknowledged " +
		"ones among them; a copy of the log is kept. A backup, or replay journal, loses less.\n\nExample:\n\n  bank salvage --data ./data --dry-run"
}

// Run finds the damage and cuts.
func (c *salvageCommand) Run(ctx context.Context, t *cli.Terminal) error {
	config, err := t.Config(c)
	if err != nil {
		return err
	}
	if config.Store != platform.Embedded {
		return cli.Usage("salvage is for the embedded engine")
	}
	if err := ops.CheckReason(c.Reason); err != nil {
		return cli.Usage("%w", err)
	}
	found, err := platform.Salvage(config, true)
	if err != nil {
		return err
	}
	if found.Damage == "" {
		fmt.Fprintln(t.Out, "no damage is found in the write-ahead log; nothing to do")
		return nil
	}
	if !c.DryRun {
		if err := t.Sure(c.Yes, "delete the commits behind the damage", "salvage"); err != nil {
			return err
		}
		if found, err = platform.Salvage(config, false); err != nil {
			return err
		}
	}
	describe(t.Out, found, c.DryRun)
	if c.DryRun {
		return nil
	}
	done := ops.Request{Job: "salvage", Reason: c.Reason}
	if done.Params, err = json.Marshal(map[string]any{"copy": found.Copy, "cut_at": found.At}); err == nil {
		err = jobs.RecordDone(ctx, t, config, done)
	}
	if err != nil { // what had to be done is done
		fmt.Fprintf(t.Err, "bank: the operators' log does not have this salvage: %v\n", err)
	}
	return nil
}

// describe prints what was found and done.
func describe(out io.Writer, s platform.Salvaged, dryRun bool) {
	fmt.Fprintln(out, s.Damage)
	if dryRun {
		fmt.Fprintf(out, "would copy it to %s and cut it at byte %d\n", s.Copy, s.At)
		return
	}
	fmt.Fprintf(out, "copied to %s and cut at byte %d\nnext: bank serve; it names each store that is ahead of the journal, and the command that repairs it\n", s.Copy, s.At)
}
