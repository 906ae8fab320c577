package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/access"
	"passbook/shared/account"
	"passbook/shared/admission"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/web"
)

// patience bounds every wait in these tests.
const patience = 20 * time.Second

// doing makes an operation whose commands the test executes.
func doing(op string, run func(ctx context.Context, to journal.Command) (journal.Receipt, error)) Operation {
	return Operation{Op: op, Service: "test", Scopes: access.MoneyCredit, Status: 201, Routes: []string{"POST /test/" + op}, Decode: func(f *web.Fields) Call {
		if from := f.AccountID("from", web.Optional); from != "" {
			return Call{AccountID: from, Also: f.String("to", web.Required), Run: run}
		}
		return Call{AccountID: f.AccountID("account_id", web.Required), Run: run}
	}}
}

// receipt makes the receipt of a credit that is the account's second event.
func receipt(to journal.Command) journal.Receipt {
	credited := event.New(event.MoneyCredited{Amount: 5, Kind: event.KindDeposit})
	credited.Version, credited.After = 2, event.After{Posted: 5}
	command := event.Command{Key: to.Key, CorrelationID: to.CorrelationID, First: 2, Last: 2, Status: to.Status}
	return journal.Receipt{
		Account: to.Account, Command: command,
		Entry: &event.Entry{AccountID: to.Account.ID, Currency: "EUR", First: 2, Last: 2, Commands: []event.Command{command}, Events: []event.Event{credited}},
	}
}

func rejected(code string) journal.Receipt {
	return journal.Receipt{Rejection: &account.Rejection{Code: code}, Version: 1}
}

// wire is an open bulk request.
type wire struct {
	t       *testing.T
	lines   *io.PipeWriter
	results *bufio.Reader
	cancel  context.CancelFunc
	answers chan *http.Response // holds the answer once it began
	served  chan struct{}       // closed when the server has done with it
}

// dial opens a bulk request to a server of operations.
func dial(t *testing.T, server *Server) *wire {
	t.Helper()
	served := make(chan struct{})
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(served)
		server.Handler().ServeHTTP(w, r)
	}))
	reader, writer := io.Pipe()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, listener.URL+bulkPath, reader)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-ndjson")
	w := &wire{t: t, lines: writer, cancel: cancel, answers: make(chan *http.Response, 1), served: served}
	go func() {
		defer close(w.answers)
		if answer, err := listener.Client().Do(request); err == nil {
			w.answers <- answer
		}
	}()
	t.Cleanup(func() {
		cancel()
		_ = writer.Close()
		if w.results == nil {
			w.began()
		}
		listener.CloseClientConnections()
		listener.Close()
	})
	return w
}

// began waits for the answer to begin; it may not when the caller is gone.
func (w *wire) began() bool {
	if w.results != nil {
		return true
	}
	answer, ok := <-w.answers
	if ok {
		w.results = bufio.NewReader(answer.Body)
		w.t.Cleanup(func() { _ = answer.Body.Close() })
	}
	return ok
}

// rest reads what is left of the answer.
func (w *wire) rest() (string, error) {
	if !w.began() {
		return "", errors.New("no answer")
	}
	rest, err := io.ReadAll(w.results)
	return string(rest), err
}

func (w *wire) send(lines ...string) {
	w.t.Helper()
	if _, err := io.WriteString(w.lines, strings.Join(lines, "\n")+"\n"); err != nil {
		w.t.Error(err)
	}
}

// result reads one result as "line status code".
func (w *wire) result() string {
	w.t.Helper()
	if !w.began() {
		w.t.Fatal("no answer")
	}
	text, err := w.results.ReadString('\n')
	if err != nil {
		w.t.Fatalf("%q: %v", text, err)
	}
	var result struct {
		Line, Status int
		Problem      struct{ Type string }
	}
	if err := json.Unmarshal([]byte(text), &result); err != nil {
		w.t.Fatalf("%q: %v", text, err)
	}
	return strings.TrimSpace(fmt.Sprint(result.Line, " ", result.Status, " ", strings.TrimPrefix(result.Problem.Type, "/problems/")))
}

// end checks that nothing follows.
func (w *wire) end() {
	w.t.Helper()
	_ = w.lines.Close()
	if rest, err := w.rest(); err != nil || len(rest) > 0 {
		w.t.Fatalf("%q %v", rest, err)
	}
}

func command(op, id, key string) string {
	return fmt.Sprintf(`{"op":%q,"account_id":%q,"idempotency_key":%q}`, op, id, key)
}

