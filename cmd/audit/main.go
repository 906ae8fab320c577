// Command audit proves that the journal, the archive and the read models of a bank tell one story, with arithmetic of its own,
// and names every account and version where they do not.
//
// A running bank does the work itself, on request; without one the data directory is opened here.
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
	return console.Run(ctx, "audit", "Prove that journal, archive and read models agree.", &command{}, args, t)
}
