package writeside

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"pgregory.net/rapid"

	"passbook/credit"
	"passbook/shared/account"
	"passbook/shared/api"
	"passbook/shared/api/apitest"
	"passbook/shared/event"
	"passbook/shared/faults"
	"passbook/shared/journal"
	"passbook/shared/storetest"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/table"
	"passbook/shared/web"
	"passbook/withdraw"
)

// nowhere is an outbox that counts what it is given.
type nowhere struct{ entries atomic.Int64 }

func (n *nowhere) Publish(all ...journal.Committed) { n.entries.Add(int64(len(all))) }
func (*nowhere) Full() bool                         { return false }
func (*nowhere) Pace(event.Account, func()) bool    { return false }

// counter is both command services of a bank, and what they leave behind.
type counter struct {
	t        *testing.T
	client   *apitest.Client
	clock    *apitest.Clock
	journal  *journal.Journal
	writes   atomic.Int64
	outbox   nowhere
	registry *prometheus.Registry
}

func serveBoth(t *testing.T) *counter {
	t.Helper()
	b := &counter{t: t, clock: apitest.NewClock(time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)), registry: prometheus.NewRegistry()}
	tbl := storetest.Memory(t, pebblestream.Options{}, journal.Schemas...).Table
	tbl.Arm(&faults.Rule{Match: func(p table.Put) bool { return p.Table == journal.Table }, Hook: func() { b.writes.Add(1) }}, 1<<30)
	j, err := journal.Open(t.Context(), journal.Config{Table: tbl, Outbox: &b.outbox, Now: b.clock.Now, Metrics: b.registry})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := j.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	b.journal = j
	w, err := withdraw.New(withdraw.Config{Journal: j, ValueDates: account.Window{Back: 1}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := credit.New(credit.Config{Journal: j, ValueDates: account.Window{Back: 1}})
	if err != nil {
		t.Fatal(err)
	}
	server := api.New(api.Config{Web: web.Config{Service: "bank", Logger: slog.New(slog.DiscardHandler), Registry: b.registry, Timeout: 20 * time.Second}})
	server.Operations(slices.Concat(w.Operations(), c.Operations())...)
	b.client = apitest.New(t, server.Handler())
	return b
}

// traces returns what commands leave behind: writes, records, and every metric but those of HTTP
// and the count of dry runs.
func (b *counter) traces(t *rapid.T) string {
	if err := b.journal.Idle(context.Background()); err != nil { // an account is busy for a moment after its answer
		t.Fatal(err)
	}
	families, err := b.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	fmt.Fprintln(&all, b.writes.Load(), b.outbox.entries.Load())
	for _, f := range families {
		if name := f.GetName(); !strings.HasPrefix(name, "passbook_http_") {
			for _, m := range f.GetMetric() {
				if labels := fmt.Sprint(m.GetLabel()); !strings.Contains(labels, `"dry-run"`) {
					fmt.Fprintln(&all, name, labels, m.GetCounter().GetValue(), m.GetGauge().GetValue(), m.GetHistogram().GetSampleCount())
				}
			}
		}
	}
	return all.String()
}

// order is a command by its route, and as a line of bulk; alone where a line cannot say the same.
type order struct {
	method, path, key, body, ifMatch, line string
	alone                                  bool
}

// orders draws commands of every operation on two accounts, of which many are refused.
func orders(t *rapid.T, a, b string) (list []order) {
	for range rapid.IntRange(1, 14).Draw(t, "commands") {
		list = append(list, draw(t, a, b))
	}
	return list
}

func draw(t *rapid.T, a, b string) order {
	if rapid.Bool().Draw(t, "other account") {
		a, b = b, a
	}
	amount := rapid.SampledFrom([]int{1, 40, 700, 5000}).Draw(t, "amount")
	version := rapid.IntRange(1, 9).Draw(t, "version")
	money := fmt.Sprintf(`"amount":%d,"currency":%q`, amount, rapid.SampledFrom([]string{"EUR", "EUR", "EUR", "USD"}).Draw(t, "currency"))
	on := "/v1/accounts/" + a
	kinds := []struct{ op, route, body, param string }{
		{"open", "POST /v1/accounts", fmt.Sprintf(`"account_id":%q,"currency":"EUR","credit_limit":%d`, a, amount), ""},
		{"credit", "POST " + on + "/credits", money, ""},
		{"credit", "POST /credit", fmt.Sprintf(`"account_id":%q,%s,"effective_at":"2026-11-%d"`, a, money, 19+version%3), ""},
		{"withdraw", "POST " + on + "/withdrawals", money, ""},
		{"withdraw", "POST /withdraw", fmt.Sprintf(`"account_id":%q,%s`, a, money), ""},
		{"hold", "POST " + on + "/holds", money, ""},
		{"capture", fmt.Sprintf("POST %s/holds/h%d/capture", on, version), fmt.Sprintf(`"amount":%d,"final":%t`, amount, version%2 == 0), fmt.Sprintf(`"hold_id":"h%d"`, version)},
		{"release", fmt.Sprintf("POST %s/holds/h%d/release", on, version), ``, fmt.Sprintf(`"hold_id":"h%d"`, version)},
		{"reverse", fmt.Sprintf("POST %s/credits/t%d/reversal", on, version), `"reason":"r","force":true`, ""},
		{"reverse", fmt.Sprintf("POST %s/withdrawals/t%d/reversal", on, version), `"reason":"r"`, ""},
		{"reverse", "POST /v1/bulk", `"reason":"r"`, fmt.Sprintf(`"transaction_id":"t%d"`, version)},
		{"transfer", "POST /v1/transfers", fmt.Sprintf(`"from":%q,"to":%q,%s`, a, b, money), ""},
		{"transfer", "POST /v1/transfers", fmt.Sprintf(`"from":%q,"to":%q,%s`, a, a, money), ""},
		{"set-limit", "PUT " + on + "/credit-limit", fmt.Sprintf(`"limit":%d,"reason":"r","decided_by":"d"`, amount), ""},
		{"freeze", "POST " + on + "/freeze", `"scope":"debits"`, ""},
		{"unfreeze", "POST " + on + "/unfreeze", ``, ""},
		{"close", "POST " + on + "/close", ``, ""},
	}
	k := rapid.SampledFrom(kinds).Draw(t, "kind")
	method, path, _ := strings.Cut(k.route, " ")
	o := order{method: method, path: path, key: fmt.Sprint("k", rapid.IntRange(0, 9).Draw(t, "key")), body: "{" + k.body + "}"}
	members := []string{fmt.Sprintf(`"op":%q,"idempotency_key":%q`, k.op, o.key)}
	if k.op != "transfer" && !strings.Contains(k.body, "account_id") {
		members = append(members, fmt.Sprintf(`"account_id":%q`, a))
	}
	for _, more := range []string{k.param, k.body} {
		if more != "" {
			members = append(members, more)
		}
	}
	o.line = "{" + strings.Join(members, ",") + "}\n"
	if rapid.IntRange(0, 6).Draw(t, "if-match") == 0 {
		o.ifMatch = fmt.Sprintf(`"%d"`, version)
	}
	if o.path == "/v1/bulk" {
		o.body, o.ifMatch = o.line, ""
	}
	// without a transaction's service a line may find that of the other
	o.alone = o.ifMatch != "" || strings.HasSuffix(o.path, "/reversal")
	return o
}

// send sends the command, as a dry run or not.
func (b *counter) send(o order, query string) apitest.Response {
	headers := []string{"Idempotency-Key", o.key, "X-Request-ID", "r"}
	if o.ifMatch != "" {
		headers = append(headers, "If-Match", o.ifMatch)
	}
	if o.path != "/v1/bulk" {
		return b.client.Do(o.method, o.path+query, o.body, headers...)
	}
	response := b.client.Do(o.method, o.path+query, o.body, append(headers, "Content-Type", "application/x-ndjson")...)
	line := lineOf(response.Body)
	response.Status, response.Body = line.Status, slices.Concat(line.Result, line.Problem)
	if line.Replayed {
		response.Header.Set("Idempotency-Replayed", "true")
	}
	return response
}

// result is a line of bulk's answer.
type result struct {
	Status          int
	Replayed        bool
	Result, Problem json.RawMessage
}

func lineOf(text []byte) (r result) {
	if json.Unmarshal(text, &r) != nil {
		return result{}
	}
	return r
}

// bare returns an announced answer without its marks, which must be the command's answer.
func bare(dry api.DryRunAnswer) string {
	return strings.ReplaceAll(string(slices.Concat(dry.Result, dry.Problem)), `,"provisional":true`, "")
}

// For any list of commands: a dry run of each has the status and the body that the command gets
// next, and so has each line of a dry run of all of them; and a dry run leaves nothing behind.
func TestDryRunAnnouncesTheAnswer(t *testing.T) {
	b := serveBoth(t)
	round := 0
	rapid.Check(t, func(t *rapid.T) {
		round++
		a, other := fmt.Sprint("A-", round), fmt.Sprint("B-", round)
		for _, id := range []string{a, other}[:rapid.IntRange(0, 2).Draw(t, "open")] {
			b.send(order{method: http.MethodPost, path: "/v1/accounts", key: "open", body: fmt.Sprintf(`{"account_id":%q,"currency":"EUR"}`, id)}, "")
			b.send(order{method: http.MethodPost, path: "/credit", key: "fund", body: fmt.Sprintf(`{"account_id":%q,"amount":1000,"currency":"EUR","kind":"deposit"}`, id)}, "")
		}
		list := orders(t, a, other)
		was := b.traces(t)
		lines := b.announce(t, list)
		if is := b.traces(t); is != was {
			t.Fatalf("a dry run in bulk left traces:\n%s\nbefore it\n%s", is, was)
		}
		for i, o := range list {
			was := b.traces(t)
			answer := b.send(o, "?dry_run=true")
			if is := b.traces(t); is != was {
				t.Fatalf("a dry run left traces:\n%s\nbefore it\n%s", is, was)
			}
			got := b.send(o, "")
			var dry api.DryRunAnswer
			if err := json.Unmarshal(answer.Body, &dry); err != nil || answer.Status != 200 {
				t.Fatalf("%+v: %d %s, %v", o, answer.Status, answer.Body, err)
			}
			used := got.Header.Get("Idempotency-Replayed") == "true" || got.Code() == account.CodeKeyReused
			if dry.WouldBeStatus != got.Status || bare(dry) != string(got.Body) || dry.KeyUsed != used {
				t.Fatalf("%+v: announced %s\ngot %d %s", o, answer.Body, got.Status, got.Body)
			}
			if marked := strings.Contains(string(dry.Result), `"provisional":true`); marked != (dry.Result != nil && !used) {
				t.Fatalf("%+v: key used: %t, and %s", o, used, answer.Body)
			}
			again, repeat := apitest.Decode[api.DryRunAnswer](b.t, b.send(o, "?dry_run=true")), b.send(o, "")
			if used := repeat.Header.Get("Idempotency-Replayed") == "true"; used && !again.KeyUsed || bare(again) != string(repeat.Body) {
				t.Fatalf("%+v, repeated: announced %+v\ngot %d %s", o, again, repeat.Status, repeat.Body)
			}
			if o.alone {
				return // the lines after it are decided on another state
			}
			if dry := lines[i]; dry.WouldBeStatus != got.Status || bare(dry) != string(got.Body) || dry.KeyUsed != used {
				t.Fatalf("line %d, %s: announced %+v\ngot %d %s", i+1, o.line, dry, got.Status, got.Body)
			}
		}
	})
}

// announce sends the commands in bulk as one dry run.
func (b *counter) announce(t *rapid.T, list []order) []api.DryRunAnswer {
	var body bytes.Buffer
	for i, o := range list {
		if o.alone {
			list = list[:i]
			break
		}
		body.WriteString(o.line)
	}
	if len(list) == 0 {
		return nil
	}
	response := b.client.Do(http.MethodPost, "/v1/bulk?dry_run=true", body.String(), "Content-Type", "application/x-ndjson", "X-Request-ID", "r")
	var dry []api.DryRunAnswer
	for line := range bytes.Lines(response.Body) {
		var answer api.DryRunAnswer
		if err := json.Unmarshal(lineOf(line).Result, &answer); err != nil || !answer.DryRun {
			t.Fatalf("line %d: %s, %v", len(dry)+1, line, err)
		}
		dry = append(dry, answer)
	}
	if len(dry) != len(list) {
		t.Fatalf("%d results of %d lines", len(dry), len(list))
	}
	return dry
}
