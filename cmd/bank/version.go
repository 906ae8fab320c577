package main

import (
	"passbook/cmd/internal/console"
	"passbook/cmd/internal/serve"
)

// versionCommand prints the version.
type versionCommand struct{}

// Help is the example.
func (versionCommand) Help() string { return "Example:\n\n  bank version" }

// Run prints it.
func (versionCommand) Run(t *console.Terminal) error {
	return serve.PrintVersion(t.Out, "bank", version)
}
