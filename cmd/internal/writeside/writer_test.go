package writeside

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"passbook/shared/access"
	"passbook/shared/event"

	"passbook/cmd/internal/jobs"
	"passbook/cmd/internal/programtest"
	"passbook/cmd/internal/serve"
	"passbook/shared/journal"
	"passbook/shared/platform"
)

// writerFleet runs two of each command service on one engine, as separate processes, and waits
// until each knows the other three.
func writerFleet(t *testing.T) (fleet []*serve.Process, history *journal.Reader) {
	t.Helper()
	config, err := platform.FromEnv([]string{"PASSBOOK_DATA=" + t.TempDir(), "PASSBOOK_LISTEN=127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	engine, err := platform.Open(t.Context(), config, jobs.Resources(), log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = engine.Close() })
	if err := engine.CreateResources(t.Context()); err != nil {
		t.Fatal(err)
	}
	var writers []*Writer
	for _, name := range []string{"withdraw", "withdraw", "credit", "credit"} {
		program := serve.Program{Name: name, Open: func(ctx context.Context, p *serve.Process) error {
			if err := p.Listen(ctx); err != nil {
				return err
			}
			keeper, err := p.Origin(ctx)
			if err != nil {
				return err
			}
			w, err := Open(ctx, p, keeper)
			if err != nil {
				return err
			}
			operations := w.Withdraw.Operations()
			if name == "credit" {
				operations = w.Credit.Operations()
			}
			writers = append(writers, w)
			p.Serve(serve.API{Commands: operations, Forwarder: w.Forwarder, Checks: w.Checks})
			return nil
		}}
		p, err := serve.OpenOn(t.Context(), program, "test", config, programtest.Share(engine, engine.Table, engine.Streams, engine.Bucket), log)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- p.Run(ctx) }()
		t.Cleanup(func() {
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
		fleet = append(fleet, p)
	}
	for deadline := time.Now().Add(20 * time.Second); ; {
		known := 0
		for _, w := range writers {
			_, others := w.Journal.Fleet()
			known += len(others)
		}
		if known == len(fleet)*(len(fleet)-1) {
			return fleet, journal.NewReader(engine.Table)
		}
		if time.Now().After(deadline) {
			t.Fatalf("the writers know %d others", known)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// answer is what a caller sees of an answer.
type answer struct {
	status                   int
	etag, location, replayed string
	kind, body               string
}

func call(t *testing.T, p *serve.Process, route, key, body string) (a answer) {
	t.Helper()
	method, path, _ := strings.Cut(route, " ")
	request, err := http.NewRequestWithContext(t.Context(), method, "http://"+p.Address()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", key)
	request.Header.Set("X-Request-ID", "request-of-"+key)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	h := response.Header
	return answer{response.StatusCode, h.Get("ETag"), h.Get("Location"), h.Get("Idempotency-Replayed"), h.Get("Content-Type"), string(text)}
}

func TestWritersOfAFleet(t *testing.T) {
	fleet, history := writerFleet(t)
	t.Run("an account has one writer", func(t *testing.T) { accountsHaveOneWriter(t, fleet, history) })
	t.Run("bulk lines go to their writers", func(t *testing.T) { bulkLinesGoToTheirWriters(t, fleet) })
	t.Run("dry runs go to their writers", func(t *testing.T) { dryRunsGoToTheirWriters(t, fleet, history) })
	t.Run("dry runs in bulk are decided together", func(t *testing.T) { dryRunsInBulkAreDecidedTogether(t, fleet) })
	t.Run("public routes stay apart", func(t *testing.T) { publicRoutesStayApart(t, fleet) })
}

// Every command comes to a writer of its service at random and is decided by the one writer of its
// account, of whichever service. The caller sees nothing of it, and the same key has the same
// answer at both.
func accountsHaveOneWriter(t *testing.T, fleet []*serve.Process, history *journal.Reader) {
	withdraws, credits := fleet[:2], fleet[2:]
	const accounts = 8
	for n := range accounts {
		id := fmt.Sprint("A-", n)
		for i, step := range []struct {
			at          []*serve.Process
			route, body string
			status      int
		}{
			{credits, "POST /v1/accounts", `{"account_id":"` + id + `","currency":"EUR","credit_limit":100}`, 201},
			{credits, "POST /v1/accounts/" + id + "/credits", `{"amount":1000,"currency":"EUR","kind":"deposit","reference":"<é\u0026>"}`, 201},
			{withdraws, "POST /v1/accounts/" + id + "/withdrawals", `{"amount":10,"currency":"EUR"}`, 201},
			{withdraws, "POST /v1/accounts/" + id + "/withdrawals/t2/reversal", `{}`, 404},
			{withdraws, "POST /v1/accounts/" + id + "/holds", `{"amount":10,"currency":"EUR"}`, 201},
			{credits, "PUT /v1/accounts/" + id + "/credit-limit", `{"limit":0,"reason":"r","decided_by":"d"}`, 200},
			{withdraws, "POST /withdraw", `{"account_id":"` + id + `","amount":5000,"currency":"EUR"}`, 422},
		} {
			key := fmt.Sprint(id, "-", i)
			first := call(t, step.at[n%2], step.route, key, step.body)
			again := call(t, step.at[(n+1)%2], step.route, key, step.body)
			if step.status != 404 {
				if first.replayed != "" || again.replayed != "true" {
					t.Errorf("%s %s: replayed %q, then %q", id, step.route, first.replayed, again.replayed)
				}
				again.replayed = ""
			}
			if first != again || first.status != step.status {
				t.Fatalf("%s %s: %+v\nthen at the other: %+v", id, step.route, first, again)
			}
		}
	}
	used := map[string]bool{}
	for n := range accounts {
		var by string
		for e, err := range history.Entries(t.Context(), event.Account{Tenant: access.MainTenant, ID: fmt.Sprint("A-", n)}, 1, 0) {
			if err != nil {
				t.Fatal(err)
			}
			if by == "" {
				by = e.Writer
			}
			if e.Writer != by {
				t.Errorf("A-%d has entries of two writers", n)
			}
			for _, c := range e.Commands {
				if want := "request-of-" + c.Key; c.CorrelationID != want {
					t.Errorf("correlation id %q, want %q", c.CorrelationID, want)
				}
			}
		}
		used[by] = true
	}
	if len(used) < 2 {
		t.Errorf("%d writers decided for %d accounts", len(used), accounts)
	}
}

// Bulk lines go to the writers of their accounts and come back in order, and a line that two
// services could mean finds its transaction.
func bulkLinesGoToTheirWriters(t *testing.T, fleet []*serve.Process) {
	var lines, want bytes.Buffer
	add := func(status int, format string, args ...any) {
		fmt.Fprintf(&lines, format+"\n", args...)
		fmt.Fprintf(&want, "%d ", status)
	}
	for n := range 10 {
		add(201, `{"op":"open","idempotency_key":"o%d","account_id":"B-%d","currency":"EUR"}`, n, n)
		add(201, `{"op":"credit","idempotency_key":"c%d","account_id":"B-%d","amount":10,"currency":"EUR"}`, n, n)
		add(201, `{"op":"reverse","idempotency_key":"r%d","account_id":"B-%d","transaction_id":"t2"}`, n, n)
		add(404, `{"op":"credit","idempotency_key":"x%d","account_id":"none-%d","amount":10,"currency":"EUR"}`, n, n)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+fleet[2].Address()+"/v1/bulk", &lines)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-ndjson")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for i, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		var number, status int
		if _, err := fmt.Sscanf(line, `{"line":%d,"status":%d,`, &number, &status); err != nil || number != i+1 {
			t.Errorf("line %d: %s", i+1, line)
		}
		fmt.Fprintf(&got, "%d ", status)
	}
	if got.String() != want.String() {
		t.Errorf("statuses %s\nwant     %s\n%s", got.String(), want.String(), text)
	}
}

// A dry run is decided by the writer of its account too, so every writer announces the same, and
// what the command gets; the account stays as it is.
func dryRunsGoToTheirWriters(t *testing.T, fleet []*serve.Process, history *journal.Reader) {
	for n := range 6 {
		id := fmt.Sprint("A-", n)
		a := event.Account{Tenant: access.MainTenant, ID: id}
		before, err := history.Head(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		key, body := "dry-"+id, fmt.Sprintf(`{"account_id":%q,"amount":%d,"currency":"EUR"}`, id, 1+n%2*5000)
		one, other := call(t, fleet[0], "POST /withdraw?dry_run=true", key, body), call(t, fleet[1], "POST /withdraw?dry_run=true", key, body)
		after, err := history.Head(t.Context(), a)
		if one != other || one.status != 200 || one.etag != "" || err != nil || after.Hash != before.Hash {
			t.Fatalf("%s: %+v\nat the other: %+v\n%v", id, one, other, err)
		}
		got := call(t, fleet[0], "POST /withdraw", key, body)
		announced := strings.ReplaceAll(one.body, `,"provisional":true`, "")
		if !strings.Contains(announced, fmt.Sprintf(`"would_be_status":%d,"key_used":false`, got.status)) || !strings.Contains(announced, got.body) || got.replayed != "" {
			t.Errorf("%s: announced %s\ngot %+v", id, one.body, got)
		}
	}
}

// The lines of a dry run in bulk build on each other, also on accounts of other
// writers.
func dryRunsInBulkAreDecidedTogether(t *testing.T, fleet []*serve.Process) {
	var lines strings.Builder
	const accounts = 8
	for n := range accounts {
		fmt.Fprintf(&lines, `{"op":"open","idempotency_key":"o","account_id":"D-%d","currency":"EUR"}`+"\n", n)
		fmt.Fprintf(&lines, `{"op":"credit","idempotency_key":"c","account_id":"D-%d","amount":10,"currency":"EUR"}`+"\n", n)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+fleet[2].Address()+"/v1/bulk?dry_run=true", strings.NewReader(lines.String()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-ndjson")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil || strings.Count(string(text), `"would_be_status":201`) != 2*accounts {
		t.Errorf("%s, %v", text, err)
	}
}

// What a process serves to everybody has no way to the commands of other writers, and to the other
// service's neither.
func publicRoutesStayApart(t *testing.T, fleet []*serve.Process) {
	for _, p := range fleet {
		other := "POST /v1/accounts/A-1/credits"
		if p.Name == "credit" {
			other = "POST /v1/accounts/A-1/withdrawals"
		}
		for _, route := range []string{other, "POST /commands"} {
			if got := call(t, p, route, "k", `{"amount":1,"currency":"EUR"}`); got.status != 404 {
				t.Errorf("%s: %s answers %d", p.Name, route, got.status)
			}
		}
	}
}

func TestReachable(t *testing.T) {
	for listen, want := range map[string]string{"127.0.0.1:7": "127.0.0.1:7", "192.0.2.3:8090": "192.0.2.3:8090"} {
		at, err := net.ResolveTCPAddr("tcp", listen)
		if err != nil {
			t.Fatal(err)
		}
		if got := serve.Reachable(at); got != want {
			t.Errorf("%s is reached at %s, want %s", listen, got, want)
		}
	}
	if got := serve.Reachable(&net.TCPAddr{IP: net.IPv4zero, Port: 8090}); strings.HasPrefix(got, "0.0.0.0") || strings.HasPrefix(got, "127.") {
		t.Errorf("every interface is reached at %q", got)
	}
}
