package withdraw

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"passbook/shared/access"
	"passbook/shared/account"
	"passbook/shared/api"
	"passbook/shared/api/apitest"
	"passbook/shared/event"
	"passbook/shared/faults"
	"passbook/shared/journal"
	"passbook/shared/storetest"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/web"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// discard is an outbox for tests without a stream.
type discard struct{ full atomic.Bool }

func (*discard) Publish(...journal.Committed) {}
func (o *discard) Full() bool                 { return o.full.Load() }

func (*discard) Pace(event.Account, func()) bool { return false }

// branch is the service on the embedded engine.
type branch struct {
	t       *testing.T
	client  *apitest.Client
	server  *api.Server
	journal *journal.Journal
	service *Service
	// table is the store through a decorator that can make writes fail, pebble the store itself.
	table  *faults.Table
	outbox discard
	clock  *apitest.Clock
	setups int
}

func serve(t *testing.T) *branch {
	t.Helper()
	tbl := storetest.Memory(t, pebblestream.Options{}, journal.Schemas...).Table
	b := &branch{t: t, clock: apitest.NewClock(time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)), table: tbl}
	b.journal = b.writer()
	var err error
	if b.service, err = New(Config{Journal: b.journal, ValueDates: account.Window{Back: 1}}); err != nil {
		t.Fatal(err)
	}
	b.server, b.client = b.listen(20 * time.Second)
	return b
}

// writer opens a journal on the store, as another process if there is one already.
func (b *branch) writer() *journal.Journal {
	b.t.Helper()
	j, err := journal.Open(b.t.Context(), journal.Config{Table: b.table, Outbox: &b.outbox, Now: b.clock.Now})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := j.Close(ctx); err != nil {
			b.t.Error(err)
		}
	})
	return j
}

// listen serves the service with a timeout for every request.
func (b *branch) listen(timeout time.Duration) (*api.Server, *apitest.Client) {
	b.t.Helper()
	server := api.New(api.Config{Web: web.Config{Service: "withdraw", Logger: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(), Timeout: timeout}})
	server.Operations(b.service.Operations()...)
	return server, apitest.New(b.t, server.Handler()).WithCanary("CANARY")
}

// given commits what do drafts to the account's history, as other services do in a bank.
func (b *branch) given(id string, do func(d *account.Draft)) {
	b.t.Helper()
	b.setups++
	ctx, cancel := context.WithTimeout(b.t.Context(), 10*time.Second)
	defer cancel()
	r, err := b.journal.Execute(ctx, journal.Command{
		Account: event.Account{Tenant: access.MainTenant, ID: id}, Key: fmt.Sprint("given-", b.setups), Request: journal.RequestHash("given", id, nil),
		CorrelationID: "given", Actor: event.Text{Plain: "test"}, Status: 201,
		Decide: func(s account.State, now time.Time) account.Decision {
			d := account.NewDraft(s, now)
			d.ReleaseExpired()
			do(d)
			return d.Decision()
		},
	})
	if err != nil || r.Rejection != nil {
		b.t.Fatalf("given: %v %+v", err, r.Rejection)
	}
}

// open opens an account with a balance.
func (b *branch) open(id string, posted int64) {
	b.t.Helper()
	b.given(id, func(d *account.Draft) {
		d.Open("EUR", event.AccountOpened{Exponent: 2})
		if posted > 0 {
			d.Credit(event.MoneyCredited{Amount: posted, Kind: "deposit"}, d.Today())
		}
	})
}

func TestRoutesAreTheContracts(t *testing.T) {
	apitest.Routes(t, serve(t).server, "withdraw", "process")
}

