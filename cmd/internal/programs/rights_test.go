package programs

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// Each service opens what its role may find, by the list that package jobs compares
// deploy/template.yaml with.
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
	for _, s := range services {
		var opened []string
		for _, schema := range s.Resources.Tables {
			opened = append(opened, schema.Name)
		}
		opened = append(opened, s.Resources.Streams...)
		if s.Resources.Archive || s.Resources.ReadsArchive {
			opened = append(opened, "archive")
		}
		if !slices.Equal(opened, listed[s.Name]) {
			t.Errorf("%s opens %v, and its role may find %v", s.Name, opened, listed[s.Name])
		}
	}
}
