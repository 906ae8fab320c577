package serve

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// TestServicesFindWhatTheirRolesMayFind holds what each service opens against the list that package
// jobs holds deploy/template.yaml against.
func TestServicesFindWhatTheirRolesMayFind(t *testing.T) {
	text, err := os.ReadFile("../jobs/testdata/finds.txt")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		names := strings.Fields(line)
		listed[names[0]] = names[1:]
	}
	for _, s := range []Service{Withdraw, Credit, Balance, CreditLimit, Archiver} {
		var opened []string
		for _, schema := range s.resources.Tables {
			opened = append(opened, schema.Name)
		}
		opened = append(opened, s.resources.Streams...)
		if s.resources.Archive {
			opened = append(opened, "archive")
		}
		if !slices.Equal(opened, listed[s.Name]) {
			t.Errorf("%s opens %v, and its role may find %v", s.Name, opened, listed[s.Name])
		}
	}
}
