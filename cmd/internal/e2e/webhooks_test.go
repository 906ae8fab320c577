package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"passbook/cmd/internal/programtest"
)

// Two processes of webhooks share the shards. One is killed while events are sent, and another one
// takes its shards over: each account's events arrive in order, and none is missing.
func TestWebhooksOnAWS(t *testing.T) {
	f := newProcesses(t, 2)
	f.environ = append(f.environ, "PASSBOOK_WEBHOOK_ALLOW=127.0.0.0/8", "PASSBOOK_LEASE=5s")
	var mu sync.Mutex
	taken, faults := map[string]int64{}, []string{}
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var e struct {
			Account string `json:"account_id"`
			Version int64  `json:"version"`
		}
		if err != nil || json.Unmarshal(body, &e) != nil {
			return // the process was killed while it sent
		}
		mu.Lock()
		defer mu.Unlock()
		if e.Version > taken[e.Account]+1 {
			faults = append(faults, fmt.Sprintf("%s v%d follows v%d", e.Account, e.Version, taken[e.Account]))
		}
		taken[e.Account] = max(taken[e.Account], e.Version)
	}))
	defer receiver.Close()
	archiver, credit := f.start(t, "archiver", 0), f.start(t, "credit", 0) // the archiver makes the bank's key
	senders := []*instance{f.start(t, "webhooks", 0), f.start(t, "webhooks", 1)}
	post := func(url, key, body string, want int) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Idempotency-Key", key)
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if text, err := io.ReadAll(answer.Body); err != nil || answer.StatusCode != want {
			t.Fatalf("%s: %d %s, %v", url, answer.StatusCode, text, err)
		}
	}
	post(senders[0].base+"/v1/webhooks", "", `{"url":"`+receiver.URL+`"}`, 201)
	const accounts, credits = 6, 5
	for n := range accounts {
		id := fmt.Sprint("A-", n)
		post(credit.base+"/v1/accounts", "open-"+id, fmt.Sprintf(`{"account_id":%q,"currency":"EUR"}`, id), 201)
		for c := range credits {
			post(credit.base+"/v1/accounts/"+id+"/credits", fmt.Sprint("credit-", id, c), `{"amount":100,"currency":"EUR"}`, 201)
			if n == accounts/2 && c == 0 {
				senders[0].kill()
			}
		}
	}
	programtest.Eventually(t, "all events arrive", func() error {
		mu.Lock()
		defer mu.Unlock()
		for n := range accounts {
			if got := taken[fmt.Sprint("A-", n)]; got != credits+1 {
				return fmt.Errorf("A-%d: v%d of %d", n, got, credits+1)
			}
		}
		return nil
	})
	mu.Lock()
	defer mu.Unlock()
	if len(faults) > 0 {
		t.Error(strings.Join(faults, "\n"))
	}
	for _, i := range []*instance{senders[1], credit, archiver} {
		i.drain()
	}
}
