package bank

import (
	"log/slog"
	"testing"

	"passbook/cmd/internal/ops"
	"passbook/cmd/internal/serve"
	"passbook/shared/api/apitest"
)

// The jobs have a separate listener, which serves what the contract lists for it.
func TestRoutesOfJobsAreTheContracts(t *testing.T) {
	registry := ops.New("", "os:1")
	defer registry.Close(t.Context())
	apitest.Routes(t, jobsServer(&serve.Process{Name: Program.Name, Version: "test", Log: slog.New(slog.DiscardHandler)}, registry), "ops", "process")
}
