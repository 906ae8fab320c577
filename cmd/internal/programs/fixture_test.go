package programs

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"passbook/cmd/internal/deployment"
	"passbook/cmd/internal/jobs"
	"passbook/cmd/internal/programs/archiver"
	"passbook/cmd/internal/programs/balance"
	"passbook/cmd/internal/programs/credit"
	"passbook/cmd/internal/programs/creditlimit"
	"passbook/cmd/internal/programs/withdraw"
	"passbook/cmd/internal/serve"
	"passbook/shared/platform"
)

// services are the programs that AWS runs as separate processes.
var services = []serve.Program{withdraw.Program, credit.Program, balance.Program, creditlimit.Program, archiver.Program}

// deploy opens an embedded engine with all resources of a bank, for processes that listen at an
// address.
func deploy(t *testing.T, listen string) (platform.Config, *platform.Engine) {
	t.Helper()
	config, err := platform.FromEnv([]string{"PASSBOOK_DATA=" + t.TempDir(), "PASSBOOK_LISTEN=" + listen})
	if err != nil {
		t.Fatal(err)
	}
	engine, err := platform.Open(t.Context(), config, jobs.Resources(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := engine.CreateResources(t.Context()); err != nil {
		t.Fatal(err)
	}
	return config, engine
}

// open opens a program on a separate engine whose archive is tied to it; it does not run.
func open(t *testing.T, program serve.Program, listen string) *serve.Process {
	t.Helper()
	config, engine := deploy(t, listen)
	log := slog.New(slog.DiscardHandler)
	if err := deployment.Stores(config, engine, log).Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	p, err := serve.OpenOn(t.Context(), program, "test", config, engine, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := p.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return p
}
