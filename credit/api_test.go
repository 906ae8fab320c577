package credit

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"passbook/shared/access"
	"passbook/shared/account"
	"passbook/shared/api"
	"passbook/shared/api/apitest"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/storetest"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/web"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// discard is an outbox for tests without a stream.
type discard struct{}

func (discard) Publish(...journal.Committed)    {}
func (discard) Full() bool                      { return false }
func (discard) Pace(event.Account, func()) bool { return false }

// serve starts the service on the embedded engine.
func serve(t testing.TB) (*apitest.Client, *api.Server, *journal.Journal) {
	t.Helper()
	tbl := storetest.Memory(t, pebblestream.Options{}, journal.Schemas...).Table
	j, err := journal.Open(t.Context(), journal.Config{Table: tbl, Outbox: discard{}})
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
	service, err := New(Config{Journal: j})
	if err != nil {
		t.Fatal(err)
	}
	server := api.New(api.Config{Web: web.Config{Service: "credit", Logger: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(), Timeout: 20 * time.Second}})
	server.Operations(service.Operations()...)
	return apitest.New(t, server.Handler()).WithCanary("CANARY"), server, j
}

func TestRoutesAreTheContracts(t *testing.T) {
	_, server, _ := serve(t)
	apitest.Routes(t, server, "credit", "process")
}

func TestOpenAndCreditOverHTTP(t *testing.T) {
	c, _, _ := serve(t)
	r := c.Post("/v1/accounts", "k1", `{"account_id":"A-1","currency":"EUR","credit_limit":10000,"holder_ref":"H-1","product":"giro"}`)
	if r.Status != 201 || r.Header.Get("Location") != "/v1/accounts/A-1" || r.Header.Get("ETag") != `"1"` {
		t.Fatalf("%d %v %s", r.Status, r.Header, r.Body)
	}
	r = c.Post("/v1/accounts/A-1/credits", "k2", `{"amount":5000,"currency":"EUR"}`)
	if r.Status != 201 || r.Text("transaction_id") != "t2" || r.Header.Get("Location") != "" {
		t.Fatalf("%d %v %s", r.Status, r.Header, r.Body)
	}
	again := c.Post("/v1/accounts/A-1/credits", "k2", `{"currency":"EUR","amount":5000}`)
	if again.Header.Get("Idempotency-Replayed") != "true" || string(again.Body) != string(r.Body) {
		t.Fatalf("%v %s", again.Header, again.Body)
	}
	short := c.Post("/credit", "k2", `{"account_id":"A-1","currency":"EUR","amount":5000}`)
	if string(short.Body) != string(r.Body) {
		t.Fatalf("short form: %s", short.Body)
	}
}

// Without an id, the account's id is made from the key, so that a repeated command finds the
// account that the first one opened.
func TestOpenWithoutAnID(t *testing.T) {
	c, _, _ := serve(t)
	first := c.Post("/v1/accounts", "k1", `{"currency":"EUR"}`)
	again := c.Post("/v1/accounts", "k1", `{"currency":"EUR"}`)
	if first.Status != 201 || string(first.Body) != string(again.Body) || again.Header.Get("Idempotency-Replayed") != "true" {
		t.Fatalf("%s\n%s", first.Body, again.Body)
	}
	if id := first.Text("account_id"); id != account.MakeID("main", "k1") || first.Header.Get("Location") != "/v1/accounts/"+id {
		t.Fatalf("%s", first.Body)
	}
	if other := c.Post("/v1/accounts", "k2", `{"currency":"EUR"}`); other.Text("account_id") == first.Text("account_id") {
		t.Fatal("two keys opened one account")
	}
	if reused := c.Post("/v1/accounts", "k1", `{"currency":"USD"}`); reused.Code() != "idempotency-key-reused" {
		t.Fatalf("%s", reused.Body)
	}
}

