package routes_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/access"
	"passbook/shared/api"
	"passbook/shared/api/apitest"
	"passbook/shared/control"
	"passbook/shared/event"
	"passbook/shared/faults"
	"passbook/shared/journal"
	"passbook/shared/opslog"
	"passbook/shared/storetest"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/table"
	"passbook/shared/web"
	"passbook/shared/webhook"
	"passbook/shared/webhook/delivery"
	"passbook/shared/webhook/routes"
)

// turned wraps a secret by turning its bytes, so that a row that has it plain is noticed.
type turned struct{}

func (turned) Wrap(_ context.Context, _ string, plain []byte) ([]byte, error) {
	for i := range plain {
		plain[i] ^= 0xff
	}
	return plain, nil
}

func (w turned) Unwrap(ctx context.Context, bank string, b []byte) ([]byte, error) {
	return w.Wrap(ctx, bank, slices.Clone(b))
}

// fixture is a server of the routes, with callers of two tenants.
type fixture struct {
	*apitest.Client
	table    *faults.Table
	receiver *httptest.Server
	received []string
}

func serve(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{table: storetest.Memory(t, pebblestream.Options{}, append(slices.Clone(journal.Schemas), delivery.Schema)...).Table}
	f.receiver = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		f.received = append(f.received, fmt.Sprint(string(body), err, r.Header.Get(webhook.HeaderSignature) != ""))
		if r.URL.Path == "/refuses" {
			w.WriteHeader(http.StatusTeapot)
		}
	}))
	t.Cleanup(f.receiver.Close)
	callers := apitest.Tenants("north", "south")
	callers["reads"] = &access.Principal{Actor: "key:reads", Tenant: "north", Scopes: access.WebhooksRead}
	callers["small"] = &access.Principal{Actor: "key:small", Tenant: "north", Scopes: access.All &^ (access.WebhooksRead | access.WebhooksWrite)}
	allowed := delivery.Allowed{netip.MustParsePrefix("127.0.0.0/8")}
	serves := &routes.API{
		Table: f.table, Registry: webhook.NewRegistry(webhook.Config{Table: f.table, Keys: turned{}, Bank: "bank"}),
		Store: delivery.NewStore(f.table, journal.NewReader(f.table), time.Now), Client: delivery.NewClient("test", allowed, time.Now), Allowed: allowed, Now: time.Now,
	}
	server := api.New(api.Config{Web: web.Config{Service: "bank", Logger: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(), Auth: callers}})
	server.Mount(serves.Routes()...)
	f.Client = apitest.New(t, server.Handler())
	return f
}

const list = "/v1/webhooks"

