package api

import (
	"encoding/json"
	"net/http"
	"path"
	"strings"
	"testing"
)

// The contract of the streams is served beside that of HTTP, and each of its references leads to a
// part of it or to a schema that is served too.
func TestContractOfTheStreamsIsServedWithAllItRefersTo(t *testing.T) {
	s := newServer(t)
	answer := ask(s, http.MethodGet, "/asyncapi.json", "")
	if answer.Code != http.StatusOK || answer.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("%d %s", answer.Code, answer.Header().Get("Content-Type"))
	}
	var contract map[string]any
	if err := json.Unmarshal(answer.Body.Bytes(), &contract); err != nil {
		t.Fatal(err)
	}
	if contract["asyncapi"] != "3.0.0" {
		t.Errorf("asyncapi is %v", contract["asyncapi"])
	}
	references := 0
	eachReference(contract, func(reference string) {
		references++
		if local, ok := strings.CutPrefix(reference, "#/"); ok {
			if at(contract, local) == nil {
				t.Errorf("%s leads nowhere", reference)
			}
			return
		}
		schema := ask(s, http.MethodGet, path.Join("/", reference), "")
		if schema.Code != http.StatusOK || !json.Valid(schema.Body.Bytes()) {
			t.Errorf("%s: %d\n%s", reference, schema.Code, schema.Body)
		}
	})
	if references < 6 {
		t.Errorf("%d references: two channels, their messages and schemas have more", references)
	}
}

// eachReference visits the references in a document.
func eachReference(node any, visit func(reference string)) {
	switch node := node.(type) {
	case map[string]any:
		if reference, ok := node["$ref"].(string); ok {
			visit(reference)
		}
		for _, child := range node {
			eachReference(child, visit)
		}
	case []any:
		for _, child := range node {
			eachReference(child, visit)
		}
	}
}

// at returns the part of a document at a path of names, or nil.
func at(node any, names string) any {
	for name := range strings.SplitSeq(names, "/") {
		fields, ok := node.(map[string]any)
		if !ok {
			return nil
		}
		node = fields[name]
	}
	return node
}
