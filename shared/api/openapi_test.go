package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"passbook/shared/access"
)

// document returns the whole contract as it is served.
func document(t *testing.T) *openapi3.T {
	t.Helper()
	text, err := Contract(func(string, string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	document, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// The document is valid, and so is each of its examples.
func TestContractIsValidWithItsExamples(t *testing.T) {
	d := document(t)
	if err := d.Validate(t.Context(), openapi3.EnableExamplesValidation(), openapi3.EnableSchemaFormatValidation()); err != nil {
		t.Error(err)
	}
	if text := contractText(t); strings.Contains(text, sharedPart) || strings.Contains(text, `"const"`) {
		t.Error("the contract has a const, or the part that is only merged from")
	}
}

func contractText(t *testing.T) string {
	t.Helper()
	text, err := Contract(func(string, string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Generators make a type of each component, by its name without signs, whatever its kind.
func TestNamesOfComponentsAreUnique(t *testing.T) {
	var contract struct {
		Components map[string]map[string]any `json:"components"`
	}
	text := contractText(t)
	if err := json.Unmarshal([]byte(text), &contract); err != nil {
		t.Fatal(err)
	}
	signs, seen := regexp.MustCompile(`[^a-z0-9]`), map[string]string{}
	for kind, components := range contract.Components {
		for name := range components {
			plain := signs.ReplaceAllString(strings.ToLower(name), "")
			if other, twice := seen[plain]; twice {
				t.Errorf("%s/%s and %s", kind, name, other)
			}
			seen[plain] = kind + "/" + name
			if reference := fmt.Sprintf("#/components/%s/%s", kind, name); kind != "securitySchemes" && kind != "examples" && !strings.Contains(text, strconv.Quote(reference)) {
				t.Errorf("%s is used nowhere", reference)
			}
		}
	}
}

// Each operation has scopes or is open, lists its statuses one by one, and has an example of each
// and of its body.
func TestOperationsSayWhoMayCallAndWhatIsAnswered(t *testing.T) {
	for route, operation := range operations(t) {
		scopes, any, err := scopesOf(operation)
		open := operation.Security != nil && len(*operation.Security) == 0
		if err != nil || open == (scopes|any != 0) {
			t.Errorf("%s: open is %t, its scopes are %s, %s, %v", route, open, scopes, any, err)
		}
		statuses := operation.Responses.Map()
		for status, response := range statuses {
			if status == "default" {
				t.Errorf("%s lists no statuses, but a default", route)
			}
			for media, content := range response.Value.Content {
				if content.Example == nil && len(content.Examples) == 0 {
					t.Errorf("%s: %s %s has no example", route, status, media)
				}
			}
			if status >= "400" && response.Value.Content["application/problem+json"] == nil {
				t.Errorf("%s: %s is no problem document", route, status)
			}
			for code, example := range examples(response) {
				if got := example["type"] != "/problems/"+code || fmt.Sprint(example["status"]) != status; got {
					t.Errorf("%s: %s has the example %s of %v", route, status, code, example["type"])
				}
			}
		}
		for _, needed := range neededStatuses(open, operation) {
			if statuses[needed] == nil {
				t.Errorf("%s does not list %s", route, needed)
			}
		}
		if body := operation.RequestBody; body != nil {
			for media, content := range body.Value.Content {
				if content.Example == nil {
					t.Errorf("%s: the body %s has no example", route, media)
				}
			}
		}
	}
}

// neededStatuses returns the statuses that every operation of its sort can give.
func neededStatuses(open bool, o *openapi3.Operation) []string {
	needed := []string{"500"}
	if !open {
		needed = append(needed, "401", "403", "503")
	}
	if o.RequestBody != nil {
		needed = append(needed, "400", "415")
	}
	if o.Parameters.GetByInAndName("header", "If-None-Match") != nil {
		needed = append(needed, "304")
	}
	if o.Parameters.GetByInAndName("header", "Idempotency-Key") != nil {
		needed = append(needed, "408", "409", "412", "413", "422", "429", "504")
	}
	return needed
}

// examples returns the problem documents that a response lists, by their code.
func examples(response *openapi3.ResponseRef) map[string]map[string]any {
	all := map[string]map[string]any{}
	content := response.Value.Content["application/problem+json"]
	if content == nil {
		return all
	}
	for code, example := range content.Examples {
		document, _ := example.Value.Value.(map[string]any)
		all[code] = document
	}
	return all
}

// The example of a problem says what the problem's type says.
func TestExamplesOfProblemsAreTheirTypes(t *testing.T) {
	listed := document(t).Components.Examples
	for code, want := range ProblemTypes {
		if listed[code] == nil {
			t.Errorf("%s has no example", code)
			continue
		}
		got, _ := listed[code].Value.Value.(map[string]any)
		if got["title"] != want.Title || got["detail"] != want.Detail || got["status"] != float64(want.Status) || got["retryable"] != want.Retryable {
			t.Errorf("%s: %v\nwant %+v", code, got, want)
		}
	}
	if len(listed) != len(ProblemTypes) {
		t.Errorf("%d examples of %d types: %v", len(listed), len(ProblemTypes), slices.Sorted(maps.Keys(listed)))
	}
}

// operations returns the operations of the contract by "METHOD /path".
func operations(t *testing.T) map[string]*openapi3.Operation {
	t.Helper()
	all := map[string]*openapi3.Operation{}
	for path, item := range document(t).Paths.Map() {
		for method, operation := range item.Operations() {
			all[method+" "+path] = operation
		}
	}
	if len(all) < 37 {
		t.Fatalf("only %d operations", len(all))
	}
	return all
}

// scopesOf returns the scopes of an operation, all needed and one needed.
func scopesOf(o *openapi3.Operation) (scopes, any access.Scopes, err error) {
	if scopes, err = scopesIn(o.Extensions["x-passbook-scopes"]); err != nil {
		return scopes, any, err
	}
	any, err = scopesIn(o.Extensions["x-passbook-any-scope"])
	return scopes, any, err
}

func scopesIn(list any) (access.Scopes, error) {
	values, _ := list.([]any)
	names := make([]string, len(values))
	for i, value := range values {
		names[i] = fmt.Sprint(value)
	}
	return access.Parse(names)
}

// The contract is served as YAML too, with the same content.
func TestContractIsServedAsYAML(t *testing.T) {
	s := newServer(t)
	asJSON, asYAML := ask(s, http.MethodGet, "/openapi.json", ""), ask(s, http.MethodGet, "/openapi.yaml", "")
	if asYAML.Code != http.StatusOK || asYAML.Header().Get("Content-Type") != "application/yaml" {
		t.Fatalf("%d %v", asYAML.Code, asYAML.Header())
	}
	one, err := openapi3.NewLoader().LoadFromData(asJSON.Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	other, err := openapi3.NewLoader().LoadFromData(asYAML.Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	a, errA := json.Marshal(one)
	b, errB := json.Marshal(other)
	if errA != nil || errB != nil || string(a) != string(b) {
		t.Errorf("they differ: %v %v", errA, errB)
	}
}
