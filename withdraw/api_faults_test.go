package withdraw

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"passbook/shared/access"
	"passbook/shared/account"
	"passbook/shared/api"
	"passbook/shared/api/apitest"
	"passbook/shared/event"
	"passbook/shared/faults"
	"passbook/shared/journal"
	"passbook/shared/table"
	"passbook/shared/web"
)

// refusedFor checks that a withdrawal is refused, with the time after which to try again, and that
// the same request succeeds once the fault is gone: nothing was stored.
func refusedFor(t *testing.T, b *branch, want string, mend func()) {
	t.Helper()
	const body = `{"amount":10,"currency":"EUR"}`
	r := b.client.Post("/v1/accounts/A-1/withdrawals", "faulty", body)
	if got := fmt.Sprint(r.Status, " ", r.Code()); got != want || r.Header.Get("Retry-After") == "" || !strings.Contains(string(r.Body), `"retryable":true`) {
		t.Fatalf("%s, not %s: %v %s", got, want, r.Header, r.Body)
	}
	line := bulk(t, b, `{"op":"withdraw","account_id":"A-1","idempotency_key":"faulty","amount":10,"currency":"EUR"}`)
	if !strings.Contains(line, want[4:]) {
		t.Fatalf("bulk: %s", line)
	}
	if mend == nil {
		return
	}
	mend()
	if r := b.client.Post("/v1/accounts/A-1/withdrawals", "faulty", body); r.Status != 201 || r.Header.Get("Idempotency-Replayed") != "" {
		t.Fatalf("after the fault: %s", r.Body)
	}
}

func TestWithdrawalIsRefusedWhileShuttingDown(t *testing.T) {
	b := serve(t)
	b.open("A-1", 100)
	b.journal.Stop()
	refusedFor(t, b, "503 shutting-down", nil)
}

