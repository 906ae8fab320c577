package programs

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// A service links what it consists of and nothing of the others: a fault in another service is no
// reason to deploy it again. withdraw and credit link each other's commands, which they take from
// other writers.
func TestProgramsLinkWhatTheyConsistOf(t *testing.T) {
	all := []string{"withdraw", "credit", "balance", "creditlimit", "archiver", "shared/replay", "shared/audit", "cmd/internal/jobs", "shared/publisher", "shared/affinity"}
	writers := []string{"withdraw", "credit", "shared/publisher", "shared/affinity"}
	for program, may := range map[string][]string{
		"withdraw":    writers,
		"credit":      writers,
		"balance":     {"balance"},
		"creditlimit": {"creditlimit"},
		"archiver":    {"archiver"},
		"console":     {"balance", "shared/audit", "shared/publisher"}, // it shows what audits found
	} {
		out, err := exec.Command("go", "list", "-trimpath", "-deps", "passbook/cmd/"+program).Output()
		if err != nil {
			t.Fatal(err)
		}
		linked := strings.Fields(string(out))
		for _, name := range all {
			if got, want := slices.Contains(linked, "passbook/"+name), slices.Contains(may, name); got != want {
				t.Errorf("%s links %s: %v, want %v", program, name, got, want)
			}
		}
	}
}
