package serve

import (
	"context"
	"io"
	"testing"
	"time"

	"passbook/shared/api"
	"passbook/shared/api/apitest"
	"passbook/shared/platform"
	"passbook/shared/telemetry"
	"passbook/shared/web"
)

// Each service serves what the contract lists for it, and the bank all of it; the jobs have a
// listener of their own.
func TestRoutesAreTheContracts(t *testing.T) {
	for _, tt := range []struct {
		service Service
		serves  []string
	}{
		{Withdraw, []string{"withdraw", "process"}},
		{Credit, []string{"credit", "process"}},
		{Balance, []string{"balance", "consumer", "process"}},
		{CreditLimit, []string{"creditlimit", "consumer", "process"}},
		{Archiver, []string{"consumer", "process"}},
		{Bank, []string{"credit", "withdraw", "balance", "creditlimit", "consumer", "process"}},
	} {
		t.Run(tt.service.Name, func(t *testing.T) {
			p := open(t, tt.service)
			apitest.Routes(t, p.web, tt.serves...)
			if p.jobs == nil {
				return
			}
			inner := api.New(api.Config{Web: web.Config{Service: "bank", Logger: p.log, Registry: telemetry.NewRegistry("test")}})
			inner.Mount(p.jobs.Routes()...)
			apitest.Routes(t, inner, "ops", "process")
		})
	}
}

// open opens a service on an embedded engine of its own; it does not run.
func open(t *testing.T, s Service) *Process {
	t.Helper()
	return openAt(t, s, "127.0.0.1:0")
}

// openAt is open with an address to listen at.
func openAt(t *testing.T, s Service, listen string) *Process {
	t.Helper()
	config, err := platform.FromEnv([]string{"PASSBOOK_DATA=" + t.TempDir(), "PASSBOOK_LISTEN=" + listen})
	if err != nil {
		t.Fatal(err)
	}
	p, err := Open(t.Context(), s, "test", config, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := p.close(ctx); err != nil {
			t.Error(err)
		}
	})
	return p
}
