package e2e

import (
	"os"
	"testing"

	"passbook/cmd/internal/programtest"
)

func TestMain(m *testing.M) { os.Exit(programtest.Main(m, "bank", "replay", "audit")) }

// command runs a program to its end in an empty directory.
func command(t *testing.T, name string, args ...string) programtest.Outcome {
	t.Helper()
	return programtest.Run(t, "", nil, name, args...)
}
