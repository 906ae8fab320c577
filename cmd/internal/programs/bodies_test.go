package programs

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"passbook/cmd/internal/programs/bank"
)

// served is a bank with the contract that it serves.
type served struct {
	t        *testing.T
	url      string
	contract map[string]any
	compiler *jsonschema.Compiler
	// key and parameters count what was made, for names.
	key, parameters int
}

// contractAt is where the compiler of schemas finds the contract.
const contractAt = "file:///openapi.json"

// serveContract opens a bank with one account, A-1, and reads the contract that it serves.
func serveContract(t *testing.T) *served {
	t.Helper()
	server := httptest.NewServer(open(t, bank.Program, "127.0.0.1:0").Server().Handler())
	t.Cleanup(server.Close)
	b := &served{t: t, url: server.URL, compiler: jsonschema.NewCompiler()}
	status, text := b.send(http.MethodGet, "/openapi.json", nil, "")
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if status != http.StatusOK || err != nil {
		t.Fatalf("openapi.json: %d %v", status, err)
	}
	b.contract = value.(map[string]any)
	b.compiler.DefaultDraft(jsonschema.Draft2020)
	b.compiler.AssertFormat()
	b.compiler.UseRegexpEngine(func(pattern string) (jsonschema.Regexp, error) { return regexp.Compile(inGo(pattern)) })
	if err := b.compiler.AddResource(contractAt, value); err != nil {
		t.Fatal(err)
	}
	for path, body := range map[string]string{"/v1/accounts": `{"account_id":"A-1","currency":"EUR","credit_limit":1000}`, "/v1/accounts/A-1/credits": `{"amount":500,"currency":"EUR"}`} {
		if status, text := b.send(http.MethodPost, path, map[string]string{"Idempotency-Key": "given"}, body); path == "/v1/accounts" && status != http.StatusCreated {
			t.Fatalf("%s: %d %s", path, status, text)
		}
	}
	return b
}

// inGo returns a pattern of the contract in the syntax of Go's package regexp.
func inGo(pattern string) string {
	return regexp.MustCompile(`\\u([0-9A-F]{4})`).ReplaceAllString(pattern, `\x{$1}`)
}