// waiting waits until a channel is closed, or the test ends.
func waiting(t *testing.T, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		t.Error("nothing came")
	}
}

func TestBulkAnswersWhileItReads(t *testing.T) {
	server := newServer(t, doing("credit", func(_ context.Context, to journal.Command) (journal.Receipt, error) { return receipt(to), nil }))
	w := dial(t, server)
	for i := range 3 {
		w.send(command("credit", "A-1", fmt.Sprint("k", i)))
		if got := w.result(); got != fmt.Sprint(i+1, " 201") {
			t.Fatal(got)
		}
	}
	w.end()
}

func TestBulkAnswersBadLinesInTheirPlace(t *testing.T) {
	server := newServer(t, doing("credit", func(_ context.Context, to journal.Command) (journal.Receipt, error) {
		switch to.Key {
		case "frozen":
			return rejected("account-frozen"), nil
		case "down":
			return journal.Receipt{}, journal.ErrUnavailable
		}
		return receipt(to), nil
	}))
	w := dial(t, server)
	go w.send(
		`{"op":`, command("withdraw", "A-1", "k"), `{"account_id":"A-1","idempotency_key":"k"}`, `{"op":7,"idempotency_key":"k"}`,
		`{"op":"credit","account_id":"A-1"}`, command("credit", "A-1", "schlüssel"), command("credit", "A#1", "k"), "", "\r",
		`{"op":"credit","account_id":"A-1","idempotency_key":"k","memo":1}`,
		`{"op":"credit","account_id":"`+strings.Repeat("x", web.MaxBodyBytes)+`"}`,
		command("credit", "A-1", "frozen"), command("credit", "A-1", "down"), command("credit", "A-1", "k")+"\r",
	)
	for _, want := range []string{
		"1 400 malformed-request", "2 400 validation-failed", "3 400 validation-failed", "4 400 validation-failed",
		"5 400 idempotency-key-missing", "6 400 idempotency-key-invalid", "7 400 validation-failed",
		"10 400 validation-failed", "11 413 body-too-large", "12 409 account-frozen", "13 503 journal-unavailable", "14 201",
	} {
		if got := w.result(); got != want {
			t.Errorf("%s, not %s", got, want)
		}
	}
	w.end()
}

// A line counts as a request of its principal. It waits for the rate and is not refused.
func TestBulkLinesWaitForTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := configured(t, Config{Web: web.Config{Rates: admission.NewRates(10, 2)}},
			doing("credit", func(_ context.Context, to journal.Command) (journal.Receipt, error) { return receipt(to), nil }))
		var lines strings.Builder
		for i := range 12 {
			fmt.Fprintln(&lines, command("credit", "A-1", strconv.Itoa(i)))
		}
		began := time.Now()
		r := ask(server, http.MethodPost, bulkPath, lines.String(), "Content-Type", mediaLines)
		// The request is of the burst, and lines leave the last of it to other requests.
		if took := time.Since(began).Round(100 * time.Millisecond); took != 1200*time.Millisecond || strings.Count(r.Body.String(), `"status":201`) != 12 {
			t.Errorf("after %v: %s", took, r.Body)
		}
	})
}

func TestBulkLastLineNeedsNoLineBreak(t *testing.T) {
	server := newServer(t, doing("credit", func(_ context.Context, to journal.Command) (journal.Receipt, error) { return receipt(to), nil }))
	r := httptest.NewRequest(http.MethodPost, bulkPath, strings.NewReader(command("credit", "A-1", "a")+"\n\n"+command("credit", "A-1", "b")))
	r.Header.Set("Content-Type", "application/x-ndjson")
	recorder := httptest.NewRecorder()
	server.Handler().ServeHTTP(recorder, r)
	if got := recorder.Body.String(); strings.Count(got, "\n") != 2 || !strings.Contains(got, `{"line":3,"status":201,"result":{"account_id":"A-1",`) {
		t.Fatalf("%s", got)
	}
}

