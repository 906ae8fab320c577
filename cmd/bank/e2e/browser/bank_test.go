package browser

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"passbook/cmd/internal/programtest"
)

// errNotYet says that what a test waits for has not happened.
var errNotYet = errors.New("not yet")

// client has a deadline on every call, long enough for a body of many commands.
var client = &http.Client{Timeout: 2 * time.Minute}

// bank is a running bank.
type bank struct {
	*programtest.Server
	data, key string
}

// serve starts a bank on a data directory. It is killed at the end of the test.
func serve(t testing.TB, data string, flags ...string) *bank {
	t.Helper()
	args := append([]string{"serve", "--listen", "127.0.0.1:0", "--data", data, "--segment-age", "1s", "--log-level", "warn", "--drain-delay", "0s"}, flags...)
	return &bank{Server: programtest.Start(t, nil, "bank", args...), data: data}
}

// again starts the bank once more after its end, on the same data and at the same address.
func (b *bank) again(t testing.TB) {
	t.Helper()
	b.Server = programtest.Start(t, nil, "bank", "serve", "--listen", strings.TrimPrefix(b.Base, "http://"), "--data", b.data, "--log-level", "warn", "--drain-delay", "0s")
}

// send sends a request and returns the answer's body, which must have a 2xx.
func (b *bank) send(t testing.TB, method, path, key, contentType string, body io.Reader) []byte {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, b.Base+path, body)
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	if b.key != "" {
		request.Header.Set("Authorization", "Bearer "+b.key)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode/100 != 2 {
		t.Fatalf("%s %s: %s %v\n%.2000s", method, path, response.Status, err, text)
	}
	return text
}

// post sends a command under a fresh key.
func (b *bank) post(t testing.TB, path, body string) {
	t.Helper()
	b.send(t, http.MethodPost, path, fmt.Sprintf("browser-%d", time.Now().UnixNano()), "application/json", strings.NewReader(body))
}

// declined sends a command that is declined.
func (b *bank) declined(t testing.TB, path, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.Base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", fmt.Sprintf("declined-%d", time.Now().UnixNano()))
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusUnprocessableEntity && response.StatusCode != http.StatusConflict {
		t.Fatalf("POST %s: %s, expected a decline", path, response.Status)
	}
}

// get reads a resource.
func (b *bank) get(t testing.TB, path string, into any) {
	t.Helper()
	if err := json.Unmarshal(b.send(t, http.MethodGet, path, "", "", nil), into); err != nil {
		t.Fatalf("GET %s: %v", path, err)
	}
}

// bulk sends many commands at once, and fails if one is not done.
func (b *bank) bulk(t testing.TB, lines *bytes.Buffer) {
	t.Helper()
	text := b.send(t, http.MethodPost, "/v1/bulk", "", "application/x-ndjson", lines)
	for line := range strings.Lines(string(text)) {
		var outcome struct{ Status int }
		if err := json.Unmarshal([]byte(line), &outcome); err != nil || outcome.Status/100 != 2 {
			t.Fatalf("a line of bulk: %v %s", err, line)
		}
	}
}

// open opens an account in euros and credits it.
func (b *bank) open(t testing.TB, id, holder string, cents, limit int64) {
	t.Helper()
	b.post(t, "/v1/accounts", fmt.Sprintf(`{"account_id":%q,"currency":"EUR","holder_ref":%q,"credit_limit":%d}`, id, holder, limit))
	if cents > 0 {
		b.post(t, "/v1/accounts/"+id+"/credits", fmt.Sprintf(`{"amount":%d,"currency":"EUR","kind":"deposit","reference":"salary"}`, cents))
	}
}
