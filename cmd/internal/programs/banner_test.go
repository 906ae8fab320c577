package programs

import (
	"bytes"
	"strings"
	"testing"

	"passbook/cmd/internal/programs/bank"
	"passbook/cmd/internal/programs/credit"
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