// Lines of one account run one after another in order, lines of different accounts at the same
// time.
func TestBulkKeepsTheOrderOfEachAccount(t *testing.T) {
	var mu sync.Mutex
	started := map[string][]string{}
	bMayEnd, aMayEnd := make(chan struct{}), make(chan struct{})
	server := newServer(t, doing("credit", func(_ context.Context, to journal.Command) (journal.Receipt, error) {
		mu.Lock()
		started[to.Account.ID] = append(started[to.Account.ID], to.Key)
		mu.Unlock()
		switch to.Key {
		case "a1":
			waiting(t, aMayEnd) // until b1 runs
		case "b1":
			close(aMayEnd)
			waiting(t, bMayEnd) // until a2 runs, which waits for a1
		case "a2":
			close(bMayEnd)
		}
		return receipt(to), nil
	}))
	w := dial(t, server)
	go w.send(command("credit", "A", "a1"), command("credit", "A", "a2"), command("credit", "B", "b1"), command("credit", "B", "b2"), command("credit", "A", "a3"))
	for i := range 5 {
		if got := w.result(); got != fmt.Sprint(i+1, " 201") {
			t.Fatal(got)
		}
	}
	w.end()
	if fmt.Sprint(started) != "map[A:[a1 a2 a3] B:[b1 b2]]" {
		t.Fatal(started)
	}
}

// The commands that began before their caller went away are executed, and then the request ends.
func TestBulkEndsWithItsCaller(t *testing.T) {
	started, release := make(chan struct{}), make(chan struct{})
	server := newServer(t, doing("credit", func(ctx context.Context, to journal.Command) (journal.Receipt, error) {
		close(started)
		waiting(t, release)
		if ctx.Err() != nil {
			t.Error("the command was cut off")
		}
		return receipt(to), nil
	}))
	w := dial(t, server)
	w.send(command("credit", "A", "k"))
	waiting(t, started)
	w.cancel()
	close(release)
	waiting(t, w.served)
}

func TestBulkEndsWhenTheServerDrains(t *testing.T) {
	started, release := make(chan struct{}), make(chan struct{})
	server := newServer(t, doing("credit", func(_ context.Context, to journal.Command) (journal.Receipt, error) {
		if to.Key == "slow" {
			close(started)
			waiting(t, release)
		}
		return receipt(to), nil
	}))
	idle, busy := dial(t, server), dial(t, server)
	idle.send(command("credit", "B", "k"))
	if got := idle.result(); got != "1 201" {
		t.Fatal(got)
	}
	busy.send(command("credit", "A", "slow"))
	waiting(t, started)
	server.Drain()
	if got := idle.result(); got != "2 503 shutting-down" {
		t.Fatalf("an idle request: %s", got)
	}
	idle.end()
	close(release)
	if got := busy.result(); got != "1 201" {
		t.Fatalf("what was in progress: %s", got)
	}
	if got := busy.result(); got != "2 503 shutting-down" {
		t.Fatalf("what was not begun: %s", got)
	}
	busy.end()
}

// Two services reverse: the one that finds the transaction answers.
func TestBulkOpOfTwoServices(t *testing.T) {
	reverse := func(known string, fields ...string) Operation {
		o := doing("reverse", func(_ context.Context, to journal.Command) (journal.Receipt, error) {
			if to.Key != known {
				return rejected(TransactionNotFound.Code), nil
			}
			return receipt(to), nil
		})
		o.Routes, o.Service = []string{"POST /test/reverse/" + known}, known
		decode := o.Decode
		o.Decode = func(f *web.Fields) Call {
			call := decode(f)
			for _, name := range fields {
				f.Bool(name)
			}
			return call
		}
		return o
	}
	w := dial(t, newServer(t, reverse("withdrawal"), reverse("credit", "force")))
	go w.send(command("reverse", "A", "withdrawal"), command("reverse", "A", "credit"), command("reverse", "A", "neither"),
		`{"op":"reverse","account_id":"A","idempotency_key":"credit","force":true}`, `{"op":"reverse","account_id":"A","idempotency_key":"credit","x":true}`,
		`{"op":"reverse","account_id":"A","idempotency_key":"withdrawal","force":true}`)
	for _, want := range []string{"1 201", "2 201", "3 404 transaction-not-found", "4 201", "5 400 validation-failed", "6 400 validation-failed"} {
		if got := w.result(); got != want {
			t.Errorf("%s, not %s", got, want)
		}
	}
	w.end()
}

func TestBulkTakesNoOtherMediaType(t *testing.T) {
	server := newServer(t)
	r := httptest.NewRequest(http.MethodPost, bulkPath, strings.NewReader("{}"))
	r.Header.Set("Content-Type", "application/json")
	recorder := httptest.NewRecorder()
	server.Handler().ServeHTTP(recorder, r)
	if recorder.Code != http.StatusUnsupportedMediaType {
		t.Fatalf("%d", recorder.Code)
	}
}