func TestLimitAndStatus(t *testing.T) {
	c, _, _ := serve(t)
	c.Post("/v1/accounts", "open", `{"account_id":"A-1","currency":"EUR"}`)
	expires := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	r := c.Put("/v1/accounts/A-1/credit-limit", "limit", `{"limit":500,"reason":"review","decided_by":"desk 4","decision_ref":"D-1","expires_at":"`+expires+`"}`)
	if r.Status != 200 || r.Header.Get("ETag") != `"2"` || r.Text("transaction_id") != "" || !strings.Contains(string(r.Body), `"limit":500,"available":500`) {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	if r := c.Put("/v1/accounts/A-1/credit-limit", "limit-2", `{"limit":0}`); r.Status != 200 || !strings.Contains(string(r.Body), `"limit":0`) {
		t.Fatalf("0 is a limit: %d %s", r.Status, r.Body)
	}
	for i, step := range []struct{ path, body string }{
		{"freeze", ``}, {"unfreeze", `{"reason_code":"cleared"}`}, {"freeze", `{"scope":"all","reason_code":"court"}`}, {"unfreeze", `{}`}, {"close", ``},
	} {
		if r := c.Post("/v1/accounts/A-1/"+step.path, fmt.Sprint("s", i), step.body); r.Status != 201 || r.Int("version") != int64(i+4) {
			t.Errorf("%s: %d %s", step.path, r.Status, r.Body)
		}
	}
}

func TestReversalOverHTTP(t *testing.T) {
	c, _, j := serve(t)
	c.Post("/v1/accounts", "open", `{"account_id":"A-1","currency":"EUR"}`)
	c.Post("/v1/accounts/A-1/credits", "c", `{"amount":100,"currency":"EUR"}`)
	spend(t, j, "A-1", 50)
	declined := c.Post("/v1/accounts/A-1/credits/t2/reversal", "r1", `{"reason":"returned"}`)
	if declined.Code() != "insufficient-funds" || declined.Int("shortfall") != 50 {
		t.Fatalf("%s", declined.Body)
	}
	forced := c.Post("/v1/accounts/A-1/credits/t2/reversal", "r2", `{"reason":"returned","force":true}`)
	if forced.Status != 201 || forced.Text("transaction_id") != "t5" || !strings.Contains(string(forced.Body), `"posted":-50`) {
		t.Fatalf("%s", forced.Body)
	}
	again := c.Post("/v1/accounts/A-1/credits/t2/reversal", "r2", `{"reason":"returned","force":true}`)
	if string(again.Body) != string(forced.Body) || again.Header.Get("Idempotency-Replayed") != "true" {
		t.Fatalf("%s", again.Body)
	}
	for transaction, want := range map[string]string{
		"t2": "409 already-reversed", "t3": "404 transaction-not-found", "t5": "422 not-reversible", "t99": "404 transaction-not-found", "CANARY": "404 transaction-not-found",
	} {
		r := c.Post("/v1/accounts/A-1/credits/"+transaction+"/reversal", "x"+transaction, "")
		if got := fmt.Sprint(r.Status, " ", r.Code()); got != want {
			t.Errorf("%s: %s, not %s", transaction, got, want)
		}
	}
}

// A parameter that is not known could be one that protects: a command with it is not carried out.
func TestUnknownParametersOfCommandsAreRefused(t *testing.T) {
	c, _, _ := serve(t)
	c.Post("/v1/accounts", "open", `{"account_id":"A-1","currency":"EUR"}`)
	for path, want := range map[string]string{
		"/v1/accounts/A-1/credits?preview=true": "[/preview unknown-field]", "/v1/accounts/A-1/credits?CANARY%20=1": "[ unknown-field]",
		"/credit?validate_only": "[/validate_only unknown-field]", "/v1/accounts/A-1/freeze?x=%zz": "[ syntax]", "/v1/bulk?preview=true": "[/preview unknown-field]",
	} {
		header := []string{"Idempotency-Key", "k"}
		if strings.HasPrefix(path, "/v1/bulk") {
			header = []string{"Content-Type", "application/x-ndjson"}
		}
		r := c.Do("POST", path, `{"account_id":"A-1","amount":1,"currency":"EUR"}`, header...)
		if r.Status != 400 || fmt.Sprint(r.Errors()) != want {
			t.Errorf("%s: %d %s", path, r.Status, r.Body)
		}
	}
	if r := c.Post("/v1/accounts/A-1/credits", "k", `{"amount":1,"currency":"EUR"}`); r.Status != 201 || r.Int("version") != 2 || r.Header.Get("Idempotency-Replayed") != "" {
		t.Errorf("something was stored: %s", r.Body)
	}
}

// spend takes money out, as withdraw does in a bank.
func spend(t *testing.T, j *journal.Journal, id string, amount int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	r, err := j.Execute(ctx, journal.Command{
		Account: event.Account{Tenant: access.MainTenant, ID: id}, Key: "spend", Request: journal.RequestHash("spend", id, nil),
		CorrelationID: "c", Actor: event.Text{Plain: "test"}, Status: 201,
		Decide: func(s account.State, now time.Time) account.Decision {
			d := account.NewDraft(s, now)
			d.Debit(event.OpWithdraw, event.MoneyWithdrawn{Amount: amount, Kind: event.KindCash}, d.Today())
			return d.Decision()
		},
	})
	if err != nil || r.Rejection != nil {
		t.Fatalf("%v %+v", err, r.Rejection)
	}
}

func TestRulesThatRefuse(t *testing.T) {
	c, _, j := serve(t)
	for _, id := range []string{"A-1", "used", "frozen", "closed", "rich"} {
		c.Post("/v1/accounts", "open", `{"account_id":"`+id+`","currency":"EUR","credit_limit":100}`)
	}
	c.Post("/v1/accounts/A-1/credits", "c", `{"amount":1,"currency":"EUR"}`)
	spend(t, j, "used", 50)
	c.Post("/v1/accounts/frozen/freeze", "f", `{"scope":"all"}`)
	c.Post("/v1/accounts/closed/close", "f", ``)
	c.Post("/v1/accounts/rich/credits", "c", `{"amount":9007199254740991,"currency":"EUR"}`)
	for _, want := range []struct{ method, path, body, code string }{
		{"POST", "/v1/accounts", `{"account_id":"A-1","currency":"EUR"}`, "409 account-exists"},
		{"POST", "/v1/accounts", `{"account_id":"B-1","currency":"XXX"}`, "422 unsupported-currency"},
		{"POST", "/v1/accounts/no-such/credits", `{"amount":1,"currency":"EUR"}`, "404 account-not-found"},
		{"POST", "/v1/accounts/A-1/credits", `{"amount":1,"currency":"USD"}`, "422 currency-mismatch"},
		{"POST", "/v1/accounts/frozen/credits", `{"amount":1,"currency":"EUR"}`, "409 account-frozen"},
		{"POST", "/v1/accounts/closed/credits", `{"amount":1,"currency":"EUR"}`, "409 account-closed"},
		{"POST", "/v1/accounts/rich/credits", `{"amount":1,"currency":"EUR"}`, "422 balance-overflow"},
		{"POST", "/v1/accounts/A-1/credits", `{"amount":1,"currency":"EUR","effective_at":"9999-12-31"}`, "422 date-out-of-range"},
		{"POST", "/v1/accounts/A-1/close", ``, "409 account-not-empty"},
		{"PUT", "/v1/accounts/used/credit-limit", `{"limit":49}`, "409 limit-below-usage"},
	} {
		r := c.Do(want.method, want.path, want.body, "Idempotency-Key", want.path+want.body)
		if got := fmt.Sprint(r.Status, " ", r.Code()); got != want.code {
			t.Errorf("%s %s: %s, not %s\n%s", want.path, want.body, got, want.code, r.Body)
		}
		if r.Code() == account.CodeLimitBelowUsage && r.Int("in_use") != 50 {
			t.Errorf("%s", r.Body)
		}
	}
}

func TestBadInputNamesTheFieldAndStoresNothing(t *testing.T) {
	c, _, j := serve(t)
	c.Post("/v1/accounts", "open", `{"account_id":"A-1","currency":"EUR"}`)
	long := strings.Repeat("x", 141)
	for body, want := range map[string]string{
		``:                                     "validation-failed [/amount required /currency required]",
		`{`:                                    "malformed-request [ syntax]",
		`{"amount":1,"currency":"EUR"} {}`:     "malformed-request [ trailing-data]",
		`["CANARY"]`:                           "malformed-request [ not-an-object]",
		`"CANARY"`:                             "malformed-request [ not-an-object]",
		`null`:                                 "malformed-request [ not-an-object]",
		"{\"amount\":1,\"currency\":\"\xff\"}": "malformed-request [ not-utf-8]",
		`{"amount":01,"currency":"EUR"}`:       "malformed-request [ syntax]",
		`{"amount":+1,"currency":"EUR"}`:       "malformed-request [ syntax]",
		`{"amount":NaN,"currency":"EUR"}`:      "malformed-request [ syntax]",
		`{'amount':1}`:                         "malformed-request [ syntax]",
		`{"amount":1,}`:                        "malformed-request [ syntax]",
		`{"amount":1,"currency":"EUR","a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`: "malformed-request [ too-deep]",
		`{"amount":0,"currency":"EUR"}`:                                "validation-failed [/amount out-of-range]",
		`{"amount":-5,"currency":"EUR"}`:                               "validation-failed [/amount out-of-range]",
		`{"amount":-0,"currency":"EUR"}`:                               "validation-failed [/amount out-of-range]",
		`{"amount":9007199254740992,"currency":"EUR"}`:                 "validation-failed [/amount out-of-range]",
		`{"amount":99999999999999999999999999999999,"currency":"EUR"}`: "validation-failed [/amount out-of-range]",
		`{"amount":1.5,"currency":"EUR"}`:                              "validation-failed [/amount not-an-integer]",
		`{"amount":1e-2,"currency":"EUR"}`:                             "validation-failed [/amount not-an-integer]",
		`{"amount":"1","currency":"EUR"}`:                              "validation-failed [/amount wrong-type]",
		`{"amount":null,"currency":"EUR"}`:                             "validation-failed [/amount wrong-type]",
		`{"amount":{"CANARY":1},"currency":"EUR"}`:                     "validation-failed [/amount wrong-type]",
		`{"amount":1,"currency":"eur"}`:                                "validation-failed [/currency syntax]",
		`{"amount":1,"currency":""}`:                                   "validation-failed [/currency syntax]",
		`{"amount":1,"currency":"EUR","amount":1}`:                     "validation-failed [/amount duplicate-field]",
		`{"amount":1,"currency":"EUR","memo":"CANARY"}`:                "validation-failed [/memo unknown-field]",
		`{"amount":1,"currency":"EUR","CANARY value":1}`:               "validation-failed [ unknown-field]",
		`{"amount":1,"currency":"EUR","account_id":"CANARY"}`:          "validation-failed [/account_id unknown-field]",
		`{"amount":1,"currency":"EUR","kind":"CANARY"}`:                "validation-failed [/kind not-one-of]",
		`{"amount":1,"currency":"EUR","kind":"transfer_in"}`:           "validation-failed [/kind not-one-of]",
		`{"amount":1,"currency":"EUR","reference":"` + long + `"}`:     "validation-failed [/reference too-long]",
		`{"amount":1,"currency":"EUR","reference":"\ud800"}`:           "validation-failed [/reference syntax]",
		`{"amount":1,"currency":"EUR","contra":"` + long + `"}`:        "validation-failed [/contra syntax]",
		`{"amount":1,"currency":"EUR","effective_at":"2026-02-30"}`:    "validation-failed [/effective_at syntax]",
		`{"amount":"CANARY","currency":5,"x":1}`:                       "validation-failed [/amount wrong-type /currency wrong-type /x unknown-field]",
	} {
		r := c.Post("/v1/accounts/A-1/credits", "bad", body)
		if got := fmt.Sprint(r.Code(), " ", r.Errors()); r.Status != 400 || got != want {
			t.Errorf("%s: %d %s, not %s", body, r.Status, got, want)
		}
	}
	for body, want := range map[string]string{
		`{"account_id":"A-9"}`:                                       "validation-failed [/currency required]",
		`{"account_id":"A-9","currency":"eur"}`:                      "validation-failed [/currency syntax]",
		`{"account_id":"A-9","currency":"EUR","credit_limit":-1}`:    "validation-failed [/credit_limit out-of-range]",
		`{"account_id":"A-9","currency":"EUR","product":"CANARY #"}`: "validation-failed [/product syntax]",
		`{"account_id":"A-9","currency":"EUR","holder_ref":"a b"}`:   "validation-failed [/holder_ref syntax]",
	} {
		r := c.Post("/v1/accounts", "bad opening", body)
		if got := fmt.Sprint(r.Code(), " ", r.Errors()); r.Status != 400 || got != want {
			t.Errorf("%s: %d %s, not %s", body, r.Status, got, want)
		}
	}
	// Nothing was stored under the key that all of them used.
	if r := c.Post("/v1/accounts/A-1/credits", "bad", `{"amount":1,"currency":"EUR"}`); r.Status != 201 || r.Int("version") != 2 {
		t.Errorf("%s", r.Body)
	}
	for path, want := range map[string]string{
		"/v1/accounts/CANARY%20/credits": "400 [/account_id syntax]",
		"/v1/accounts/a%23b/credits":     "400 [/account_id syntax]",
	} {
		r := c.Post(path, "k", `{"amount":1,"currency":"EUR"}`)
		if got := fmt.Sprint(r.Status, " ", r.Errors()); got != want {
			t.Errorf("%s: %s, not %s", path, got, want)
		}
	}
	head, err := j.Head(t.Context(), event.Account{Tenant: access.MainTenant, ID: "A-1"})
	if err != nil || head.State.Version != 2 {
		t.Errorf("%+v %v", head.State, err)
	}
}

func TestHeadersOfACommand(t *testing.T) {
	c, _, _ := serve(t)
	c.Post("/v1/accounts", "open", `{"account_id":"A-1","currency":"EUR"}`)
	const path, body = "/v1/accounts/A-1/credits", `{"amount":1,"currency":"EUR"}`
	for name, want := range map[string]struct {
		header []string
		code   string
	}{
		"no key":            {nil, "400 idempotency-key-missing"},
		"empty key":         {[]string{"Idempotency-Key", ""}, "400 idempotency-key-missing"},
		"long key":          {[]string{"Idempotency-Key", strings.Repeat("k", 256)}, "400 idempotency-key-invalid"},
		"key not ASCII":     {[]string{"Idempotency-Key", "schlüssel"}, "400 idempotency-key-invalid"},
		"longest key":       {[]string{"Idempotency-Key", strings.Repeat("k", 255)}, "201 "},
		"another type":      {[]string{"Idempotency-Key", "t1", "Content-Type", "text/plain"}, "415 unsupported-media-type"},
		"form":              {[]string{"Idempotency-Key", "t2", "Content-Type", "application/x-www-form-urlencoded"}, "415 unsupported-media-type"},
		"another charset":   {[]string{"Idempotency-Key", "t3", "Content-Type", "application/json; charset=latin1"}, "415 unsupported-media-type"},
		"the same charset":  {[]string{"Idempotency-Key", "t4", "Content-Type", "application/json; charset=UTF-8"}, "201 "},
		"compressed":        {[]string{"Idempotency-Key", "t5", "Content-Encoding", "gzip"}, "415 unsupported-media-type"},
		"newline-delimited": {[]string{"Idempotency-Key", "t6", "Content-Type", "application/x-ndjson"}, "415 unsupported-media-type"},
	} {
		r := c.Do("POST", path, body, want.header...)
		if got := fmt.Sprint(r.Status, " ", r.Code()); got != want.code {
			t.Errorf("%s: %s, not %s", name, got, want.code)
		}
	}
	big := `{"amount":1,"currency":"EUR","reference":"` + strings.Repeat("CANARY", 64<<10/6) + `"}`
	if r := c.Post(path, "big", big); r.Status != 413 || r.Code() != web.BodyTooLarge.Code {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}

// The canonical form of a command is compared when its key is repeated, also with commands that an
// older program accepted. It does not change.
func TestCanonicalForms(t *testing.T) {
	forms := map[string][2]string{
		"open": {
			`{"credit_limit":0,"product":"giro","holder_ref":"H-1","currency":"EUR","account_id":"A-1"}`,
			`{"currency":"EUR","holder_ref":"H-1","product":"giro","credit_limit":0}`,
		},
		"credit": {
			`{"effective_at":"2026-11-21","contra":"atm","reference":"r","kind":"deposit","currency":"EUR","amount":5,"account_id":"A-1"}`,
			`{"amount":5,"currency":"EUR","kind":"deposit","reference":"r","contra":"atm","effective_at":"2026-11-21"}`,
		},
		"reverse": {`{"force":true,"reason":"r","transaction_id":"t3","account_id":"A-1"}`, `{"transaction_id":"t3","reason":"r","force":true}`},
		"set-limit": {
			`{"force":false,"expires_at":"2026-11-21T08:00:00Z","decision_ref":"D","decided_by":"desk","reason":"r","limit":5,"account_id":"A-1"}`,
			`{"limit":5,"reason":"r","decided_by":"desk","decision_ref":"D","expires_at":"2026-11-21T08:00:00Z","force":false}`,
		},
		"freeze":   {`{"reason_code":"court","scope":"all","account_id":"A-1"}`, `{"scope":"all","reason_code":"court"}`},
		"unfreeze": {`{"reason_code":"court","account_id":"A-1"}`, `{"reason_code":"court"}`},
		"close":    {`{"reason_code":"court","account_id":"A-1"}`, `{"reason_code":"court"}`},
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
	f.Add([]byte(`{"account_id":"A-1","amount":5,"currency":"EUR","kind":"deposit","reference":"\u00e9","effective_at":"2026-11-21"}`))
	f.Add([]byte(`{"currency":"EUR","holder_ref":"H-1","credit_limit":0}`))
	f.Add([]byte(`{"account_id":"A-1","limit":5,"force":true,"expires_at":"2026-11-21T08:00:00Z"}`))
	f.Add([]byte(`{"account_id":"A-1","scope":"all","reason_code":"court"}`))
	f.Add([]byte(`{"account_id":"A-1","transaction_id":"t3","reason":"error","force":false}`))
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

func TestValidateNamesFieldsAsTheyAreDecoded(t *testing.T) {
	apitest.Shapes(t, Open{}, Credit{}, SetLimit{}, Freeze{}, Unfreeze{}, Close{}, ReverseCredit{})
}
