// Command bench measures the whole pipeline as it runs in the real program: it starts a bank on
// this machine, drives it over loopback from the same cores, and prints what it measured beside the
// targets.
//
// load.go is the driver, bench.go the order of the measurements, micro.go what is measured within
// this process. Only ever point it at a bank that it started itself.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"passbook/cmd/internal/console"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], &console.Terminal{Environ: os.Environ(), In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
	stop()
	os.Exit(code)
}

// run is the program.
func run(ctx context.Context, args []string, t *console.Terminal) int {
	return console.Run(ctx, "bench", "Measure the bank on this machine.", &grammar{}, args, t)
}
