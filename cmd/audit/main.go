// Command audit proves that the journal, the archive and the read models of a bank tell one story,
// with arithmetic of its own, and names every account and version where they do not.
//
// A running bank does the work itself, on request; without one the data directory is opened here.
package main

import (
	"context"

	"passbook/cmd/internal/console"
)

func main() { console.Main(nil, run) }

// run is the program.
func run(ctx context.Context, args []string, t *console.Terminal) int {
	return console.Run(ctx, "audit", "Prove that journal, archive and read models agree.", &command{}, args, t)
}
