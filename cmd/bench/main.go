// Command bench measures the whole pipeline as it runs in the real program: it starts a bank on
// this machine, drives it over loopback from the same cores, and prints what it measured beside the
// targets.
//
// load.go is the driver, bench.go the order of the measurements, micro.go what is measured within
// this process. It drives only a bank that it started itself. The driver is written by hand,
// because a general one such as vegeta costs as much processor time as the server that it would
// measure, on the same cores.
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
