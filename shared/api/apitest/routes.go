package apitest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"passbook/shared/access"
	"passbook/shared/api"
)

// operation is what the contract has of who may call a route.
type operation struct {
	Tags     []string               `json:"tags"`
	Security *[]map[string][]string `json:"security"`
	Scopes   []string               `json:"x-passbook-scopes"`
	AnyScope []string               `json:"x-passbook-any-scope"`
}

// Listed returns the routes that the contract lists under any of the tags, sorted: "METHOD /path".
func Listed(t testing.TB, tags ...string) []string {
	t.Helper()
	return slices.Sorted(maps.Keys(operations(t, tags)))
}

// operations returns the operations that the contract lists under any of the tags, by "METHOD
// /path".
func operations(t testing.TB, tags []string) map[string]operation {
	t.Helper()
	text, err := api.Contract(func(string, string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Paths map[string]map[string]operation `json:"paths"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	listed := map[string]operation{}
	for path, operations := range document.Paths {
		for method, operation := range operations {
			if slices.ContainsFunc(operation.Tags, func(tag string) bool { return slices.Contains(tags, tag) }) {
				listed[fmt.Sprintf("%s %s", strings.ToUpper(method), path)] = operation
			}
		}
	}
	return listed
}

// isPage reports whether a route is for browsers. The contract leaves them out: programs are made
// from it, and a page is no answer to a program.
func isPage(route string) bool {
	_, path, _ := strings.Cut(route, " ")
	return path == "/" || path == "/docs" || strings.HasPrefix(path, "/docs/") || strings.HasPrefix(path, "/ui/") || strings.HasPrefix(path, "/problems/")
}

// Routes fails the test unless the server has mounted exactly what the contract lists under the
// tags, each for the scopes that the contract names, and pages.
func Routes(t testing.TB, server *api.Server, tags ...string) {
	t.Helper()
	mounted, listed := server.Routes(), operations(t, tags)
	for _, route := range mounted {
		if _, ok := listed[route]; ok == isPage(route) {
			t.Errorf("%s is mounted, but is neither in the contract under %v nor a page, or is both", route, tags)
		}
	}
	for name, operation := range listed {
		route, ok := server.Route(name)
		if !ok {
			t.Errorf("%s is listed under %v, but not mounted", name, tags)
			continue
		}
		scopes, err := access.Parse(operation.Scopes)
		any, errAny := access.Parse(operation.AnyScope)
		open := operation.Security != nil && len(*operation.Security) == 0
		if err != nil || errAny != nil || scopes != route.Scopes || any != route.AnyOf || open != route.Open {
			t.Errorf("%s needs %q, one of %q, or is open (%t); the contract has %q, %q, %t", name, route.Scopes, route.AnyOf, route.Open, scopes, any, open)
		}
	}
}
