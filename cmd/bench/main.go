// Command bench measures the whole pipeline as it runs in the real program: it starts a bank on
// this machine, drives it over loopback from the same cores, and prints what it measured beside the
// targets.
//
// bench.go has the commands and the order of the measurements with targets, load.go their load,
// micro.go what is measured within this process. Single loads, and comparisons of two servers under
// one, are in scenario. It drives only servers that it started itself.
package main

import (
	"context"

	"passbook/cmd/internal/cli"
)

func main() { cli.Main("", nil, run) }

// run runs the program and returns its exit code.
func run(ctx context.Context, args []string, t *cli.Terminal) int {
	return cli.Run(ctx, "bench", "Measure the bank on this machine.", &grammar{}, args, t)
}
