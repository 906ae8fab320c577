package watch

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"passbook/cmd/internal/cli"
)

// commands is the grammar of the tests.
type commands struct {
	Tail   Tail   `cmd:""`
	Trace  Trace  `cmd:""`
	Lag    Lag    `cmd:""`
	Doctor Doctor `cmd:""`
}

// run runs a command line against a bank, and returns what it printed.
func run(t *testing.T, bank http.Handler, args ...string) (code int, out, errOut string) {
	t.Helper()
	server := httptest.NewServer(bank)
	defer server.Close()
	var stdout, stderr bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	terminal := &cli.Terminal{Version: "test", Environ: []string{"PASSBOOK_SERVER=" + server.URL, "HOME=" + t.TempDir()}, Out: &stdout, Err: &stderr, In: strings.NewReader("")}
	code = cli.Run(ctx, "bank", "A bank.", &commands{}, args, terminal)
	return code, stdout.String(), stderr.String()
}

// answers is a bank that gives each path the same answer.
type answers map[string]string

// ServeHTTP implements http.Handler.
func (a answers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for _, path := range []string{r.URL.Path + "?" + r.URL.RawQuery, r.URL.Path} {
		if body, ok := a[path]; ok {
			fmt.Fprint(w, body)
			return
		}
	}
	w.WriteHeader(http.StatusNotFound)
	fmt.Fprint(w, `{"type":"/problems/account-not-found","title":"Account not found","status":404,"detail":"There is no such account."}`)
}

// moved returns an event in JSON.
func moved(account string, version, amount int64) string {
	return fmt.Sprintf(`{"event_id":"%[1]s:%[2]d","account_id":%[1]q,"version":%[2]d,"type":"MoneyCredited","schema":1,"recorded_at":"2026-11-30T09:00:0%[2]d.000000Z",`+
		`"correlation_id":"c-%[2]d","actor":"dev","currency":"EUR","amount":%[3]d,"after":{"posted":%[3]d,"held":0,"limit":0},"data":{"amount":%[3]d}}`, account, version, amount)
}

func TestTailPrintsTheNewestLast(t *testing.T) {
	bank := answers{"/v1/events": `{"has_more":false,"events":[` + moved("A", 3, 300) + "," + moved("B", 2, 5) + "," + moved("A", 1, 100) + `]}`}
	code, out, errOut := run(t, bank, "tail", "-n", "2", "--min-amount", "50", "-o", "csv")
	want := "at,event,type,amount,posted,currency,actor,correlation\n" +
		"2026-11-30T09:00:01Z,A:1,MoneyCredited,1.00,1.00,EUR,dev,c-1\n" +
		"2026-11-30T09:00:03Z,A:3,MoneyCredited,3.00,3.00,EUR,dev,c-3\n"
	if code != 0 || out != want {
		t.Errorf("%d\n%s%s", code, out, errOut)
	}
}

func TestTailOfAnAccountReadsTheEndOfItsHistory(t *testing.T) {
	bank := answers{
		"/v1/accounts/A":                         `{"account_id":"A","version":900}`,
		"/v1/accounts/A/events?from_version=801": `{"has_more":false,"events":[` + moved("A", 7, 7) + "," + moved("A", 8, 8) + "," + moved("A", 9, 9) + `]}`,
	}
	code, out, errOut := run(t, bank, "tail", "--account", "A", "-n", "2", "-o", "ndjson")
	if lines := strings.Split(strings.TrimSpace(out), "\n"); code != 0 || len(lines) != 2 || !strings.Contains(lines[0], `"event_id":"A:8"`) {
		t.Errorf("%d\n%s%s", code, out, errOut)
	}
}

func TestTailFollowsFromWhereItIsTold(t *testing.T) {
	var asked string
	bank := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.RawQuery
		fmt.Fprintln(w, strings.TrimSuffix(moved("A", 1, 100), "}")+`,"cursor":"c1"}`)
		fmt.Fprintln(w, `{"heartbeat":"2026-11-30T09:00:00Z","cursor":"c2"}`)
		fmt.Fprintln(w, `{"bye":"complete","detail":"All was sent."}`)
	})
	code, out, errOut := run(t, bank, "tail", "--from", "2026-11-30T10:00:00+01:00", "--type", "MoneyCredited,MoneyWithdrawn", "--account", "A")
	if code != 0 || !strings.Contains(out, "A:1    MoneyCredited  1.00 EUR") || errOut != "continue with --cursor c2\n" {
		t.Errorf("%d\n%s%s", code, out, errOut)
	}
	if want := "account=A&from=2026-11-30T09%3A00%3A00Z&type=MoneyCredited%2CMoneyWithdrawn&until=now"; asked != want {
		t.Errorf("asked for %s, not %s", asked, want)
	}
}

