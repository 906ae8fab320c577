package apitest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"passbook/shared/api"
	"passbook/shared/web"
)

// Client sends requests over HTTP to a handler and checks the answers against the contract. Safe
// for concurrent use.
type Client struct {
	t      testing.TB
	server *httptest.Server
	// canary is a text that must not be in any problem document; empty checks nothing.
	canary string
	// bearer is the token that each request has; empty for none.
	bearer string
}

// Response is an answer.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// New serves the handler until the test ends, and returns a client of it.
func New(t testing.TB, handler http.Handler) *Client {
	server := httptest.NewServer(handler)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return &Client{t: t, server: server}
}

// WithCanary returns a client whose problem documents must not contain the text.
func (c *Client) WithCanary(text string) *Client {
	with := *c
	with.canary = text
	return &with
}

// URL returns where the handler is served.
func (c *Client) URL() string { return c.server.URL }

// HTTP returns a client for requests that are not checked against the contract.
func (c *Client) HTTP() *http.Client { return c.server.Client() }

// Get sends a GET.
func (c *Client) Get(path string) Response { c.t.Helper(); return c.Do(http.MethodGet, path, "") }

// Post sends a command with a key. Further headers come in pairs.
func (c *Client) Post(path, key, body string, header ...string) Response {
	c.t.Helper()
	return c.Do(http.MethodPost, path, body, append([]string{"Idempotency-Key", key}, header...)...)
}

// Put sends a command with a key by PUT. Further headers come in pairs.
func (c *Client) Put(path, key, body string, header ...string) Response {
	c.t.Helper()
	return c.Do(http.MethodPut, path, body, append([]string{"Idempotency-Key", key}, header...)...)
}

// Do sends a request, and fails the test unless the answer conforms to the contract. A request that
// was accepted must conform too. A body is JSON unless the headers, which come in pairs, say
// otherwise. It never ends the test, so that any goroutine may call it: where there is no answer,
// Status is 0.
func (c *Client) Do(method, path, body string, header ...string) Response {
	c.t.Helper()
	request, err := http.NewRequestWithContext(context.Background(), method, c.server.URL+path, strings.NewReader(body))
	if err != nil {
		c.t.Error(err)
		return Response{}
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if c.bearer != "" {
		request.Header.Set("Authorization", "Bearer "+c.bearer)
	}
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	answer, err := c.server.Client().Do(request)
	if err != nil {
		c.t.Errorf("%s %s: %v", method, path, err)
		return Response{}
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		c.t.Errorf("%s %s: %v", method, path, err)
		return Response{}
	}
	response := Response{answer.StatusCode, answer.Header, text}
	c.check(request, body, response)
	return response
}

// check compares the exchange with the contract.
func (c *Client) check(request *http.Request, body string, response Response) {
	c.t.Helper()
	if response.Header.Get("Cache-Control") != "no-store" {
		c.t.Errorf("%s %s: Cache-Control is %q", request.Method, request.URL.Path, response.Header.Get("Cache-Control"))
	}
	if response.Status >= 400 && request.Method != http.MethodHead {
		c.checkProblem(request, response)
	}
	router, err := contract()
	if err != nil {
		c.t.Error(err)
		return
	}
	request.URL.Scheme, request.URL.Host = "", ""
	if request.Method == http.MethodHead { // as GET, without a body
		if len(response.Body) > 0 {
			c.t.Errorf("HEAD %s has a body: %.100s", request.URL.Path, response.Body)
		}
		return
	}
	route, params, err := router.FindRoute(request)
	if err != nil {
		if response.Status != http.StatusNotFound && response.Status != http.StatusMethodNotAllowed {
			c.t.Errorf("%s %s: answered %d, but it is not in the contract: %v", request.Method, request.URL.Path, response.Status, err)
		}
		return
	}
	c.checkCode(route, response)
	if route.Path == "/v1/bulk" && response.Status < 300 {
		c.checkLines(route, body, string(response.Body))
		return
	}
	if request.Method != http.MethodGet && response.Status < 300 && !strings.HasPrefix(route.Path, "/ops/") && !strings.HasPrefix(route.Path, "/v1/webhooks") {
		c.checkCommand(request, response)
	}
	request.Body = io.NopCloser(strings.NewReader(body))
	input := &openapi3filter.RequestValidationInput{Request: request, PathParams: params, Route: route, Options: &openapi3filter.Options{
		IncludeResponseStatus: true, // a status that is not listed is wrong
		AuthenticationFunc:    openapi3filter.NoopAuthenticationFunc,
	}}
	if response.Status < 300 {
		if err := openapi3filter.ValidateRequest(request.Context(), input); err != nil {
			c.t.Errorf("%s %s: accepted, but it violates the contract: %v", request.Method, request.URL.Path, err)
		}
	}
	output := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: response.Status, Header: response.Header,
		Body: io.NopCloser(bytes.NewReader(response.Body)),
	}
	if err := openapi3filter.ValidateResponse(request.Context(), output); err != nil {
		c.t.Errorf("%s %s: answer %d violates the contract: %v\n%s", request.Method, request.URL.Path, response.Status, err, response.Body)
	}
}

