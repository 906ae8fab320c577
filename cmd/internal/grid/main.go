// Command grid runs the contract suites of the three ports on every adapter and prints which adapter holds which clause: a block
// for each port, a row for each subtest, a column for each adapter under test. It exits 1 where a clause is broken or an adapter was
// not tested, and says which and why. make conformance runs it, with an AWS endpoint.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

// goTest runs the contract tests, those of the strict adapters too, and what else the adapters show on an endpoint. A package may
// take 20 minutes: emulators are slow.
var goTest = []string{
	"go", "test", "-json", "-count=1", "-timeout", "20m", "-run", contract.String() + "|OnAWS$",
	"./shared/table/...", "./shared/stream/...", "./shared/bucket/...", "./shared/strict/...",
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(1)
	}
}

// run runs the tests and prints the grid.
func run(ctx context.Context, out, progress io.Writer) error {
	cmd := exec.CommandContext(ctx, goTest[0], goTest[1:]...)
	cmd.Stderr = progress
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	events, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("run the suites: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("run the suites: %w", err)
	}
	seen, readErr := read(events, progress)
	if err := errors.Join(readErr, cmd.Wait(), ctx.Err()); err != nil {
		seen.fault = fmt.Sprintf("go test: %v", err)
	}
	return report(out, seen)
}
