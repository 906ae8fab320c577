package browser

import (
	"os"
	"testing"

	"passbook/cmd/internal/browsertest"
	"passbook/cmd/internal/programtest"
)

func TestMain(m *testing.M) {
	os.Exit(browsertest.Main(m, func(m *testing.M) int { return programtest.Main(m, "bank", "replay", "audit") }))
}