func TestWithdrawalAnswersWithItsEvent(t *testing.T) {
	b := serve(t)
	b.open("A-1", 100)
	r := b.client.Post("/v1/accounts/A-1/withdrawals", "k1", `{"amount":30,"currency":"EUR","kind":"card","reference":"lunch","contra":"visa","effective_at":"2026-11-20"}`, "X-Request-ID", "corr-1")
	want := `{"account_id":"A-1","version":3,"transaction_id":"t3","events":[{"event_id":"A-1:3","version":3,"type":"MoneyWithdrawn","transaction_id":"t3","data":{"amount":30,"kind":"card","contra":"visa","reference":"lunch","from_own":30,"from_credit":0}}],"balance":{"currency":"EUR","posted":70,"held":0,"limit":0,"available":70}}`
	if r.Status != 201 || string(r.Body) != want || r.Header.Get("ETag") != `"3"` || r.Header.Get("X-Request-ID") != "corr-1" || r.Header.Get("Location") != "" {
		t.Fatalf("%d %v\n%s", r.Status, r.Header, r.Body)
	}
	_, entry, err := b.journal.Event(t.Context(), event.Account{Tenant: "main", ID: "A-1"}, 3)
	if err != nil || entry.Commands[0].CorrelationID != "corr-1" || entry.Commands[0].Actor.Plain != "dev" {
		t.Fatalf("%+v %v", entry, err)
	}
}

func TestRepeatsHaveTheSameBytes(t *testing.T) {
	b := serve(t)
	b.open("A-1", 100)
	post := func(id, key, body string) apitest.Response {
		return b.client.Post("/v1/accounts/A-1/withdrawals", key, body, "X-Request-ID", id)
	}
	for name, body := range map[string]string{"accepted": `{"amount":30,"currency":"EUR"}`, "declined": `{"amount":9000,"currency":"EUR"}`} {
		first := post("corr-first", name, body)
		again := post("corr-again", name, strings.Replace(body, ",", " , ", 1))
		if first.Header.Get("Idempotency-Replayed") != "" || again.Header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("%s: Idempotency-Replayed %v %v", name, first.Header, again.Header)
		}
		if first.Status != again.Status || string(first.Body) != string(again.Body) || first.Header.Get("ETag") != again.Header.Get("ETag") {
			t.Errorf("%s:\n%s\n%s", name, first.Body, again.Body)
		}
		if again.Header.Get("X-Request-ID") != "corr-again" {
			t.Errorf("%s: the request's own id is %s", name, again.Header.Get("X-Request-ID"))
		}
		short := b.client.Post("/withdraw", name, strings.Replace(body, "{", `{"account_id":"A-1",`, 1))
		if string(short.Body) != string(first.Body) {
			t.Errorf("%s, short form: %s", name, short.Body)
		}
		line := bulk(t, b, strings.Replace(body, "{", `{"op":"withdraw","account_id":"A-1","idempotency_key":"`+name+`",`, 1))
		if !strings.Contains(line, `"replayed":true`) || !strings.Contains(line, string(first.Body)) {
			t.Errorf("%s, bulk: %s", name, line)
		}
	}
	if r := post("", "accepted", `{"amount":31,"currency":"EUR"}`); r.Code() != "idempotency-key-reused" {
		t.Errorf("another body: %s", r.Body)
	}
	if r := b.client.Post("/v1/accounts/A-1/holds", "accepted", `{"amount":30,"currency":"EUR"}`); r.Code() != "idempotency-key-reused" {
		t.Errorf("another operation: %s", r.Body)
	}
}

func bulk(t *testing.T, b *branch, lines ...string) string {
	t.Helper()
	r := b.client.Do("POST", "/v1/bulk", strings.Join(lines, "\n"), "Content-Type", "application/x-ndjson")
	if r.Status != 200 {
		t.Fatalf("bulk: %d %s", r.Status, r.Body)
	}
	return string(r.Body)
}

func TestDeclineIsAnEventAndAnAnswer(t *testing.T) {
	b := serve(t)
	b.open("A-1", 100)
	r := b.client.Post("/v1/accounts/A-1/withdrawals", "k1", `{"amount":101,"currency":"EUR"}`, "X-Request-ID", "c1")
	want := `{"type":"/problems/insufficient-funds","title":"Insufficient funds","status":422,"detail":"The amount is greater than what is available, the line of credit included.",` +
		`"account_id":"A-1","account_version":3,"available":100,"limit":0,"shortfall":1,"retryable":false,"correlation_id":"c1"}`
	if r.Status != 422 || string(r.Body) != want || r.Header.Get("ETag") != `"3"` {
		t.Fatalf("%v %s", r.Header, r.Body)
	}
}