// send sends a request, as JSON if it has a body.
func (b *served) send(method, path string, header map[string]string, body string) (status int, text string) {
	b.t.Helper()
	request, err := http.NewRequestWithContext(b.t.Context(), method, b.url+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for name, value := range header {
		request.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	read, err := io.ReadAll(answer.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer.StatusCode, string(read)
}

// newKey returns the header of a command that was not sent before.
func (b *served) newKey() map[string]string {
	b.key++
	return map[string]string{"Idempotency-Key": fmt.Sprint("key-", b.key)}
}

// resolve follows the reference of a part of the contract.
func (b *served) resolve(node map[string]any) map[string]any {
	reference, ok := node["$ref"].(string)
	if !ok {
		return node
	}
	var at any = b.contract
	for name := range strings.SplitSeq(strings.TrimPrefix(reference, "#/"), "/") {
		at = at.(map[string]any)[name]
	}
	return at.(map[string]any)
}

// compile returns the validator of a part of the contract.
func (b *served) compile(pointer string) *jsonschema.Schema {
	b.t.Helper()
	schema, err := b.compiler.Compile(contractAt + pointer)
	if err != nil {
		b.t.Fatal(err)
	}
	return schema
}

// command is a call that takes a key and a body of JSON, with the schema of the body.
type command struct {
	method, path string
	schema       map[string]any
	validator    *jsonschema.Schema
}

// commands returns the commands of the contract, on the account A-1.
func (b *served) commands() (all []command) {
	for path, item := range b.contract["paths"].(map[string]any) {
		for method, operation := range item.(map[string]any) {
			body, ok := operation.(map[string]any)["requestBody"].(map[string]any)
			if !ok || strings.HasPrefix(path, "/v1/webhooks") { // no command: the tests of its package send them
				continue
			}
			content, ok := body["content"].(map[string]any)["application/json"].(map[string]any)
			if !ok {
				continue
			}
			path = strings.NewReplacer("{account_id}", "A-1", "{transaction_id}", "t2", "{hold_id}", "h9", "{version}", "1").Replace(path)
			reference := content["schema"].(map[string]any)
			all = append(all, command{strings.ToUpper(method), path, b.resolve(reference), b.compile(reference["$ref"].(string))})
		}
	}
	slices.SortFunc(all, func(a, b command) int { return strings.Compare(a.path+a.method, b.path+b.method) })
	return all
}

// literal draws the JSON of a value of a schema.
func (b *served) literal(rt *rapid.T, schema map[string]any, label string) string {
	schema = b.resolve(schema)
	if words, ok := schema["enum"].([]any); ok {
		return fmt.Sprintf("%q", rapid.SampledFrom(words).Draw(rt, label))
	}
	switch schema["type"] {
	case "integer":
		v := rapid.Int64Range(number(schema, "minimum"), number(schema, "maximum")).Draw(rt, label)
		if v == 0 {
			return rapid.SampledFrom([]string{"0", "0.0", "0e2", "-0"}).Draw(rt, "form")
		}
		return fmt.Sprintf(rapid.SampledFrom([]string{"%d", "%d.0", "%de0", "%d00e-2", "%d.000E0"}).Draw(rt, "form"), v)
	case "boolean":
		return fmt.Sprint(rapid.Bool().Draw(rt, label))
	}
	text, err := json.Marshal(rapid.StringMatching(inGo(schema["pattern"].(string))).Draw(rt, label))
	if err != nil {
		rt.Fatal(err)
	}
	return string(text)
}

func number(schema map[string]any, name string) int64 {
	v, err := schema[name].(json.Number).Int64()
	if err != nil {
		return 0
	}
	return v
}

// object draws the members of an object of a schema, each as JSON.
func (b *served) object(rt *rapid.T, schema map[string]any) map[string]string {
	members := map[string]string{}
	required, _ := schema["required"].([]any)
	properties, _ := schema["properties"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		if slices.Contains(required, any(name)) || rapid.Bool().Draw(rt, "has "+name) {
			members[name] = b.literal(rt, properties[name].(map[string]any), name)
		}
	}
	return members
}

// text returns the JSON of an object, with a name escaped or not.
func text(members map[string]string, escaped bool) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(members)) {
		quoted := fmt.Sprintf("%q", name)
		if escaped {
			quoted = fmt.Sprintf(`"\u%04x%s"`, name[0], name[1:])
		}
		all = append(all, quoted+" : "+members[name])
	}
	return "{" + strings.Join(all, ",\n") + "}"
}

// valid reports whether a schema has a body.
func valid(rt *rapid.T, schema *jsonschema.Schema, body string) bool {
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
	if err != nil {
		rt.Fatalf("%s: %v", body, err)
	}
	return schema.Validate(value) == nil
}

// sent is a body of a command, with what was answered.
type sent struct {
	command
	body   string
	wrong  string // the field that is wrong
	status int
	answer string
}

// sendAll sends bodies to their commands, all at once.
func (b *served) sendAll(all []*sent) {
	var running sync.WaitGroup
	for _, s := range all {
		key := b.newKey()
		running.Go(func() { s.status, s.answer = b.send(s.method, s.path, key, s.body) })
	}
	running.Wait()
}

// What the contract calls valid is decided: it may be declined, or refused by the rules of the
// account, but never as not being what the contract has.
func TestBodiesThatTheContractHasAreAccepted(t *testing.T) {
	b := serveContract(t)
	commands := b.commands()
	rapid.Check(t, func(rt *rapid.T) {
		var all []*sent
		for _, c := range commands {
			body := text(b.object(rt, c.schema), rapid.Bool().Draw(rt, "escaped"))
			// not a day that its month does not have, or an expiry of no limit
			if valid(rt, c.validator, body) {
				all = append(all, &sent{command: c, body: body})
			}
		}
		b.sendAll(all)
		for _, s := range all {
			if !slices.Contains([]int{200, 201, 404, 409, 422, 429}, s.status) {
				rt.Errorf("%s %s %s: %d %s", s.method, s.path, s.body, s.status, s.answer)
			}
		}
	})
}

// What the contract calls invalid is refused, by the name of its field, and nothing is stored.
func TestBodiesThatTheContractDoesNotHaveAreRefused(t *testing.T) {
	b := serveContract(t)
	commands := b.commands()
	_, before := b.send(http.MethodGet, "/v1/accounts/A-1", nil, "")
	rapid.Check(t, func(rt *rapid.T) {
		var all []*sent
		for _, c := range commands {
			members := b.object(rt, c.schema)
			if !valid(rt, c.validator, text(members, false)) {
				continue // two fields would be wrong
			}
			name := b.spoil(rt, c.schema, members)
			if body := text(members, false); !valid(rt, c.validator, body) {
				all = append(all, &sent{command: c, body: body, wrong: name})
			}
		}
		b.sendAll(all)
		for _, s := range all {
			if s.status != 400 || !strings.Contains(s.answer, `"pointer":"/`+s.wrong+`"`) {
				rt.Errorf("%s %s %s: %d %s, not the field %s", s.method, s.path, s.body, s.status, s.answer, s.wrong)
			}
		}
	})
	if _, after := b.send(http.MethodGet, "/v1/accounts/A-1", nil, ""); after != before {
		t.Errorf("something was stored: %s, then %s", before, after)
	}
}

// spoil makes one member what the contract does not have, and returns its name.
func (b *served) spoil(rt *rapid.T, schema map[string]any, members map[string]string) string {
	properties, _ := schema["properties"].(map[string]any)
	name := rapid.SampledFrom(append(slices.Sorted(maps.Keys(properties)), "colour")).Draw(rt, "spoilt")
	if name == "colour" {
		members[name] = "1"
		return name
	}
	member := b.resolve(properties[name].(map[string]any))
	wrong := []string{`null`, `{"a":[1]}`, `[]`}
	switch member["type"] {
	case "integer":
		wrong = append(wrong, `"1"`, `true`, `0.5`, `1e-3`, `9007199254740992`, `-1`, `1e300`)
	case "boolean":
		wrong = append(wrong, `"true"`, `1`, `0`)
	default:
		wrong = append(wrong, `1`, `true`, `""`, `"\u0000"`, `"\n"`, `"`+strings.Repeat("x", 200)+`"`, `"`+strings.Repeat("ü", 71)+`"`, `"\u202e"`, `"eur"`, `"2026-02-30"`, `"1969-12-31T00:00:00Z"`, `" x"`)
	}
	if required, _ := schema["required"].([]any); slices.Contains(required, any(name)) {
		wrong = append(wrong, "")
	}
	members[name] = rapid.SampledFrom(wrong).Draw(rt, "wrong")
	if members[name] == "" {
		delete(members, name)
	}
	return name
}

// Parameters and headers are what the contract has, no more and no less. Left out are those that
// any text may be, and a cursor, which only the page before has. Each is sent alone, as some
// exclude each other; headers of a command with the one that has no fields.
func TestParametersAreThoseOfTheContract(t *testing.T) {
	b := serveContract(t)
	for path, item := range b.contract["paths"].(map[string]any) {
		for method, operation := range item.(map[string]any) {
			operation := operation.(map[string]any)
			parameters, _ := operation["parameters"].([]any)
			for _, parameter := range parameters {
				parameter := b.resolve(parameter.(map[string]any))
				schema := b.resolve(parameter["schema"].(map[string]any))
				anyText := schema["type"] == "string" && schema["pattern"] == nil && schema["enum"] == nil
				if parameter["in"] == "path" || parameter["name"] == "cursor" || anyText || method != "get" && operation["operationId"] != "releaseHold" {
					continue
				}
				t.Run(method+" "+path+" "+parameter["name"].(string), func(t *testing.T) { b.tryParameter(t, strings.ToUpper(method), path, parameter, schema) })
			}
		}
	}
}

// tryParameter sends values of one parameter that the contract has, and values that it has not.
func (b *served) tryParameter(t *testing.T, method, path string, parameter, schema map[string]any) {
	name := parameter["name"].(string)
	account := "A-1"
	if name == "wait" || name == "min_version" { // nothing projects here, so only of no account is it known that there is nothing to wait for
		account = "no-such"
	}
	path = strings.NewReplacer("{account_id}", account, "{hold_id}", "h9", "{version}", "1").Replace(path)
	send := func(value string) (int, string) {
		header, query, body := map[string]string{}, url.Values{}, ""
		if method != http.MethodGet {
			header, body = b.newKey(), "{}"
		}
		if strings.HasSuffix(path, "/explain") && name != "amount" { // which only a decline has itself
			query.Set("amount", "1")
		}
		if path == "/v1/feed" { // which has no end otherwise
			query.Set("until", "now")
		}
		if parameter["in"] == "header" {
			header[name] = value
		} else {
			query.Set(name, value)
		}
		if name == "wait" {
			query.Set("min_version", "1")
		}
		if strings.HasSuffix(path, "/statement/file") && name != "format" {
			query.Set("format", "csv")
		}
		if strings.HasSuffix(path, "/archive/segments") && name != "day" {
			query.Set("day", "2026-11-30")
		}
		return b.send(method, path+"?"+query.Encode(), header, body)
	}
	rapid.Check(t, func(rt *rapid.T) {
		value := b.plain(rt, schema)
		if !b.has(rt, schema, value) {
			rt.Skip("a day that its month does not have")
		}
		if status, answer := send(value); status == 400 || status >= 500 {
			rt.Errorf("%s=%q: %d %s", name, value, status, answer)
		}
	})
	rapid.Check(t, func(rt *rapid.T) {
		value := rapid.SampledFrom([]string{"\u00e9", "x y", "-1", "1.5", "99999999999999999999", "2026-11-30", "2026-11-30T25:00:00Z", "TRUE", "31s", "1m", "0.4m", "100us", "2", "2S", `"0"`, `W/"1"`, strings.Repeat("9", 300)}).Draw(rt, name)
		if b.has(rt, schema, value) {
			rt.Skip("valid")
		}
		if status, answer := send(value); status != 400 {
			rt.Errorf("%s=%q: %d, but the contract does not have it: %s", name, value, status, answer)
		}
	})
}

// plain draws the text of a parameter of a schema.
func (b *served) plain(rt *rapid.T, schema map[string]any) string {
	words, _ := schema["enum"].([]any)
	switch {
	case words != nil:
		return rapid.SampledFrom(words).Draw(rt, "word").(string)
	case schema["type"] == "integer":
		return fmt.Sprint(rapid.Int64Range(number(schema, "minimum"), number(schema, "maximum")).Draw(rt, "number"))
	case schema["type"] == "boolean":
		return fmt.Sprint(rapid.Bool().Draw(rt, "boolean"))
	}
	return rapid.StringMatching(inGo(schema["pattern"].(string))).Draw(rt, "text")
}

// has reports whether a schema has the text of a parameter.
func (b *served) has(rt *rapid.T, schema map[string]any, value string) bool {
	b.parameters++
	at := fmt.Sprint("file:///parameter-", b.parameters)
	if err := b.compiler.AddResource(at, schema); err != nil {
		rt.Fatal(err)
	}
	compiled, err := b.compiler.Compile(at)
	if err != nil {
		rt.Fatal(err)
	}
	literal := value
	if schema["type"] == "string" {
		quoted, err := json.Marshal(value)
		if err != nil {
			rt.Fatal(err)
		}
		literal = string(quoted)
	}
	typed, err := jsonschema.UnmarshalJSON(strings.NewReader(literal))
	return err == nil && compiled.Validate(typed) == nil
}
