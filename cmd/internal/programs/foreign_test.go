package programs

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"passbook/cmd/internal/programs/bank"
	"passbook/cmd/internal/serve"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/stream"
)

// call sends a request to a process and returns the answer's body.
func call(t *testing.T, p *serve.Process, method, path, key, body string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, "http://"+p.Address()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Idempotency-Key", key)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode >= 300 {
		t.Fatalf("%s %s: %d\n%s", method, path, response.StatusCode, text)
	}
	return string(text)
}

// forge returns the record of an entry that follows an account's head, signed with a key that only
// the test has.
func forge(t *testing.T, after *event.Entry) []byte {
	t.Helper()
	thief, err := event.NewKeyring("thief", map[int][]byte{1: make([]byte, event.KeyBytes)})
	if err != nil {
		t.Fatal(err)
	}
	e := *after
	e.First, e.Last, e.Prev, e.State, e.Writer, e.N = after.Last+1, after.Last+1, after.Hash, nil, "", 0
	e.Events, e.Commands = append([]event.Event(nil), after.Events...), append([]event.Command(nil), after.Commands...)
	e.Events[0].Version, e.Commands[0].First, e.Commands[0].Last = e.First, e.First, e.Last
	e.Commands[0].Key = "forged"
	enc, err := event.Seal(&e, thief)
	if err != nil {
		t.Fatal(err)
	}
	return enc.Record
}

// A record that follows an account's head and that no program of the bank signed becomes nothing in
// any consumer, is counted by each, and blocks nobody. The key file is its owner's alone.
func TestForgedRecordBecomesNothing(t *testing.T) {
	config, engine := deploy(t, "127.0.0.1:0")
	config.OpsListen, config.DrainDelay = "127.0.0.1:0", 0
	p, err := serve.OpenOn(t.Context(), bank.Program, "test", config, engine, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(running) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	call(t, p, http.MethodPost, "/v1/accounts", "open", `{"account_id":"A-1","currency":"EUR"}`)
	call(t, p, http.MethodPost, "/v1/accounts/A-1/credits", "salary", `{"amount":1000,"currency":"EUR","kind":"deposit"}`)
	account := event.Account{Tenant: "main", ID: "A-1"}
	var head *event.Entry
	for e, err := range journal.NewReader(engine.Table).Backward(t.Context(), account, 0) {
		if err != nil {
			t.Fatal(err)
		}
		head = e
		break
	}
	if head == nil || !head.Signed() {
		t.Fatalf("the account's entry is %+v; a new bank signs its entries", head)
	}
	put, err := engine.Streams.Put(t.Context(), p.Stream(), []stream.Record{{PartitionKey: account.String(), Data: forge(t, head)}})
	if err != nil || put[0].Err != nil {
		t.Fatalf("%+v, %v", put, err)
	}
	for deadline := time.Now().Add(30 * time.Second); ; <-time.After(10 * time.Millisecond) {
		counted := 0
		for line := range strings.Lines(call(t, p, http.MethodGet, "/metrics", "", "")) {
			if strings.HasPrefix(line, "passbook_consumer_foreign_records_total") && strings.HasSuffix(strings.TrimSpace(line), " 1") {
				counted++
			}
		}
		if counted == 3 { // no webhook: its consumer reads nothing
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of 3 consumers count the forged record", counted)
		}
	}
	call(t, p, http.MethodPost, "/v1/accounts/A-1/withdrawals", "atm", `{"amount":1,"currency":"EUR","kind":"cash"}`)
	var balance struct {
		Posted  int64 `json:"posted"`
		Version int64 `json:"version"`
		Blocked int64 `json:"blocked_at_version"`
	}
	text := call(t, p, http.MethodGet, "/v1/accounts/A-1/balance?min_version=3&wait=10s", "", "")
	if err := json.Unmarshal([]byte(text), &balance); err != nil || balance.Posted != 999 || balance.Version != 3 || balance.Blocked != 0 {
		t.Errorf("the balance is %s, %v", text, err)
	}
	if info, err := os.Stat(filepath.Join(config.Data, "archive", "key")); err != nil || info.Mode() != 0o600 {
		t.Errorf("the key file has mode %v, %v; want 600", info.Mode(), err)
	}
}
