package apitest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"passbook/shared/api"
)

// Listed returns the routes that the contract lists under any of the tags, sorted: "METHOD /path".
func Listed(t testing.TB, tags ...string) []string {
	t.Helper()
	text, err := api.Contract(func(string, string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Paths map[string]map[string]struct {
			Tags []string `json:"tags"`
		} `json:"paths"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	var listed []string
	for path, operations := range document.Paths {
		for method, operation := range operations {
			if slices.ContainsFunc(operation.Tags, func(tag string) bool { return slices.Contains(tags, tag) }) {
				listed = append(listed, fmt.Sprintf("%s %s", strings.ToUpper(method), path))
			}
		}
	}
	slices.Sort(listed)
	return listed
}

// Routes fails the test unless the server has mounted exactly what the contract lists under the
// tags.
func Routes(t testing.TB, server *api.Server, tags ...string) {
	t.Helper()
	mounted, listed := server.Routes(), Listed(t, tags...)
	for _, route := range mounted {
		if !slices.Contains(listed, route) {
			t.Errorf("%s is mounted, but the contract does not list it under %v", route, tags)
		}
	}
	for _, route := range listed {
		if !slices.Contains(mounted, route) {
			t.Errorf("%s is listed under %v, but not mounted", route, tags)
		}
	}
}