func TestHoldsAreCapturedInPartsAndReleased(t *testing.T) {
	b := serve(t)
	b.open("A-1", 100)
	hold := b.client.Post("/v1/accounts/A-1/holds", "h", `{"amount":60,"currency":"EUR","expires_at":"2026-11-22T08:00:00Z"}`)
	if hold.Status != 201 || hold.Text("hold_id") != "h3" || hold.Text("transaction_id") != "" {
		t.Fatalf("%s", hold.Body)
	}
	part := b.client.Post("/v1/accounts/A-1/holds/h3/capture", "c1", `{"amount":10,"final":false}`)
	if part.Text("transaction_id") != "t5" || part.Text("hold_id") != "h3" || !strings.Contains(string(part.Body), `"held":50`) {
		t.Fatalf("%s", part.Body)
	}
	rest := b.client.Post("/v1/accounts/A-1/holds/h3/capture", "c2", "")
	if rest.Text("transaction_id") != "t7" || !strings.Contains(string(rest.Body), `"posted":40,"held":0`) {
		t.Fatalf("%s", rest.Body)
	}
	second := b.client.Post("/v1/accounts/A-1/holds", "h2", `{"amount":5,"currency":"EUR"}`)
	released := b.client.Post("/v1/accounts/A-1/holds/"+second.Text("hold_id")+"/release", "r", `{}`)
	if released.Status != 201 || released.Text("hold_id") != second.Text("hold_id") {
		t.Fatalf("%s", released.Body)
	}
}

// A hold that expired before a command has its event in the answer, whose ids are those of the
// command.
func TestHoldThatExpiredBeforeIsInTheAnswer(t *testing.T) {
	b := serve(t)
	b.open("A-1", 100)
	b.client.Post("/v1/accounts/A-1/holds", "h", `{"amount":60,"currency":"EUR","expires_at":"2026-11-21T09:00:00Z"}`)
	b.clock.Advance(2 * time.Hour)
	r := b.client.Post("/v1/accounts/A-1/withdrawals", "w", `{"amount":100,"currency":"EUR"}`)
	if r.Status != 201 || r.Text("hold_id") != "" || r.Text("transaction_id") != "t5" || r.Int("version") != 5 || !strings.Contains(string(r.Body), `"reason":"expired"`) {
		t.Fatalf("%s", r.Body)
	}
	receipt, err := b.journal.Execute(t.Context(), journal.Command{
		Account: event.Account{Tenant: access.MainTenant, ID: "A-1"}, CorrelationID: "sweep", Status: 201, Decide: Expire{}.Decide,
	})
	if err != nil || receipt.Entry != nil || receipt.Rejection != nil {
		t.Fatalf("nothing was due: %+v %v", receipt, err)
	}
}

func TestReversalIsDoneOnce(t *testing.T) {
	b := serve(t)
	b.open("A-1", 100)
	b.client.Post("/v1/accounts/A-1/withdrawals", "w", `{"amount":40,"currency":"EUR"}`)
	r := b.client.Post("/v1/accounts/A-1/withdrawals/t3/reversal", "r", `{"reason":"error"}`)
	if r.Status != 201 || r.Text("transaction_id") != "t4" || !strings.Contains(string(r.Body), `"posted":100`) {
		t.Fatalf("%s", r.Body)
	}
	for path, want := range map[string]string{
		"/v1/accounts/A-1/withdrawals/t3/reversal":  "409 already-reversed",
		"/v1/accounts/A-1/withdrawals/t2/reversal":  "404 transaction-not-found", // a credit
		"/v1/accounts/A-1/withdrawals/t99/reversal": "404 transaction-not-found",
		"/v1/accounts/A-1/withdrawals/t01/reversal": "404 transaction-not-found",
	} {
		r := b.client.Post(path, path, "")
		if got := fmt.Sprint(r.Status, " ", r.Code()); got != want {
			t.Errorf("%s: %s, not %s", path, got, want)
		}
	}
}

