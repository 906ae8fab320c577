package bank

import (
	"context"
	"fmt"
	"io"

	"passbook/cmd/internal/console"
	"passbook/shared/platform"
)

// salvageCommand cuts a damaged write-ahead log.
type salvageCommand struct {
	Data   *string `name:"data" placeholder:"DIR" help:"Data directory [./data]."`
	DryRun bool    `name:"dry-run" help:"Say what it would do."`
	Yes    bool    `name:"yes" help:"Do not ask."`
}

// Help is what it costs, and the example.
func (salvageCommand) Help() string {
	return "For a bank that does not start since its write-ahead log is damaged. Commits from the damage on are given up, acknowledged " +
		"ones among them; the log as it was is kept. A backup, or replay journal, loses less.\n\nExample:\n\n  bank salvage --data ./data --dry-run"
}

// Run cuts.
func (c *salvageCommand) Run(_ context.Context, t *console.Terminal) error {
	config, err := t.Config(c)
	if err != nil {
		return err
	}
	if config.Store != platform.Embedded {
		return console.Usage("salvage is for the embedded engine")
	}
	found, err := platform.Salvage(config, true)
	if err != nil {
		return err
	}
	if found.Damage == "" {
		fmt.Fprintln(t.Out, "the write-ahead log is whole as far as it can be proven; nothing to do")
		return nil
	}
	if !c.DryRun {
		if err := t.Sure(c.Yes, "give up what was committed after the damage", "salvage"); err != nil {
			return err
		}
		if found, err = platform.Salvage(config, false); err != nil {
			return err
		}
	}
	describe(t.Out, found, c.DryRun)
	return nil
}

// describe says what was found and done.
func describe(out io.Writer, s platform.Salvaged, dryRun bool) {
	fmt.Fprintln(out, s.Damage)
	if dryRun {
		fmt.Fprintf(out, "would be kept as %s, and ended at byte %d\n", s.Copy, s.At)
		return
	}
	fmt.Fprintf(out, "kept as %s, and ended at byte %d\nnext: bank serve; it says which store is ahead of the journal, and the command that mends it\n", s.Copy, s.At)
}