// checkCommand checks that the answer to a command is sent in its form, that of a dry run included.
func (c *Client) checkCommand(request *http.Request, response Response) {
	c.t.Helper()
	result := response
	if request.URL.Query().Has("dry_run") {
		dry := Decode[api.DryRunAnswer](c.t, response)
		Wire(c.t, dry, string(response.Body))
		if result.Body = dry.Result; (dry.Result == nil) == (dry.Problem == nil) || !dry.DryRun {
			c.t.Errorf("%s %s: a dry run has one of result and problem: %s", request.Method, request.URL.Path, response.Body)
		}
		for _, name := range []string{"ETag", "Location", "Idempotency-Replayed"} {
			if response.Header.Get(name) != "" {
				c.t.Errorf("%s %s: the answer to a dry run has the header %s", request.Method, request.URL.Path, name)
			}
		}
	}
	if result.Body != nil {
		Wire(c.t, Decode[api.CommandAnswer](c.t, result), string(result.Body))
	}
}

// checkLines compares each line of a bulk request and of its answer with the contract, whose
// schemas are those of one line.
func (c *Client) checkLines(route *routers.Route, request, response string) {
	c.t.Helper()
	const rows = "application/x-ndjson"
	accepted := map[int]bool{}
	for text := range strings.Lines(response) {
		c.checkLine(route.Operation.Responses.Status(http.StatusOK).Value.Content[rows].Schema.Value, text)
		var result struct{ Line, Status int }
		if err := json.Unmarshal([]byte(text), &result); err != nil {
			c.t.Errorf("bulk result %q: %v", text, err)
		}
		accepted[result.Line] = result.Status < 300
		if c.canary != "" && strings.Contains(text, c.canary) {
			c.t.Errorf("a value of the request is in the answer: %s", text)
		}
	}
	number := 0
	for text := range strings.Lines(request) {
		if number++; accepted[number] {
			c.checkLine(route.Operation.RequestBody.Value.Content[rows].Schema.Value, text)
		}
	}
}

func (c *Client) checkLine(schema *openapi3.Schema, text string) {
	c.t.Helper()
	var line any
	if err := json.Unmarshal([]byte(text), &line); err != nil {
		c.t.Errorf("bulk line %q: %v", text, err)
		return
	}
	if err := schema.VisitJSON(line, openapi3.EnableJSONSchema2020()); err != nil {
		c.t.Errorf("a line of bulk violates the contract: %v\n%s", err, text)
	}
}

func (c *Client) checkProblem(request *http.Request, response Response) {
	c.t.Helper()
	if got := response.Header.Get("Content-Type"); got != "application/problem+json" {
		c.t.Errorf("%s %s: %d is a %s", request.Method, request.URL.Path, response.Status, got)
	}
	if status := response.Int("status"); status != int64(response.Status) {
		c.t.Errorf("%s %s: status is %d in the document and %d outside", request.Method, request.URL.Path, status, response.Status)
	}
	if c.canary != "" && bytes.Contains(response.Body, []byte(c.canary)) {
		c.t.Errorf("%s %s: a value of the request is in the answer: %s", request.Method, request.URL.Path, response.Body)
	}
}

// checkCode fails the test unless the code of a problem is among the examples of its status, which
// are the codes that the contract lists for the call.
func (c *Client) checkCode(route *routers.Route, response Response) {
	c.t.Helper()
	if response.Status < 400 {
		return
	}
	listed := route.Operation.Responses.Status(response.Status)
	if listed == nil {
		return // reported as a status that is not listed
	}
	if _, ok := listed.Value.Content["application/problem+json"].Examples[response.Code()]; !ok {
		c.t.Errorf("%s %s: answered %d %s, which the contract does not list", route.Method, route.Path, response.Status, response.Code())
	}
}

// contract returns the contract, loaded once.
var contract = sync.OnceValues(func() (routers.Router, error) {
	text, err := api.Contract(func(string, string) bool { return true })
	if err != nil {
		return nil, err
	}
	document, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return nil, err
	}
	for _, text := range []string{"text/html", "application/xml"} { // files, which the contract has as strings
		openapi3filter.RegisterBodyDecoder(text, openapi3filter.PlainBodyDecoder)
	}
	// TestContractIsValidWithItsExamples validates them: it takes longer than most tests.
	return legacy.NewRouter(document, openapi3.DisableExamplesValidation())
})

// Decode decodes an answer. Decode never ends the test, so that any goroutine may call it.
func Decode[T any](t testing.TB, r Response) (answer T) {
	t.Helper()
	if err := json.Unmarshal(r.Body, &answer); err != nil {
		t.Errorf("answer %d is not a %T: %v\n%s", r.Status, answer, err, r.Body)
	}
	return answer
}

// Code returns the code of a problem document, empty for any other answer.
func (r Response) Code() string {
	return strings.TrimPrefix(r.Text("type"), "/problems/")
}

// Text returns a member of the answer, empty when it is absent or not a string.
func (r Response) Text(name string) string {
	text, _ := r.members()[name].(string)
	return text
}

// Int returns a member of the answer, 0 when it is absent or not a number.
func (r Response) Int(name string) int64 {
	number, _ := r.members()[name].(json.Number)
	n, _ := number.Int64()
	return n
}

func (r Response) members() map[string]any {
	decoder := json.NewDecoder(bytes.NewReader(r.Body))
	decoder.UseNumber()
	var members map[string]any
	if decoder.Decode(&members) != nil {
		return nil
	}
	return members
}

// Errors returns the wrong fields, each as "pointer code".
func (r Response) Errors() []string {
	var document struct {
		Errors []web.FieldError `json:"errors"`
	}
	if json.Unmarshal(r.Body, &document) != nil {
		return nil
	}
	faults := make([]string, 0, len(document.Errors))
	for _, e := range document.Errors {
		faults = append(faults, e.Pointer+" "+e.Code)
	}
	return faults
}
