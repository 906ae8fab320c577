// Command conformance runs the contract suites of the three ports on every adapter and prints which
// adapter keeps which clause: a block for each port, a row for each subtest, a column for each
// adapter under test. It exits with 1 if a clause is broken or an adapter was not tested, and
// prints which and why. make conformance runs it, with an AWS endpoint.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// goTest is the command that runs the contract tests, those of the decorated adapters too, and the
// other tests of adapters on an endpoint. A package may take 20 minutes: emulators are slow.
var goTest = []string{
	"go", "test", "-json", "-p", "1", "-count=1", "-timeout", "20m", "-run", contract.String() + "|OnAWS$",
	"./shared/table/...", "./shared/stream/...", "./shared/bucket/...", "./shared/keywrap/...", "./shared/faults/...",
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

// run runs the tests and prints the table.
func run(ctx context.Context, out, progress io.Writer) error {
	seen, err := runTests(ctx, progress, goTest...)
	if err == nil {
		err = seen.retry(progress, func(pkg, pattern string) (*transcript, error) {
			return runTests(ctx, progress, "go", "test", "-json", "-count=1", "-timeout", "20m", "-run", pattern, pkg)
		})
	}
	if err != nil {
		seen.fault = err.Error()
	}
	return report(out, seen)
}
