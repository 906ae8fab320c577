package main

import (
	"fmt"
	"runtime"

	"passbook/cmd/internal/console"
)

// versionCommand prints the version.
type versionCommand struct{}

// Help is the example.
func (versionCommand) Help() string { return "Example:\n\n  bank version" }

// Run prints it.
func (versionCommand) Run(t *console.Terminal) error {
	_, err := fmt.Fprintf(t.Out, "bank %s %s %s/%s\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