// arrived is the journey of an event that is everywhere, and pending that of one that is nowhere.
const (
	arrived = `{"event_id":"A:1","account_id":"A","version":1,"type":"MoneyCredited","request":{"actor":"dev","idempotency_key":"k","correlation_id":"c-1","first":1,"last":1,"status":201},
		"decided_on":0,"entry":{"first":1,"last":1,"recorded_at":"2026-11-30T09:00:01.000000Z","trace_id":"4bf9","hash":"h","signed":true},
		"stream":{"shard":"s-0","sequence":"42","arrived_at":"2026-11-30T09:00:01.012000Z"},
		"models":[{"name":"balance","folded":true,"version":1,"projected_at":"2026-11-30T09:00:01.031000Z"},{"name":"creditlimit","folded":true,"version":4}],
		"archive":{"object":"events/x.parquet","row":0,"rows":3,"bytes":1}}`
	pending = `{"event_id":"A:1","account_id":"A","version":1,"type":"MoneyCredited","request":{"actor":"dev","idempotency_key":"k","correlation_id":"c-1","first":1,"last":1,"status":201},
		"decided_on":0,"entry":{"first":1,"last":1,"recorded_at":"2026-11-30T09:00:01.000000Z","hash":"h","signed":true},"models":[{"name":"balance","folded":false,"version":0}]}`
	drawn = `A:1  MoneyCredited  1.00 EUR, posted 1.00 EUR
├─ request  by dev, key k, correlation c-1, answered 201
├─ entry    version 1, 2026-11-30T09:00:01Z, hash h, signed
├─ trace    4bf9
├─ record   s-0, sequence 42, +12ms
├─ fold     balance: row at version 1, +31ms
├─ fold     creditlimit: yes, its row is at version 4
└─ segment  events/x.parquet, row 0 of 3
`
)

// journeyed returns a bank with one event.
func journeyed(journey string) answers {
	return answers{
		"/v1/accounts/A":                       `{"account_id":"A","version":1}`,
		"/v1/accounts/A/events?from_version=1": `{"has_more":false,"events":[` + moved("A", 1, 100) + `]}`,
		"/v1/accounts/A/events/1/journey":      journey,
		"/v1/events?correlation_id=c-1":        `{"has_more":false,"events":[` + moved("A", 1, 100) + `]}`,
		"/v1/events":                           `{"has_more":false,"events":[]}`,
	}
}

func TestAnEventIsTracedByEachOfItsNames(t *testing.T) {
	for _, args := range [][]string{{"A", "1"}, {"A:1"}, {"A"}, {"c-1"}} {
		if code, out, errOut := run(t, journeyed(arrived), append([]string{"trace"}, args...)...); code != 0 || out != drawn {
			t.Errorf("%v: %d\n%s%s", args, code, out, errOut)
		}
	}
	if code, _, errOut := run(t, journeyed(arrived), "trace", "B"); code != cli.ExitFailed || !strings.Contains(errOut, "--wait") {
		t.Errorf("%d %s", code, errOut)
	}
}

func TestATraceWaitsForWhatIsMissing(t *testing.T) {
	code, out, errOut := run(t, journeyed(pending), "trace", "A", "1")
	if code != 0 || !strings.Contains(out, "record   not found") || !strings.Contains(out, "balance: not yet") || !strings.Contains(out, "segment  not archived yet") {
		t.Errorf("%d\n%s%s", code, out, errOut)
	}
	if code, _, errOut = run(t, journeyed(pending), "trace", "A", "1", "--wait", "150ms"); code != cli.ExitBehind || !strings.Contains(errOut, "bank doctor") {
		t.Errorf("still missing: %d %s", code, errOut)
	}
	looks := 0
	bank := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "journey") {
			looks++
		}
		journey := pending
		if looks >= 3 {
			journey = arrived
		}
		journeyed(journey).ServeHTTP(w, r)
	})
	if code, out, errOut = run(t, bank, "trace", "A", "1", "--wait", "20s"); code != 0 || out != drawn || looks != 3 {
		t.Errorf("%d after %d looks\n%s%s", code, looks, out, errOut)
	}
}

func TestATraceShowsNoControlCharacterOfOthers(t *testing.T) {
	evil := strings.Replace(arrived, `"idempotency_key":"k"`, `"idempotency_key":"k\u001b[2J"`, 1)
	if _, out, _ := run(t, journeyed(evil), "trace", "A", "1"); strings.Contains(out, "\x1b") {
		t.Errorf("%q", out)
	}
}

// consumers is a bank with a consumer that is behind.
var consumers = answers{"/v1/consumers": `{"consumers":[{"name":"balance@1","stream":"s","shards":[
	{"shard":"s-0","owner":"w-1","position":"42","behind_seconds":12.5,"as_of":"2026-11-30T09:00:00Z"},
	{"shard":"s-1","owner":"","position":"","behind_seconds":0},
	{"shard":"s-2","owner":"","position":"7","behind_seconds":0,"ended":true}],"blocked":[{}]}]}`}

func TestLagTellsEachShard(t *testing.T) {
	code, out, errOut := run(t, consumers, "lag", "-o", "ndjson")
	if lines := strings.Split(strings.TrimSpace(out), "\n"); code != 0 || len(lines) != 3 ||
		!strings.HasPrefix(lines[0], `{"consumer":"balance@1",`) || !strings.Contains(lines[0], `"behind_seconds":12.5`) || !strings.Contains(lines[0], `"quarantined":1`) {
		t.Errorf("%d\n%s%s", code, out, errOut)
	}
	code, out, errOut = run(t, consumers, "lag", "--max", "10s")
	if code != cli.ExitBehind || !strings.Contains(out, "(nobody)") || !strings.Contains(out, "ended") || !strings.Contains(errOut, "12.5s behind in s-0") {
		t.Errorf("%d\n%s%s", code, out, errOut)
	}
}

func TestAWrongCommandLineIsRefused(t *testing.T) {
	for _, args := range [][]string{{"tail", "-n", "-1"}, {"tail", "--from", "yesterday"}, {"tail", "--account", "A", "--holder", "H"}, {"trace", "A", "-1"}, {"lag", "--every", "1ms"}} {
		if code, _, errOut := run(t, consumers, args...); code != cli.ExitUsage {
			t.Errorf("%v: %d %s", args, code, errOut)
		}
	}
}
