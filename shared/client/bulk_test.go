package client_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"passbook/shared/client"
)

// ledger executes lines of bulk, each key once, and breaks off after so many lines of a request as
// the plan says, at first within a line and then with a word.
type ledger struct {
	mu sync.Mutex
	// plan has after how many results each request breaks off; a request beyond it is served whole.
	plan     []int
	requests int
	executed []string
	sums     map[string]int
}

// sent is a line of a request.
type sent struct {
	Op      string `json:"op"`
	Key     string `json:"idempotency_key"`
	Account string `json:"account_id"`
	Amount  int    `json:"amount"`
}

// ServeHTTP implements http.Handler.
func (l *ledger) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	most, broken := -1, l.requests
	if l.requests < len(l.plan) {
		most = l.plan[l.requests]
	}
	l.requests++
	l.mu.Unlock()
	control := http.NewResponseController(w)
	if err := control.EnableFullDuplex(); err != nil {
		panic(err)
	}
	lines := bufio.NewScanner(r.Body)
	for number := 1; lines.Scan(); number++ {
		if number-1 == most {
			if broken%2 == 0 {
				fmt.Fprintf(w, `{"line":%d,"sta`, number)
				_ = control.Flush()
				panic(http.ErrAbortHandler)
			}
			fmt.Fprintf(w, `{"line":%d,"status":503,"problem":{"type":"/problems/shutting-down","title":"Shutting down","status":503,"retryable":true}}`+"\n", number)
			return
		}
		l.execute(w, number, lines.Bytes())
		if err := control.Flush(); err != nil {
			return
		}
	}
}

// execute answers a line.
func (l *ledger) execute(w http.ResponseWriter, number int, text []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var line sent
	if err := json.Unmarshal(text, &line); err != nil {
		return // the request broke off within the line
	}
	if line.Amount == 13 {
		fmt.Fprintf(w, `{"line":%d,"status":422,"problem":{"type":"/problems/insufficient-funds","title":"Insufficient funds","status":422}}`+"\n", number)
		return
	}
	again := slices.Contains(l.executed, line.Key)
	if !again {
		l.executed = append(l.executed, line.Key)
		l.sums[line.Account] += line.Amount
	}
	fmt.Fprintf(w, `{"line":%d,"status":201,"replayed":%t,"result":{"account_id":%q,"version":%d,"events":[],"balance":{}}}`+"\n", number, again, line.Account, number+1)
}

// credits makes commands that credit 1, 2, 3 …
func credits(n int) iter.Seq[client.BulkCommand] {
	return func(yield func(client.BulkCommand) bool) {
		for i := range n {
			if !yield(client.BulkCredit(fmt.Sprintf("A-%d", i%3), client.Credit{Amount: int64(i + 1), Currency: "EUR"}).WithKey(fmt.Sprint("k", i+1))) {
				return
			}
		}
	}
}

// serve makes a client of a ledger.
func (l *ledger) serve(t testing.TB) (*client.Client, func()) {
	server := httptest.NewUnstartedServer(l)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it reports the requests that are broken off
	server.Start()
	bank, err := client.New(client.Options{URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	return bank, func() { bank.Close(); server.Close() }
}

func TestBulkGivesEachCommandOneResultInOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(0, 60).Draw(rt, "commands")
		l := &ledger{plan: rapid.SliceOfN(rapid.IntRange(0, 20), 0, 2).Draw(rt, "breaks"), sums: map[string]int{}}
		bank, end := l.serve(t)
		defer end()
		next, refused := 1, 0
		for result, err := range bank.Bulk(t.Context(), credits(n)) {
			if err != nil {
				rt.Fatal(err)
			}
			if result.Line != next || result.Command.Key != fmt.Sprint("k", next) || (result.Problem == nil) == (result.Result == nil) {
				rt.Fatalf("result %d is %+v", next, result)
			}
			if result.Problem != nil {
				refused++
			}
			next++
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		if next != n+1 || len(l.executed) != n-refused || (refused == 1) != (n >= 13) {
			rt.Fatalf("%d results of %d commands, %d executed, %d refused", next-1, n, len(l.executed), refused)
		}
		if n == 0 && l.requests != 0 {
			rt.Fatal("a request without a command")
		}
	})
}

func TestBulkThatGetsNoFurtherEnds(t *testing.T) {
	l := &ledger{plan: []int{5, 0, 0, 0, 0, 0, 0, 0}, sums: map[string]int{}}
	bank, end := l.serve(t)
	defer end()
	results, last := 0, error(nil)
	for _, err := range bank.Bulk(t.Context(), credits(9)) {
		if last = err; err == nil {
			results++
		}
	}
	if results != 5 || last == nil || l.requests != client.DefaultAttempts {
		t.Errorf("%d results in %d requests, then %v", results, l.requests, last)
	}
}

func TestBulkEndsWithItsReader(t *testing.T) {
	l := &ledger{sums: map[string]int{}}
	bank, end := l.serve(t)
	defer end()
	for result, err := range bank.Bulk(t.Context(), credits(1_000_000)) {
		if err != nil {
			t.Fatal(err)
		}
		if result.Line == 10 {
			break
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.executed) > 10_000 {
		t.Errorf("%d commands were executed before the reader took ten results", len(l.executed))
	}
}

func TestALineOfBulkIsTheRouteWithItsHead(t *testing.T) {
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		lines := bufio.NewScanner(r.Body)
		for number := 1; lines.Scan(); number++ {
			got = append(got, lines.Text())
			fmt.Fprintf(w, `{"line":%d,"status":201,"result":{}}`+"\n", number)
		}
	}))
	defer server.Close()
	bank, err := client.New(client.Options{URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	commands := []client.BulkCommand{
		client.BulkOpen(client.Open{AccountID: "A", Currency: "EUR"}),
		client.BulkTransfer(client.Transfer{From: "A", To: "B", Amount: 1, Currency: "EUR"}),
		client.BulkSetLimit("A", client.SetLimit{}),
		client.BulkRelease("A", "h2"),
		client.BulkReverseCredit("A", "t2", client.ReverseCredit{Force: true}),
		client.BulkClose("A", client.Close{}),
	}
	for i := range commands {
		commands[i] = commands[i].WithKey("k")
	}
	for _, err := range bank.Bulk(t.Context(), slices.Values(commands)) {
		if err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		`{"op":"open","idempotency_key":"k","account_id":"A","currency":"EUR"}`,
		`{"op":"transfer","idempotency_key":"k","amount":1,"currency":"EUR","from":"A","to":"B"}`,
		`{"op":"set-limit","idempotency_key":"k","account_id":"A","limit":0}`,
		`{"op":"release","idempotency_key":"k","account_id":"A","hold_id":"h2"}`,
		`{"op":"reverse","idempotency_key":"k","account_id":"A","transaction_id":"t2","force":true}`,
		`{"op":"close","idempotency_key":"k","account_id":"A"}`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("sent\n%q\nwant\n%q", got, want)
	}
}
