package main

import (
	"github.com/alecthomas/kong"

	"passbook/cmd/internal/console"
	"passbook/cmd/internal/serve"
)

// versionCommand prints the version.
type versionCommand struct{}

// versionFlag is the same as a flag, as the other programs have it.
type versionFlag bool

// BeforeReset prints the version, before a command is missed.
func (versionFlag) BeforeReset(app *kong.Kong) error {
	err := serve.PrintVersion(app.Stdout, "bank", version)
	app.Exit(console.ExitOK)
	return err
}

// Help is the example.
func (versionCommand) Help() string { return "Example:\n\n  bank version" }

// Run prints it.
func (versionCommand) Run(t *console.Terminal) error {
	return serve.PrintVersion(t.Out, "bank", version)
}
