package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// runTests runs go test and reads its events. Failed tests are no error: they are the transcript's
// fault until a test explains it.
func runTests(ctx context.Context, progress io.Writer, command ...string) (*transcript, error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Stderr = progress
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	events, err := cmd.StdoutPipe()
	if err != nil {
		return &transcript{}, fmt.Errorf("run the suites: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return &transcript{}, fmt.Errorf("run the suites: %w", err)
	}
	seen, readErr := read(events, progress)
	if err := cmd.Wait(); err != nil {
		seen.fault = fmt.Sprintf("go test: %v", err)
	}
	return seen, errors.Join(readErr, ctx.Err())
}
