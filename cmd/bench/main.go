// Command bench measures the whole pipeline as it runs in the real program: it starts a bank on
// this machine, drives it over loopback from the same cores, and prints what it measured beside the
// targets.
//
// load.go is the driver, bench.go the order of the measurements, micro.go what is measured within
// this process. Only ever point it at a bank that it started itself.
package main

import (
	"context"

	"passbook/cmd/internal/console"
)

func main() { console.Main("", nil, run) }

// run is the program.
func run(ctx context.Context, args []string, t *console.Terminal) int {
	return console.Run(ctx, "bench", "Measure the bank on this machine.", &grammar{}, args, t)
}
