package reference

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"passbook/shared/api"
)

// document is what the pages show of an OpenAPI document.
type document struct {
	Info struct {
		Title, Version, Description string
	}
	Paths      map[string]map[string]operation
	Components components
}

// components are what the operations refer to.
type components struct {
	Parameters map[string]parameter
	Responses  map[string]response
	Schemas    map[string]json.RawMessage
}

// operation is a call of the API.
type operation struct {
	OperationID string
	Summary     string
	Description string
	Tags        []string
	Scopes      []string `json:"x-passbook-scopes"`
	AnyScope    []string `json:"x-passbook-any-scope"`
	Security    *[]any
	Parameters  []parameter
	RequestBody *struct{ Content map[string]media }
	Responses   map[string]response

	// Method and Path are those of the call.
	Method, Path string `json:"-"`
	// Body is the example of the request's body, empty for none, and Answers the statuses.
	Body    string   `json:"-"`
	Answers []answer `json:"-"`
}

// Steps returns the parts of the path, between which a narrow page may break it.
func (o operation) Steps() []string { return strings.SplitAfter(o.Path, "/") }

// Needs returns the scopes that a caller needs, in words.
func (o operation) Needs() string {
	switch {
	case len(o.Scopes) > 0:
		return strings.Join(o.Scopes, " and ")
	case len(o.AnyScope) > 0:
		return "one of " + strings.Join(o.AnyScope, ", ")
	}
	return "none"
}

// parameter is a parameter of a path, a query or a header.
type parameter struct {
	Ref         string `json:"$ref"`
	Name, In    string
	Description string
	Required    bool
	Schema      json.RawMessage
}

// response is an answer.
type response struct {
	Ref         string `json:"$ref"`
	Description string
	Content     map[string]media
}

// media is the body of a request or an answer in one form.
type media struct {
	Example  json.RawMessage
	Examples map[string]struct {
		Ref   string `json:"$ref"`
		Value json.RawMessage
	}
}

// answer is an answer with its example; of a refusal Codes are the problems that it may be.
type answer struct {
	Status, Description, Example string
	Codes                        []string
}

// readContract returns the contract, and all its operations by their paths.
func readContract() (document, []operation, error) {
	var d document
	text, err := api.Contract(func(string, string) bool { return true })
	if err == nil {
		err = json.Unmarshal(text, &d)
	}
	if err != nil {
		return d, nil, fmt.Errorf("reference: read the contract: %w", err)
	}
	var all []operation
	for path, methods := range d.Paths {
		for method, o := range methods {
			o.Method, o.Path, o.Summary = strings.ToUpper(method), path, strings.TrimSuffix(o.Summary, ".")
			for i, p := range o.Parameters {
				if p.Ref != "" {
					o.Parameters[i] = d.Components.Parameters[named(p.Ref)]
				}
			}
			if o.RequestBody != nil {
				_, o.Body = exampleOf(o.RequestBody.Content)
			}
			o.Answers = d.answers(o.Responses)
			all = append(all, o)
		}
	}
	slices.SortFunc(all, func(a, b operation) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(a.Method, b.Method))
	})
	return d, all, nil
}

// named returns the name at the end of a reference.
func named(ref string) string { return ref[strings.LastIndexByte(ref, '/')+1:] }

// answers returns the answers by their statuses.
func (d document) answers(of map[string]response) (list []answer) {
	for status, r := range of {
		if r.Ref != "" {
			r = d.Components.Responses[named(r.Ref)]
		}
		a := answer{Status: status, Description: r.Description}
		if status >= "400" {
			for _, m := range r.Content {
				for name, example := range m.Examples {
					if example.Ref != "" {
						name = named(example.Ref)
					}
					a.Codes = append(a.Codes, name)
				}
			}
			slices.Sort(a.Codes)
		} else {
			_, a.Example = exampleOf(r.Content)
		}
		list = append(list, a)
	}
	slices.SortFunc(list, func(a, b answer) int { return strings.Compare(a.Status, b.Status) })
	return list
}

// exampleOf returns the media type and the example of a body.
func exampleOf(content map[string]media) (mediaType, example string) {
	for mediaType, m := range content {
		if len(m.Example) > 0 {
			return mediaType, textOf(m.Example)
		}
		for _, e := range m.Examples {
			if len(e.Value) > 0 {
				return mediaType, textOf(e.Value)
			}
		}
	}
	return "", ""
}

// textOf returns an example as the body has it: a string's own text, or indented JSON.
func textOf(example json.RawMessage) string {
	var text string
	if json.Unmarshal(example, &text) == nil {
		return text
	}
	return indented(example)
}

// indented returns JSON on several lines.
func indented(data []byte) string {
	var b bytes.Buffer
	if json.Indent(&b, data, "", "  ") != nil {
		return string(data)
	}
	return b.String()
}

// Form returns what a parameter may be, in short.
func (p parameter) Form() string {
	var s struct {
		Ref     string `json:"$ref"`
		Type    any
		Enum    []any
		Minimum *int64
		Maximum *int64
	}
	if json.Unmarshal(p.Schema, &s) != nil {
		return ""
	}
	switch {
	case s.Ref != "":
		return named(s.Ref)
	case len(s.Enum) > 0:
		words := make([]string, len(s.Enum))
		for i, v := range s.Enum {
			words[i] = fmt.Sprint(v)
		}
		return strings.Join(words, ", ")
	case s.Minimum != nil && s.Maximum != nil:
		return fmt.Sprintf("%v from %d to %d", s.Type, *s.Minimum, *s.Maximum)
	case s.Type == nil:
		return "text"
	}
	return fmt.Sprint(s.Type)
}
