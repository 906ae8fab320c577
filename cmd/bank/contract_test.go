package main

import (
	"log/slog"
	"testing"

	"passbook/archiver"
	"passbook/credit"
	"passbook/shared/journal"
	"passbook/shared/platform"
	"passbook/shared/telemetry"
	"passbook/shared/web"
	"passbook/shared/web/ops"
	"passbook/shared/web/webtest"
	"passbook/withdraw"
)

// The bank serves all that the contract lists, but for the jobs, which have a listener of their own.
func TestRoutesAreTheContracts(t *testing.T) {
	b := &bank{
		log: slog.New(slog.DiscardHandler), registry: telemetry.NewRegistry("test"), engine: &platform.Engine{}, journal: &journal.Journal{},
		credit: &credit.Service{}, withdraw: &withdraw.Service{}, archiver: &archiver.Archiver{}, jobs: ops.New(),
	}
	b.openEdge()
	webtest.Routes(t, b.web, "credit", "withdraw", "balance", "creditlimit", "consumer", "process")

	inner := web.New(web.Config{Service: "bank", Logger: b.log, Registry: telemetry.NewRegistry("test")})
	inner.Mount(b.jobs.Routes()...)
	webtest.Routes(t, inner, "ops", "process")
}