func (f *fixture) add(t *testing.T, body string) (id, secret string) {
	t.Helper()
	r := f.As("north").Do("POST", list, body)
	if r.Status != 201 || r.Header.Get("Location") != list+"/"+r.Text("webhook_id") || !strings.HasPrefix(r.Text("secret"), "whsec_") {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	return r.Text("webhook_id"), r.Text("secret")
}

func TestSecretsAreShownOnceAndNeverStored(t *testing.T) {
	f := serve(t)
	id, first := f.add(t, `{"url":"https://example.com/a","types":["MoneyCredited","AccountOpened"],"accounts":["A-1"],"description":"Ledger of sales"}`)
	second := f.As("north").Do("POST", list+"/"+id+"/secret", "").Text("secret")
	third := f.As("north").Do("POST", list+"/"+id+"/secret", `{"keep_seconds":0}`).Text("secret")
	if first == second || second == third || third == "" {
		t.Errorf("%q, %q, %q", first, second, third)
	}
	for _, path := range []string{list, list + "/" + id} {
		r := f.As("reads").Get(path)
		if r.Status != 200 || !strings.Contains(string(r.Body), `"types":["AccountOpened","MoneyCredited"]`) || strings.Count(string(r.Body), "secret_id") != 1 {
			t.Errorf("%d %s", r.Status, r.Body)
		}
		for _, secret := range []string{first, second, third} {
			if strings.Contains(string(r.Body), secret) {
				t.Errorf("%s shows a secret: %s", path, r.Body)
			}
		}
	}
	for row, err := range control.Webhooks(f.table).List(t.Context()) {
		if err != nil || strings.Contains(fmt.Sprint(row.Attrs), third) || strings.Contains(fmt.Sprint(row.Attrs), fmt.Sprint([]byte(third))) {
			t.Errorf("%v: %v", err, row)
		}
	}
}

func TestEveryWrongFieldIsNamed(t *testing.T) {
	f := serve(t)
	id, _ := f.add(t, `{"url":"https://example.com/a"}`)
	one := list + "/" + id
	for _, tt := range []struct{ method, path, body, wrong string }{
		{"POST", list, `{}`, "/url"}, {"POST", list, `{"url":"http://example.com:1/"}`, ""}, {"POST", list, `{"url":"ftp://x"}`, "/url"}, {"POST", list, `{"url":"https://10.0.0.1"}`, "/url"},
		{"POST", list, `{"url":"https://b.example","types":["Nothing"]}`, "/types"}, {"POST", list, `{"url":"https://b.example","types":"MoneyCredited"}`, "/types"},
		{"POST", list, `{"url":"https://b.example","types":[1]}`, "/types"}, {"POST", list, `{"url":"https://b.example","accounts":["-"]}`, "/accounts"},
		{"POST", list, `{"url":"https://b.example","accounts":{}}`, "/accounts"}, {"POST", list, `{"url":"https://b.example","from":"tomorrow"}`, "/from"},
		{"POST", list, `{"url":"https://b.example","from":"2999-01-01T00:00:00Z"}`, "/from"}, {"POST", list, `{"url":"https://b.example","description":"` + strings.Repeat("x", 65) + `"}`, "/description"},
		{"POST", list, `{"url":"https://b.example","secret":"x"}`, "/secret"}, {"PATCH", one, `{"paused":"yes"}`, "/paused"}, {"PATCH", one, `{"from":"earliest"}`, "/from"}, {"PATCH", one, `{"description":null}`, "/description"}, {"PATCH", one, `{"description":"\ud800"}`, "/description"}, {"PATCH", one, `{"description":"a\nb"}`, "/description"},
		{"POST", one + "/secret", `{"keep_seconds":-1}`, "/keep_seconds"}, {"POST", one + "/secret", `{"keep_seconds":604801}`, "/keep_seconds"},
		{"POST", one + "/replay", `{"from_version":1}`, "/from_version"}, {"POST", one + "/replay", `{"account_id":"A-1","from_version":0}`, "/from_version"},
		{"POST", one + "/replay", `{"account_id":"#"}`, "/account_id"}, {"POST", one + "/test", `{"a":1}`, "/a"}, {"GET", one + "/deliveries?state=lost", "", "/state"}, {"GET", list + "?a=1", "", "/a"},
	} {
		r := f.As("north").Do(tt.method, tt.path, tt.body)
		if tt.wrong == "" { // http:// is taken where a network is allowed; the dialer refuses the rest
			if r.Status != 201 {
				t.Errorf("%s %s: %d %s", tt.path, tt.body, r.Status, r.Body)
			}
			continue
		}
		if r.Status != 400 || !strings.Contains(string(r.Body), `"pointer":"`+tt.wrong+`"`) {
			t.Errorf("%s %s %s: %d %s", tt.method, tt.path, tt.body, r.Status, r.Body)
		}
	}
}

func TestNobodyElseFindsAWebhook(t *testing.T) {
	f := serve(t)
	id, _ := f.add(t, `{"url":"https://example.com/a"}`)
	one := list + "/" + id
	for _, tt := range []struct{ method, path, body string }{
		{"GET", one, ""}, {"PATCH", one, `{"paused":true}`}, {"DELETE", one, ""}, {"POST", one + "/secret", ""}, {"POST", one + "/test", ""}, {"GET", one + "/deliveries", ""}, {"POST", one + "/replay", ""},
	} {
		for caller, want := range map[string]int{"": 401, "small": 403, "south": 404} {
			if r := f.As(caller).Do(tt.method, tt.path, tt.body); r.Status != want {
				t.Errorf("%s %s as %q: %d %s", tt.method, tt.path, caller, r.Status, r.Body)
			}
		}
		if tt.method != "GET" {
			if r := f.As("reads").Do(tt.method, tt.path, tt.body); r.Status != 403 {
				t.Errorf("%s %s by who may read: %d", tt.method, tt.path, r.Status)
			}
		}
	}
	if r := f.As("south").Get(list); r.Status != 200 || strings.Contains(string(r.Body), id) {
		t.Errorf("%s", r.Body)
	}
}

func TestAWebhookIsChangedTestedAndRemoved(t *testing.T) {
	f := serve(t)
	id, _ := f.add(t, `{"url":"`+f.receiver.URL+`/takes"}`)
	one, north := list+"/"+id, f.As("north")
	if r := north.Do("POST", list, `{"url":"`+f.receiver.URL+`/takes"}`); r.Code() != "webhook-exists" {
		t.Errorf("the same URL: %s", r.Body)
	}
	if r := north.Do("POST", one+"/test", ""); r.Status != 200 || !strings.Contains(string(r.Body), `"taken":true,"status":200`) {
		t.Errorf("%s", r.Body)
	}
	if r := north.Do("PATCH", one, `{"url":"`+f.receiver.URL+`/refuses","types":["MoneyCredited"],"paused":true}`); r.Text("state") != "paused" || r.Text("cause") == "" {
		t.Errorf("%s", r.Body)
	}
	if r := north.Do("POST", one+"/test", ""); !strings.Contains(string(r.Body), `"taken":false,"status":418`) {
		t.Errorf("%s", r.Body)
	}
	if len(f.received) != 2 || !strings.Contains(f.received[0], "WebhookTest") || !strings.HasSuffix(f.received[0], "true") {
		t.Errorf("%v", f.received)
	}
	if r := north.Do("PATCH", one, `{"paused":false,"types":[],"description":"Sales"}`); r.Text("state") != "active" || !strings.Contains(string(r.Body), `"types":[]`) || r.Text("description") != "Sales" {
		t.Errorf("%s", r.Body)
	}
	if r := north.Do("PATCH", one, `{"accounts":["A-1"]}`); r.Text("description") != "Sales" || !strings.Contains(string(r.Body), `"accounts":["A-1"]`) {
		t.Errorf("%s", r.Body)
	}
	if r := north.Do("PATCH", one, `{"description":""}`); r.Status != 200 || strings.Contains(string(r.Body), "description") {
		t.Errorf("a description that was cleared: %s", r.Body)
	}
	if r := north.Do("POST", one+"/replay", `{"account_id":"A-1"}`); r.Code() != "delivery-not-found" {
		t.Errorf("%s", r.Body)
	}
	if r := north.Do("DELETE", one, ""); r.Status != 204 {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	if r := north.Get(one); r.Code() != "webhook-not-found" {
		t.Errorf("%s", r.Body)
	}
	actions, _, err := opslog.List(t.Context(), f.table, opslog.Page{Tenant: "north", Limit: 100})
	var jobs []string
	for _, a := range actions {
		jobs = append(jobs, a.Job+" "+a.State)
		// a path may be a secret of the receiver
		if strings.Contains(a.Params, "/takes") || strings.Contains(a.Params, "/refuses") || a.Job == "webhook-add" && !strings.Contains(a.Params, f.receiver.URL) {
			t.Errorf("%s logs %s", a.Job, a.Params)
		}
	}
	want := []string{"webhook-remove done", "webhook-replay failed", "webhook-change done", "webhook-change done", "webhook-change done", "webhook-change done", "webhook-add failed", "webhook-add done"}
	if err != nil || !slices.Equal(jobs, want) {
		t.Errorf("%v, %v", jobs, err)
	}
}

func TestDeliveriesAreListedByStateAndReplayed(t *testing.T) {
	f := serve(t)
	id, _ := f.add(t, `{"url":"https://example.com/a"}`)
	one, north := list+"/"+id, f.As("north")
	at := time.UnixMilli(1796042408000)
	for i := range 5 {
		row := delivery.Row{Endpoint: id, Account: event.Account{Tenant: "north", ID: fmt.Sprint("A-", i)}, Next: 2, Seen: 3, State: delivery.Dead, At: at.Add(time.Duration(i) * time.Second), Attempts: 9, FailedAt: at, Status: 500, Error: "it answered 500", Rev: 1}
		if err := f.table.Put(t.Context(), table.Put{Table: delivery.Table, Row: row.Item(), If: table.Absent()}); err != nil {
			t.Fatal(err)
		}
	}
	var dead []string
	for path := one + "/deliveries?state=dead&limit=2"; path != ""; {
		r := north.Get(path)
		page := apitest.Decode[struct {
			Deliveries []routes.Delivery `json:"deliveries"`
			Next       string            `json:"next_cursor"`
		}](t, r)
		for _, d := range page.Deliveries {
			dead = append(dead, fmt.Sprint(d.AccountID, d.State, d.Next, d.Seen, d.Attempts, d.LastStatus))
		}
		if path = ""; page.Next != "" {
			path = one + "/deliveries?state=dead&limit=2&cursor=" + page.Next
			if r := f.As("south").Get(path); r.Status != 400 {
				t.Errorf("another tenant's cursor: %d", r.Status)
			}
		}
	}
	if len(dead) != 5 || dead[4] != "A-4dead2 3 9 500" && dead[4] != "A-4 dead 2 3 9 500" {
		t.Errorf("%q", dead)
	}
	if r := north.Do("POST", one+"/replay", `{"account_id":"A-1","from_version":1}`); r.Int("accounts") != 1 {
		t.Errorf("%s", r.Body)
	}
	if r := north.Do("POST", one+"/replay", ""); r.Int("accounts") != 4 {
		t.Errorf("%s", r.Body)
	}
	r := north.Get(one + "/deliveries")
	if strings.Count(string(r.Body), `"state":"pending"`) != 5 || strings.Count(string(r.Body), `"next_version":2`) != 4 || strings.Contains(string(r.Body), "attempts") {
		t.Errorf("%s", r.Body)
	}
	if r := north.Do("POST", one+"/replay", `{"account_id":"A-1","from_version":4}`); r.Code() != "delivery-not-found" {
		t.Errorf("a version that is not there: %s", r.Body)
	}
}

func TestAChangeThatCannotBeStoredIsAnsweredSo(t *testing.T) {
	f := serve(t)
	f.table.Arm(&faults.Rule{Match: faults.On(control.Name), Before: errors.New("the store is gone")}, 10)
	if r := f.As("north").Do("POST", list, `{"url":"https://example.com/a"}`); r.Status != 503 {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}
