package programs

import (
	"bytes"
	"strings"
	"testing"

	"passbook/cmd/internal/programs/bank"
	"passbook/cmd/internal/programs/credit"
)

// The banner gives an address that a browser can open, and warns when other machines can reach it
// too.
func TestBannerGivesAnAddressThatCanBeUsed(t *testing.T) {
	for listen, warned := range map[string]bool{"127.0.0.1:0": false, "0.0.0.0:0": true, "[::]:0": true} {
		var out bytes.Buffer
		open(t, credit.Program, listen).Announce(&out)
		if said := out.String(); !strings.Contains(said, "http://127.0.0.1:") || strings.Contains(said, "WARNING") != warned {
			t.Errorf("%s:\n%s", listen, said)
		}
	}
}

func TestBannerOfTheBankNamesTheListenerForJobs(t *testing.T) {
	var out bytes.Buffer
	open(t, bank.Program, "127.0.0.1:0").Announce(&out)
	if said := out.String(); !strings.Contains(said, "jobs      http://127.0.0.1:") {
		t.Error(said)
	}
}