func TestTransferOverHTTP(t *testing.T) {
	b := serve(t)
	b.open("A-1", 100)
	b.open("B-1", 0)
	r := b.client.Post("/v1/transfers", "x", `{"from":"A-1","to":"B-1","amount":30,"currency":"EUR","reference":"rent"}`)
	if r.Status != 201 || r.Text("account_id") != "A-1" || !strings.Contains(string(r.Body), `"to":{"account_id":"B-1","version":2,"transaction_id":"t2"}`) {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	again := b.client.Post("/v1/transfers", "x", `{"from":"A-1","to":"B-1","amount":30,"currency":"EUR","reference":"rent"}`)
	if string(again.Body) != string(r.Body) || again.Header.Get("Idempotency-Replayed") != "true" {
		t.Fatalf("%s", again.Body)
	}
	for body, want := range map[string]string{
		`{"from":"A-1","to":"B-1","amount":71,"currency":"EUR"}`: "422 insufficient-funds []",
		`{"from":"A-1","to":"A-1","amount":1,"currency":"EUR"}`:  "422 same-account []",
		`{"from":"A-1","to":"C-1","amount":1,"currency":"EUR"}`:  "404 account-not-found []",
		`{"from":"C-1","to":"A-1","amount":1,"currency":"EUR"}`:  "404 account-not-found []",
		`{"from":"A-1","to":"B-1","amount":1,"currency":"USD"}`:  "422 currency-mismatch []",
		`{"from":"A#1","amount":1,"currency":"EUR"}`:             "400 validation-failed [/to required /from syntax]",
	} {
		r := b.client.Post("/v1/transfers", body[:min(len(body), 200)], body)
		if got := fmt.Sprint(r.Status, " ", r.Code(), " ", r.Errors()); got != want {
			t.Errorf("%s: %s, not %s", body, got, want)
		}
	}
	leg := b.client.Post("/v1/accounts/A-1/withdrawals/t3/reversal", "leg", "")
	if leg.Code() != "not-reversible" {
		t.Errorf("a leg: %s", leg.Body)
	}
}

func TestRulesThatRefuse(t *testing.T) {
	b := serve(t)
	b.open("A-1", 100)
	b.open("frozen", 100)
	b.given("frozen", func(d *account.Draft) { d.Emit(event.AccountFrozen{Scope: "debits"}, d.Today()) })
	b.open("closed", 0)
	b.given("closed", func(d *account.Draft) { d.Close("") })
	b.client.Post("/v1/accounts/A-1/holds", "h", `{"amount":10,"currency":"EUR"}`)
	b.client.Post("/v1/accounts/A-1/holds/h3/release", "hr", "")
	b.client.Post("/v1/accounts/A-1/holds", "h5", `{"amount":10,"currency":"EUR"}`)
	b.open("rich", 1<<53-1)
	b.client.Post("/v1/accounts/rich/withdrawals", "w", `{"amount":5,"currency":"EUR"}`)
	b.given("rich", func(d *account.Draft) { d.Credit(event.MoneyCredited{Amount: 5, Kind: "deposit"}, d.Today()) })
	for _, c := range []struct{ path, body, want string }{
		{"/v1/accounts/no-such/withdrawals", `{"amount":1,"currency":"EUR"}`, "404 account-not-found"},
		{"/v1/accounts/closed/withdrawals", `{"amount":1,"currency":"EUR"}`, "409 account-closed"},
		{"/v1/accounts/frozen/withdrawals", `{"amount":1,"currency":"EUR"}`, "409 account-frozen"},
		{"/v1/accounts/A-1/withdrawals", `{"amount":1,"currency":"USD"}`, "422 currency-mismatch"},
		{"/v1/accounts/A-1/holds", `{"amount":1000,"currency":"EUR"}`, "422 insufficient-funds"},
		{"/v1/accounts/A-1/holds/h3/capture", ``, "409 hold-not-active"},
		{"/v1/accounts/A-1/holds/h2/capture", ``, "404 hold-not-found"},
		{"/v1/accounts/A-1/holds/h99/release", ``, "404 hold-not-found"},
		{"/v1/accounts/A-1/holds/CANARY/release", ``, "404 hold-not-found"},
		{"/v1/accounts/A-1/holds/h5/capture", `{"amount":11}`, "422 hold-amount-exceeded"},
		{"/v1/accounts/rich/withdrawals/t3/reversal", ``, "422 balance-overflow"},
	} {
		r := b.client.Post(c.path, c.path+c.body, c.body)
		if got := fmt.Sprint(r.Status, " ", r.Code()); got != c.want {
			t.Errorf("%s %s: %s, not %s\n%s", c.path, c.body, got, c.want, r.Body)
		}
	}
	if r := b.client.Post("/v1/accounts/frozen/withdrawals", "f2", `{"amount":1,"currency":"EUR"}`); r.Text("scope") != "debits" || r.Int("account_version") != 3 {
		t.Errorf("%s", r.Body)
	}
	past := b.client.Post("/v1/accounts/A-1/holds", "past", `{"amount":1,"currency":"EUR","expires_at":"2020-01-01T00:00:00Z"}`)
	if fmt.Sprint(past.Status, past.Errors()) != "422 [/expires_at in-the-past]" {
		t.Errorf("%s", past.Body)
	}
}

func TestIfMatchNamesTheVersion(t *testing.T) {
	b := serve(t)
	b.open("A-1", 100)
	post := func(key, tag string) apitest.Response {
		return b.client.Post("/v1/accounts/A-1/withdrawals", key, `{"amount":1,"currency":"EUR"}`, "If-Match", tag)
	}
	if r := post("k1", `"7"`); r.Status != 412 || r.Code() != api.VersionMismatch.Code || r.Int("expected") != 7 || r.Int("actual") != 2 {
		t.Errorf("%s", r.Body)
	}
	if r := post("k2", `"2"`); r.Status != 201 {
		t.Errorf("%s", r.Body)
	}
	// The key was used, so the answer is the first one, at any version.
	if r := post("k2", `"2"`); r.Status != 201 || r.Header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("%s", r.Body)
	}
	for _, tag := range []string{`2`, `W/"2"`, `*`, `"0"`, `"02"`, `"-2"`, `"2", "3"`, `"2CANARY"`, `""`, `"9999999999999"`} {
		if r := post("k3", tag); r.Status != 400 || fmt.Sprint(r.Errors()) != "[/If-Match syntax]" {
			t.Errorf("%s: %s", tag, r.Body)
		}
	}
}

