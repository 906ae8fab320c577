package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// httpClient has a deadline on every call and connections enough for a parallel test.
var httpClient = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}

// answer is an HTTP answer, its body decoded.
type answer struct {
	status int
	header http.Header
	text   string
	body   body
}

// body is what the tests look at in commands' answers, balances, credit limits and problems.
type body struct {
	Type           string  `json:"type"`
	AccountID      string  `json:"account_id"`
	Version        int64   `json:"version"`
	AccountVersion int64   `json:"account_version"`
	TransactionID  string  `json:"transaction_id"`
	Status         any     `json:"status"`
	Posted         int64   `json:"posted"`
	Held           int64   `json:"held"`
	Limit          int64   `json:"limit"`
	Available      int64   `json:"available"`
	Events         []event `json:"events"`
	HasMore        bool    `json:"has_more"`
	Balance        struct {
		Posted    int64 `json:"posted"`
		Available int64 `json:"available"`
	} `json:"balance"`
}

// event is an event as the API shows it.
type event struct {
	Version     int64           `json:"version"`
	Type        string          `json:"type"`
	Amount      int64           `json:"amount"`
	CausationID string          `json:"causation_id"`
	RecordedAt  time.Time       `json:"recorded_at"`
	Data        json.RawMessage `json:"data"`
	After       struct {
		Posted int64 `json:"posted"`
		Held   int64 `json:"held"`
		Limit  int64 `json:"limit"`
	} `json:"after"`
}

// code returns the problem's code, or empty.
func (a answer) code() string { return strings.TrimPrefix(a.body.Type, "/problems/") }

// replayed reports whether this is the answer to an earlier command.
func (a answer) replayed() bool { return a.header.Get("Idempotency-Replayed") == "true" }

// try sends a request and gives up on a connection that fails, as it does when the bank is killed.
func (b *bank) try(method, path, key, payload string) (answer, error) {
	request, err := http.NewRequest(method, b.Base+path, strings.NewReader(payload))
	if err != nil {
		return answer{}, err
	}
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
	}
	if payload != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if b.bearer != "" {
		request.Header.Set("Authorization", "Bearer "+b.bearer)
	}
	response, err := httpClient.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{}, err
	}
	a := answer{status: response.StatusCode, header: response.Header, text: string(text)}
	if err := json.Unmarshal(bytes.TrimSpace(text), &a.body); err != nil {
		return a, fmt.Errorf("%s %s: %d %q: %w", method, path, a.status, text, err)
	}
	return a, nil
}

// post sends a command.
func (b *bank) post(t testing.TB, path, key, payload string) answer {
	t.Helper()
	a, err := b.try(http.MethodPost, path, key, payload)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// get reads a resource.
func (b *bank) get(t testing.TB, path string) answer {
	t.Helper()
	a, err := b.try(http.MethodGet, path, "", "")
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// must fails the test unless the status is the one expected.
func (a answer) must(t testing.TB, status int) answer {
	t.Helper()
	if a.status != status {
		t.Fatalf("status %d, expected %d: %s", a.status, status, a.text)
	}
	return a
}

// open opens an account in euros and brings money in.
func (b *bank) open(t testing.TB, id string, cents int64) {
	t.Helper()
	b.post(t, "/v1/accounts", "open-"+id, fmt.Sprintf(`{"account_id":%q,"currency":"EUR"}`, id)).must(t, 201)
	if cents > 0 {
		b.post(t, "/v1/accounts/"+id+"/credits", "fund-"+id, money(cents)).must(t, 201)
	}
}

// money returns the body of a command that moves money.
func money(cents int64) string { return fmt.Sprintf(`{"amount":%d,"currency":"EUR"}`, cents) }

// history reads all events of an account, first to last.
func (b *bank) history(t testing.TB, id string) []event {
	t.Helper()
	var all []event
	for {
		a := b.get(t, fmt.Sprintf("/v1/accounts/%s/events?limit=100&from_version=%d", id, len(all)+1)).must(t, 200)
		all = append(all, a.body.Events...)
		if !a.body.HasMore {
			return all
		}
		if len(a.body.Events) == 0 {
			t.Fatalf("an empty page with more to follow after %d events of %s", len(all), id)
		}
	}
}

// stream posts lines and reads the lines of the answer.
func (b *bank) stream(t testing.TB, path, payload string) []string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.Base+path, strings.NewReader(payload))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-ndjson")
	if b.bearer != "" {
		request.Header.Set("Authorization", "Bearer "+b.bearer)
	}
	response, err := httpClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v\n%s", path, response.Status, err, text)
	}
	return strings.Split(strings.TrimRight(string(text), "\n"), "\n")
}

// accounts lists the ids of all accounts.
func (b *bank) accounts(t testing.TB) (ids []string) {
	t.Helper()
	cursor := ""
	for {
		a := b.get(t, "/v1/accounts?limit=100"+cursor).must(t, 200)
		var page struct {
			Accounts []struct {
				AccountID string `json:"account_id"`
			} `json:"accounts"`
			Next string `json:"next_cursor"`
		}
		if err := json.Unmarshal([]byte(a.text), &page); err != nil {
			t.Fatal(err)
		}
		for _, found := range page.Accounts {
			ids = append(ids, found.AccountID)
		}
		if page.Next == "" {
			return ids
		}
		cursor = "&cursor=" + page.Next
	}
}