func TestOverloadRefusesRequestsAndDelaysLinesOfBulk(t *testing.T) {
	b := serve(t)
	b.open("A-1", 100)
	b.outbox.full.Store(true)
	const body = `{"amount":10,"currency":"EUR"}`
	r := b.client.Post("/v1/accounts/A-1/withdrawals", "faulty", body)
	if r.Status != 503 || r.Code() != web.Overloaded.Code || r.Header.Get("Retry-After") == "" {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	line := make(chan string, 1)
	go func() {
		line <- bulk(t, b, `{"op":"withdraw","account_id":"A-1","idempotency_key":"faulty","amount":10,"currency":"EUR"}`)
	}()
	select {
	case got := <-line:
		t.Fatalf("a line of bulk was refused for load: %s", got)
	case <-time.After(50 * time.Millisecond):
	}
	b.outbox.full.Store(false)
	if got := <-line; !strings.Contains(got, `"status":201`) || strings.Contains(got, "replayed") {
		t.Fatalf("the line that waited: %s", got)
	}
	if r := b.client.Post("/v1/accounts/A-1/withdrawals", "faulty", body); r.Status != 201 || r.Header.Get("Idempotency-Replayed") != "true" {
		t.Fatalf("afterwards: %d %s", r.Status, r.Body)
	}
}

func TestWithdrawalIsRefusedWhileTheClockIsOff(t *testing.T) {
	b := serve(t)
	b.open("A-1", 100)
	b.table.SetSkew(-time.Minute)
	refusedFor(t, b, "503 clock-skew", func() { b.table.SetSkew(0) })
}

// Another writer commits first at every attempt.
func TestWithdrawalIsRefusedWhenOthersAlwaysCommitFirst(t *testing.T) {
	b := serve(t)
	b.open("A-1", 100)
	other := b.writer()
	commits := 0
	var rule *faults.Rule
	rule = &faults.Rule{Match: faults.On(journal.Table), Hook: func() {
		commits++
		b.table.Arm(&faults.Rule{}, 0) // the other's own put goes through
		_, err := other.Execute(t.Context(), journal.Command{
			Account: event.Account{Tenant: access.MainTenant, ID: "A-1"}, Key: fmt.Sprint("other-", commits), Request: journal.RequestHash("other", "A-1", nil),
			CorrelationID: "c", Actor: event.Text{Plain: "test"}, Status: 201,
			Decide: func(s account.State, now time.Time) account.Decision {
				d := account.NewDraft(s, now)
				d.Credit(event.MoneyCredited{Amount: 1, Kind: "deposit"}, d.Today())
				return d.Decision()
			},
		})
		if err != nil {
			t.Error(err)
		}
		b.table.Arm(rule, 1)
	}}
	b.table.Arm(rule, 1)
	refusedFor(t, b, "409 write-contention", func() { b.table.Arm(&faults.Rule{}, 0) })
	if commits < 2 {
		t.Fatalf("the fault fired %d times", commits)
	}
}

// The answer to the put does not come in time. The same request finds out how it ended.
func TestLateAnswerOfTheTableIsOutcomeUnknown(t *testing.T) {
	b := serve(t)
	b.open("A-1", 100)
	_, hasty := b.listen(250 * time.Millisecond)
	held := make(chan struct{})
	rule := b.table.Arm(&faults.Rule{Match: faults.On(journal.Table), Hook: func() { <-held }}, 1)
	const body = `{"amount":10,"currency":"EUR"}`
	r := hasty.Post("/v1/accounts/A-1/withdrawals", "w", body)
	if r.Status != 504 || r.Code() != api.OutcomeUnknown.Code || rule.Fired() != 1 {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	close(held)
	if r := b.client.Post("/v1/accounts/A-1/withdrawals", "w", body); r.Status != 201 || r.Header.Get("Idempotency-Replayed") != "true" || !strings.Contains(string(r.Body), `"posted":90`) {
		t.Errorf("%v %s", r.Header, r.Body)
	}
}

// A command that waits behind one that does not return was not executed when its time ends.
func TestCommandThatWaitsTooLongIsNotExecuted(t *testing.T) {
	b := serve(t)
	b.open("A-1", 100)
	_, hasty := b.listen(250 * time.Millisecond)
	held, entered := make(chan struct{}), make(chan struct{})
	b.table.Arm(&faults.Rule{Match: faults.On(journal.Table), Hook: func() { close(entered); <-held }}, 1)
	first := make(chan apitest.Response)
	go func() {
		first <- b.client.Post("/v1/accounts/A-1/withdrawals", "first", `{"amount":10,"currency":"EUR"}`)
	}()
	<-entered
	if r := hasty.Post("/v1/accounts/A-1/withdrawals", "second", `{"amount":10,"currency":"EUR"}`); r.Status != 503 || r.Code() != web.Overloaded.Code {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	close(held)
	if r := <-first; r.Status != 201 {
		t.Errorf("%s", r.Body)
	}
	if r := b.client.Post("/v1/accounts/A-1/withdrawals", "second", `{"amount":10,"currency":"EUR"}`); r.Status != 201 || r.Header.Get("Idempotency-Replayed") != "" {
		t.Errorf("%s", r.Body)
	}
}

// The journal cannot be read before a capture, a release or a reversal.
func TestUnreadableJournalRefusesCommandsThatReadIt(t *testing.T) {
	b := serve(t)
	b.open("A-1", 100)
	b.service.journal = unreadable{b.journal}
	_, b.client = b.listen(20 * time.Second)
	for _, path := range []string{"/v1/accounts/A-1/holds/h2/capture", "/v1/accounts/A-1/holds/h2/release", "/v1/accounts/A-1/withdrawals/t2/reversal"} {
		if r := b.client.Post(path, "k", ""); r.Status != 503 || r.Code() != api.JournalUnavailable.Code {
			t.Errorf("%s: %d %s", path, r.Status, r.Body)
		}
	}
}

var errDisk = errors.New("CANARY: the disk is gone")

// unreadable is a journal whose history cannot be read.
type unreadable struct{ *journal.Journal }

func (unreadable) Placed(ctx context.Context, c journal.Command, holdID string) (bool, error) {
	return journal.NewReader(gone{}).Placed(ctx, c, holdID)
}

func (unreadable) Original(ctx context.Context, c journal.Command, transactionID string) (*event.Event, bool, error) {
	return journal.NewReader(gone{}).Original(ctx, c, transactionID)
}

// gone is a table that answers no query.
type gone struct{ table.Table }

func (gone) Query(context.Context, table.Query) (table.Page, error) { return table.Page{}, errDisk }

// A repeated command gets its first answer in bulk too, a transfer keeps the order of both
// accounts, and a service refuses the operations of others.
func TestBulkOnTheJournal(t *testing.T) {
	b := serve(t)
	b.open("A-1", 100)
	b.open("B-1", 0)
	results := bulk(t, b,
		`{"op":"withdraw","account_id":"A-1","idempotency_key":"1","amount":10,"currency":"EUR"}`,
		`{"op":"transfer","from":"A-1","to":"B-1","idempotency_key":"2","amount":90,"currency":"EUR"}`,
		`{"op":"hold","account_id":"B-1","idempotency_key":"3","amount":90,"currency":"EUR"}`,
		`{"op":"capture","account_id":"B-1","idempotency_key":"4","hold_id":"h3","amount":50}`,
		`{"op":"withdraw","account_id":"A-1","idempotency_key":"5","amount":1,"currency":"EUR"}`,
		`{"op":"reverse","account_id":"A-1","idempotency_key":"6","transaction_id":"t3"}`,
		`{"op":"withdraw","account_id":"A-1","idempotency_key":"5","amount":1,"currency":"EUR"}`,
		`{"op":"credit","account_id":"A-1","idempotency_key":"7","amount":1,"currency":"EUR"}`,
		`{"op":"release","account_id":"B-1","idempotency_key":"8","hold_id":"h3"}`,
	)
	want := []string{
		`{"line":1,"status":201,"result":`, `{"line":2,"status":201,"result":`, `{"line":3,"status":201,"result":`, `{"line":4,"status":201,"result":`,
		`{"line":5,"status":422,"problem":{"type":"/problems/insufficient-funds"`, `{"line":6,"status":201,"result":`,
		`{"line":7,"status":422,"replayed":true,"problem":{"type":"/problems/insufficient-funds"`,
		`{"line":8,"status":400,"problem":{"type":"/problems/validation-failed"`, `{"line":9,"status":409,"problem":{"type":"/problems/hold-not-active"`,
	}
	lines := strings.Split(strings.TrimSpace(results), "\n")
	if len(lines) != len(want) {
		t.Fatalf("%d results:\n%s", len(lines), results)
	}
	for i, line := range lines {
		if !strings.HasPrefix(line, want[i]) {
			t.Errorf("%s, not %s", line, want[i])
		}
	}
}

// A value date outside the bank's window is refused by name and stores nothing; a command that was
// accepted keeps its answer after the window has moved.
func TestValueDatesLieInTheWindow(t *testing.T) {
	b := serve(t)
	b.open("A-1", 100)
	send := func(key, date string) apitest.Response {
		return b.client.Post("/v1/accounts/A-1/withdrawals", key, `{"amount":1,"currency":"EUR","effective_at":"`+date+`"}`)
	}
	for date, want := range map[string]string{
		"2026-11-20": "201", "2026-11-21": "201", "2026-11-19": "422 date-out-of-range", "2026-11-22": "422 date-out-of-range",
		"1970-01-01": "422 date-out-of-range", "9999-12-31": "422 date-out-of-range",
	} {
		r := send("on "+date, date)
		if got := strings.TrimSpace(fmt.Sprint(r.Status, " ", r.Code())); got != want {
			t.Errorf("%s: %s, want %s", date, got, want)
		}
		if r.Status == 422 && !strings.Contains(string(r.Body), `"errors":[{"pointer":"/effective_at","code":"out-of-range","detail":"Expected: a date from 2026-11-20 to 2026-11-21."}]`) {
			t.Errorf("%s: %s", date, r.Body)
		}
	}
	first := send("later", "2026-11-20")
	b.clock.Advance(20 * time.Hour) // past midnight
	again := send("later", "2026-11-20")
	if again.Status != 201 || !bytes.Equal(again.Body, first.Body) {
		t.Errorf("repeated the next day: %d %s, not %s", again.Status, again.Body, first.Body)
	}
	if r := send("new", "2026-11-20"); r.Status != 422 {
		t.Errorf("two days back: %d", r.Status)
	}
}