func TestHoldsOfAnAccountAreBounded(t *testing.T) {
	b := serve(t)
	b.open("A-1", 1000)
	b.given("A-1", func(d *account.Draft) {
		for range account.MaxHolds {
			d.PlaceHold(event.HoldPlaced{Amount: 1})
		}
	})
	if r := b.client.Post("/v1/accounts/A-1/holds", "h", `{"amount":1,"currency":"EUR"}`); r.Status != 409 || r.Code() != "too-many-holds" {
		t.Fatalf("%s", r.Body)
	}
}

func TestDeclinesOfAnAccountAreBounded(t *testing.T) {
	b := serve(t)
	b.open("A-1", 0)
	for i := range journal.MaxDeclines {
		if r := b.client.Post("/v1/accounts/A-1/withdrawals", fmt.Sprint("d", i), `{"amount":1,"currency":"EUR"}`); r.Code() != "insufficient-funds" {
			t.Fatalf("%d: %s", i, r.Body)
		}
	}
	r := b.client.Post("/v1/accounts/A-1/withdrawals", "more", `{"amount":1,"currency":"EUR"}`)
	if r.Status != 429 || r.Code() != api.RateLimited.Code || r.Header.Get("Retry-After") == "" || !strings.Contains(string(r.Body), `"retryable":true`) {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
}

func TestParallelWithdrawalsNeverOverdraw(t *testing.T) {
	b := serve(t)
	b.open("A-1", 100)
	var wait sync.WaitGroup
	statuses := make(chan int, 50)
	for i := range 50 {
		wait.Go(func() {
			statuses <- b.client.Post("/v1/accounts/A-1/withdrawals", fmt.Sprint("w", i), `{"amount":10,"currency":"EUR"}`).Status
		})
	}
	wait.Wait()
	close(statuses)
	count := map[int]int{}
	for s := range statuses {
		count[s]++
	}
	if count[201] != 10 || count[422] != 40 {
		t.Fatalf("%v", count)
	}
}

// The canonical form of a command is compared when its key is repeated, also with commands that an
// older program accepted. It does not change.
func TestCanonicalForms(t *testing.T) {
	forms := map[string][2]string{
		"withdraw": {
			`{"effective_at":"2026-11-21","contra":"atm","reference":"r","kind":"card","currency":"EUR","amount":5,"account_id":"A-1"}`,
			`{"amount":5,"currency":"EUR","kind":"card","reference":"r","contra":"atm","effective_at":"2026-11-21"}`,
		},
		"reverse": {`{"reason":"r","transaction_id":"t3","account_id":"A-1"}`, `{"transaction_id":"t3","reason":"r"}`},
		"hold": {
			`{"expires_at":"2026-11-21T08:00:00+01:00","reference":"r","currency":"EUR","amount":5,"account_id":"A-1"}`,
			`{"amount":5,"currency":"EUR","reference":"r","expires_at":"2026-11-21T08:00:00+01:00"}`,
		},
		"capture": {`{"final":false,"amount":5,"hold_id":"h3","account_id":"A-1"}`, `{"hold_id":"h3","amount":5,"final":false}`},
		"release": {`{"hold_id":"h3","account_id":"A-1"}`, `{"hold_id":"h3"}`},
		"transfer": {
			`{"reference":"r","currency":"EUR","amount":5,"to":"B-1","from":"A-1"}`,
			`{"from":"A-1","to":"B-1","amount":5,"currency":"EUR","reference":"r"}`,
		},
	}
	for _, o := range new(Service).Operations() {
		form, ok := forms[o.Op]
		if !ok {
			t.Errorf("%s has no form here", o.Op)
			continue
		}
		f := web.ParseFields([]byte(form[0]))
		o.Decode(f)
		if p := f.Problem(); p != nil || string(f.Canonical()) != form[1] {
			t.Errorf("%s: %v %s", o.Op, p, f.Canonical())
		}
	}
}

// A decoder accepts any body or says what is wrong with it, and what it accepted can be decoded
// from its canonical form again.
func FuzzOperations(f *testing.F) {
	f.Add([]byte(`{"account_id":"A-1","amount":5,"currency":"EUR","kind":"card","reference":"\u00e9","effective_at":"2026-11-21"}`))
	f.Add([]byte(`{"account_id":"A-1","hold_id":"h3","amount":5,"final":false}`))
	f.Add([]byte(`{"from":"A-1","to":"B-1","amount":5,"currency":"EUR"}`))
	f.Add([]byte(`{"account_id":"A-1","transaction_id":"t3","reason":"error"}`))
	f.Add([]byte(`{"account_id":"A-1","amount":-1,"x":[{}],"currency":null}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, o := range new(Service).Operations() {
			fields := web.ParseFields(body)
			call := o.Decode(fields)
			if fields.Problem() != nil {
				continue
			}
			canonical := append([]byte(nil), fields.Canonical()...)
			again := web.ParseFields(canonical)
			if o.Op != "transfer" && bytes.Contains(body, []byte("account_id")) {
				again.AddParam("account_id", call.AccountID)
			}
			if got := o.Decode(again); again.Problem() != nil || !bytes.Equal(again.Canonical(), canonical) || got.AccountID != call.AccountID {
				t.Fatalf("%s: %q became %q: %v", o.Op, body, canonical, again.Problem())
			}
		}
	})
}

func TestTransferWithIfMatchMovesBothSides(t *testing.T) {
	b := serve(t)
	b.open("A-1", 100)
	b.open("B-1", 0)
	r := b.client.Post("/v1/transfers", "k", `{"from":"A-1","to":"B-1","amount":40,"currency":"EUR"}`, "If-Match", `"2"`)
	if r.Status != 201 {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	for id, posted := range map[string]int64{"A-1": 60, "B-1": 40} {
		head, err := b.journal.Head(t.Context(), event.Account{Tenant: access.MainTenant, ID: id})
		if err != nil || head.State.Posted != posted {
			t.Fatalf("%s has %d, %v", id, head.State.Posted, err)
		}
	}
}

// BenchmarkDecode measures what a withdrawal costs from its body to the command that is decided.
func BenchmarkDecode(b *testing.B) {
	withdraw := new(Service).Operations()[0]
	body := []byte(`{"amount":2500,"currency":"EUR","kind":"card","reference":"shop 17"}`)
	var f web.Fields
	b.ReportAllocs()
	for b.Loop() {
		f.Parse(body)
		f.AddParam("account_id", "A-1")
		withdraw.Decode(&f)
		if f.Problem() != nil {
			b.Fatal(f.Problem())
		}
	}
}

func TestValidateNamesFieldsAsTheyAreDecoded(t *testing.T) {
	apitest.Shapes(t, Withdraw{}, PlaceHold{}, CaptureHold{}, ReleaseHold{}, ReverseWithdrawal{}, Transfer{}, Expire{})
}
