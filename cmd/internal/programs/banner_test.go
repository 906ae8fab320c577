package programs

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"passbook/cmd/internal/programs/bank"
	"passbook/cmd/internal/programs/credit"
	"passbook/cmd/internal/serve"
	"passbook/shared/platform"
)

func TestBannerGivesTheAddress(t *testing.T) {
	var out bytes.Buffer
	open(t, credit.Program, "127.0.0.1:0").Announce(&out)
	if said := out.String(); !strings.Contains(said, "API       http://127.0.0.1:") {
		t.Error(said)
	}
}

func TestBannerOfTheBankNamesTheListenerForJobs(t *testing.T) {
	var out bytes.Buffer
	open(t, bank.Program, "127.0.0.1:0").Announce(&out)
	if said := out.String(); !strings.Contains(said, "jobs      http://127.0.0.1:") {
		t.Error(said)
	}
}

// A program that asks nobody who they are does not listen where other machines reach it, and leaves
// no trace of having been asked to.
func TestAddressesThatOthersReachAreRefusedFirst(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	config, err := platform.FromEnv([]string{"PASSBOOK_LISTEN=0.0.0.0:0", "PASSBOOK_DATA=" + data})
	if err != nil {
		t.Fatal(err)
	}
	p, err := serve.Open(t.Context(), bank.Program, "test", config, io.Discard)
	if !errors.Is(err, platform.ErrConfig) {
		t.Fatalf("%v, %v", p, err)
	}
	if _, err := os.Stat(data); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the data directory: %v", err)
	}
}
