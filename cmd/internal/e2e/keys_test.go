package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"passbook/cmd/internal/programtest"
)

// apiKey is what bank key create reports.
type apiKey struct {
	ID  string `json:"id"`
	Key string `json:"key"`
}

// makeKey makes an API key for a deployment, in a process that ends with it.
func (f *processes) makeKey(t *testing.T, scopes string, flags ...string) (k apiKey) {
	t.Helper()
	got := programtest.Run(t, "", f.environ, "bank", append([]string{"key", "create", "--name", "test", "--scopes", scopes, "--json"}, flags...)...)
	if err := json.Unmarshal([]byte(got.Out), &k); got.Code != 0 || err != nil {
		t.Fatalf("bank key create: %d, %v\n%s%s", got.Code, err, got.Out, got.ErrOut)
	}
	return k
}

// with sends a request with a key and returns the status and the body.
func (k apiKey) with(t *testing.T, method, url, body string) (status int, answer string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+k.Key)
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Idempotency-Key", "k-"+body)
	}
	client := http.Client{Timeout: programtest.Patience}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// awaitAll waits until every process answers a request that the key may send with a status, and
// returns how long that took.
func (k apiKey) awaitAll(t *testing.T, fleet []*instance, status int) time.Duration {
	t.Helper()
	began := time.Now()
	for _, i := range fleet {
		programtest.Every(t, 50*time.Millisecond, fmt.Sprintf("%s answers %d", i.name, status), func() error {
			if got, text := k.with(t, http.MethodGet, i.base+"/metrics", ""); got != status {
				return fmt.Errorf("%d %.300s", got, text)
			}
			return nil
		})
	}
	return time.Since(began)
}

// A key that one process makes works in all processes of a fleet, under its id as the actor, and is
// refused by all of them within 5 seconds after another process has revoked it. Where there never
// was a key, a service makes none.
func TestAKeyIsGoodInTheWholeFleetOnAWS(t *testing.T) {
	f := newProcesses(t, 1)
	f.environ = append(f.environ, "PASSBOOK_AUTH=apikey")
	var fleet []*instance
	for _, service := range services {
		fleet = append(fleet, f.start(t, service, 0))
	}
	fleet = append(fleet, f.start(t, "balance", 1))
	base := func(service string) string { return fleet[slices.Index(services, service)].base }
	if got, text := (apiKey{Key: "pb_"}).with(t, http.MethodGet, base("balance")+"/v1/accounts", ""); got != 401 || !strings.Contains(text, "credentials-invalid") {
		t.Errorf("no key: %d %s", got, text)
	}
	if keys := programtest.Run(t, "", f.environ, "bank", "key", "list", "--json"); keys.Code != 0 || strings.TrimSpace(keys.Out) != "[]" {
		t.Errorf("bank key list: %d %s%s", keys.Code, keys.Out, keys.ErrOut)
	}
	k, other := f.makeKey(t, "accounts:read,accounts:write,money:credit,money:withdraw,ops:read"), f.makeKey(t, "ops:read")
	t.Logf("known everywhere %v after it was made", k.awaitAll(t, fleet, 200))
	other.awaitAll(t, fleet, 200)

	for _, step := range []struct{ url, body string }{
		{base("credit") + "/v1/accounts", `{"account_id":"A-1","currency":"EUR"}`},
		{base("credit") + "/v1/accounts/A-1/credits", `{"amount":500,"currency":"EUR"}`},
		{base("withdraw") + "/v1/accounts/A-1/withdrawals", `{"amount":200,"currency":"EUR"}`},
	} {
		if got, text := k.with(t, http.MethodPost, step.url, step.body); got != 201 {
			t.Fatalf("%s: %d %s", step.url, got, text)
		}
	}
	if got, text := other.with(t, http.MethodGet, base("balance")+"/v1/accounts/A-1/balance", ""); got != 403 || !strings.Contains(text, "accounts:read") {
		t.Errorf("beyond its scopes: %d %s", got, text)
	}
	got, text := k.with(t, http.MethodGet, base("balance")+"/v1/accounts/A-1/balance?min_version=3&wait=10s", "")
	if got != 200 || !strings.Contains(text, `"posted":300`) {
		t.Errorf("the balance: %d %s", got, text)
	}
	if got, text := k.with(t, http.MethodGet, base("balance")+"/v1/accounts/A-1/events", ""); got != 200 || strings.Count(text, `"key:`+k.ID+`"`) != 3 {
		t.Errorf("the events do not name who called: %d %s", got, text)
	}

	if err := f.job(t, "bank", "key", "revoke", k.ID); err != nil {
		t.Fatal(err)
	}
	took := k.awaitAll(t, fleet, 401)
	t.Logf("refused everywhere %v after it was revoked", took)
	if took > 5*time.Second {
		t.Errorf("a revoked key was good for %v", took)
	}
	other.awaitAll(t, fleet, 200)
}
