package e2e

import (
	"context"
	"os"
	"testing"
	"time"

	"passbook/cmd/internal/programtest"
	"passbook/shared/backoff"
)

func TestMain(m *testing.M) {
	os.Exit(programtest.Main(m, "bank", "withdraw", "credit", "balance", "creditlimit", "archiver", "webhooks", "console", "replay", "audit"))
}

// look is how often the tests look at what takes its time: an emulator has other work to do.
const look = 500 * time.Millisecond

// pass lets time pass: under load, there is nothing to wait for but that.
func pass(ctx context.Context, d time.Duration) {
	_ = backoff.Sleep(ctx, d) // the end of a test ends it too
}
