package creditlimit

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/access"
	"passbook/shared/account"
	"passbook/shared/api"
	"passbook/shared/api/apitest"
	"passbook/shared/api/pipeline"
	"passbook/shared/consumer"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/opsread"
	"passbook/shared/readmodel"
	"passbook/shared/storetest"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/web"
)

// discard is an outbox for tests without a stream.
type discard struct{}

func (discard) Publish(...journal.Committed)    {}
func (discard) Full() bool                      { return false }
func (discard) Pace(event.Account, func()) bool { return false }

// bank is the service and a journal, on the embedded engine. Rows are projected when the test calls
// for it.
type bank struct {
	t          *testing.T
	client     *apitest.Client
	server     *api.Server
	journal    *journal.Journal
	store      *Store
	projection *readmodel.Projection[State]
	line       line
	clock      *apitest.Clock
	commands   int
}

func serve(t *testing.T) *bank { return serveTo(t, nil) }

// serveTo serves to the principals of an authenticator.
func serveTo(t *testing.T, auth access.Authenticator) *bank {
	t.Helper()
	memory := storetest.Memory(t, pebblestream.Options{Shards: 1}, append(journal.Schemas[:len(journal.Schemas):len(journal.Schemas)], Schema)...)
	tbl := memory.Table
	b := &bank{t: t, clock: apitest.NewClock(time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC))}
	var err error
	b.journal, err = journal.Open(t.Context(), journal.Config{Table: tbl, Outbox: discard{}, Now: b.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := b.journal.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	streams := memory.Streams
	if err := streams.CreateStream(t.Context(), lineMessages, 1); err != nil {
		t.Fatal(err)
	}
	store := NewStore(tbl, 0)
	b.store, b.line = store, line{t: t, streams: streams}
	b.projection, err = NewProjector(Config{
		Runtime: consumer.Runtime{Streams: streams}, Store: store, Journal: b.journal.Reader, Notifications: lineMessages,
	}).Projection(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	queries := NewAPI(store, b.journal.Reader)
	queries.now = b.clock.Now
	b.server = api.New(api.Config{Web: web.Config{Service: "creditlimit", Auth: auth, Logger: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry()}})
	b.server.Mount(queries.Routes()...)
	b.server.Mount(pipeline.Consumers{Table: tbl, Journal: b.journal.Reader, Stream: "test-events", Models: []string{Table}}.Route(), api.OpsLog{Table: tbl}.Route())
	reads := &opsread.Reads{Table: tbl, Journal: b.journal.Reader, Stream: "test-events", Models: []string{Table}}
	b.server.Mount(reads.Routes()...)
	b.client = apitest.New(t, b.server.Handler())
	return b
}

// commit commits what do drafts to the history of A-1, one second after the command before, and
// projects it.
func (b *bank) commit(do func(d *account.Draft)) {
	b.t.Helper()
	b.commitTo(event.Account{Tenant: access.MainTenant, ID: "A-1"}, do)
}

func (b *bank) commitTo(of event.Account, do func(d *account.Draft)) {
	b.t.Helper()
	b.clock.Advance(time.Second)
	b.commands++
	ctx, cancel := context.WithTimeout(b.t.Context(), 10*time.Second)
	defer cancel()
	r, err := b.journal.Execute(ctx, journal.Command{
		Account: of, Key: fmt.Sprint("k", b.commands), Request: journal.RequestHash("test", of.ID, nil), CorrelationID: "c-1",
		Actor: event.Text{Plain: "test"}, Status: 201,
		Decide: func(s account.State, now time.Time) account.Decision {
			d := account.NewDraft(s, now)
			d.ReleaseExpired()
			do(d)
			return d.Decision()
		},
	})
	if err != nil || r.Rejection != nil {
		b.t.Fatalf("%v %+v", err, r.Rejection)
	}
	if _, err := b.projection.CatchUp(ctx, of); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bank) open(limit int64) {
	b.t.Helper()
	b.commit(func(d *account.Draft) { d.Open("EUR", event.AccountOpened{Exponent: 2, CreditLimit: limit}) })
}

func (b *bank) withdraw(amount int64) {
	b.t.Helper()
	b.commit(func(d *account.Draft) {
		d.Debit("withdraw", event.MoneyWithdrawn{Amount: amount, Kind: "cash"}, d.Today())
	})
}

func TestRoutesAreTheContracts(t *testing.T) {
	apitest.Routes(t, serve(t).server, "creditlimit", "consumer", "process")
}

func TestUseOfTheLineNowAndThen(t *testing.T) {
	b := serve(t)
	b.open(1000)
	b.withdraw(250)
	b.withdraw(5000) // declined
	then := b.clock.Now()
	b.commit(func(d *account.Draft) { d.PlaceHold(event.HoldPlaced{Amount: 100}) })
	now := b.client.Get("/v1/accounts/A-1/credit-limit")
	for name, want := range map[string]int64{
		"limit": 1000, "drawn": 250, "reserved": 100, "available_credit": 650, "over_limit": 0, "utilisation_bps": 3500, "declines": 1, "version": 4,
	} {
		if got := now.Int(name); got != want {
			t.Errorf("%s is %d, not %d", name, got, want)
		}
	}
	if now.Header.Get("ETag") != `"4"` || now.Text("projected_at") == "" {
		t.Errorf("%v %s", now.Header, now.Body)
	}
	if short := b.client.Get("/creditLimit/A-1"); string(short.Body) != string(now.Body) {
		t.Errorf("short form: %s", short.Body)
	}
	for _, query := range []string{"?version=3", "?at=" + then.Format(time.RFC3339)} {
		r := b.client.Get("/v1/accounts/A-1/credit-limit" + query)
		if r.Int("version") != 3 || r.Int("drawn") != 250 || r.Int("reserved") != 0 || r.Int("declines") != 1 || r.Text("projected_at") != "" {
			t.Errorf("%s: %s", query, r.Body)
		}
	}
}

// The capture of a hold does not change the use of the line: neither a message nor the peak nor the
// past may show what it was between the two events of the capture.
func TestNobodySeesWhatIsBetweenTheEventsOfAnEntry(t *testing.T) {
	b := serve(t)
	b.open(100)
	b.commit(func(d *account.Draft) { d.PlaceHold(event.HoldPlaced{Amount: 100}) })
	b.commit(func(d *account.Draft) {
		hold, _ := d.ActiveHold("h2", true)
		d.Capture(hold, 100, true)
	})
	row, err := b.store.Get(t.Context(), event.Account{Tenant: access.MainTenant, ID: "A-1"})
	if err != nil || row.Version != 4 || row.State.Peak != 100 || row.State.PeakVersion != 2 {
		t.Errorf("%+v, %v; want v4 and the peak of 100 at v2, which made it first", row, err)
	}
	want := []string{"A-1:2:5000:up", "A-1:2:8000:up", "A-1:2:10000:up"}
	var got []string
	for _, m := range b.line.messages() {
		got = append(got, m.ID)
	}
	if !slices.Equal(got, want) {
		t.Errorf("sent %q, want %q", got, want)
	}
	for version, want := range map[int64]int64{2: 2, 3: 4, 4: 4} {
		r := b.client.Get(fmt.Sprintf("/v1/accounts/A-1/credit-limit?version=%d", version))
		if r.Int("version") != want || r.Int("available_credit") != 0 || r.Header.Get("ETag") != fmt.Sprintf("%q", fmt.Sprint(want)) {
			t.Errorf("version %d: %v %s", version, r.Header, r.Body)
		}
	}
}

func TestNoLimitHasNoUtilisation(t *testing.T) {
	b := serve(t)
	b.open(0)
	if r := b.client.Get("/v1/accounts/A-1/credit-limit"); !strings.Contains(string(r.Body), `"utilisation_bps":null`) {
		t.Fatalf("%s", r.Body)
	}
}

func TestHistoryOfDecisions(t *testing.T) {
	b := serve(t)
	b.open(1000)
	b.withdraw(100)
	expires := b.clock.Now().Add(time.Hour)
	b.commit(func(d *account.Draft) {
		d.SetLimit(event.CreditLimitChanged{After: 500, ExpiresAt: expires, Reason: event.Text{Plain: "review"}, DecidedBy: "desk"}, false)
	})
	b.clock.Set(expires)
	b.commit(func(d *account.Draft) { d.Credit(event.MoneyCredited{Amount: 1, Kind: "deposit"}, d.Today()) })
	var versions []int64
	for path := "/v1/accounts/A-1/credit-limit/history?limit=2"; path != ""; {
		r := b.client.Get(path)
		page := apitest.Decode[History](t, r)
		if r.Status != 200 {
			t.Fatalf("%d %s", r.Status, r.Body)
		}
		for _, d := range page.Decisions {
			versions = append(versions, d.Version, d.After)
		}
		path = ""
		if page.NextCursor != "" {
			path = "/v1/accounts/A-1/credit-limit/history?limit=2&cursor=" + page.NextCursor
		}
	}
	if fmt.Sprint(versions) != "[1 1000 3 500 4 0]" {
		t.Fatalf("decisions %v", versions)
	}
}

// The list is the same whether decisions are followed back or, where they are too many, looked for
// in the history.
func TestHistoryOfManyDecisions(t *testing.T) {
	b := serve(t)
	b.open(0)
	b.commit(func(d *account.Draft) { d.Credit(event.MoneyCredited{Amount: 1, Kind: "deposit"}, d.Today()) })
	b.commit(func(d *account.Draft) {
		for n := range maxChain + 20 {
			d.SetLimit(event.CreditLimitChanged{After: int64(n + 1), DecidedBy: "desk"}, false)
		}
	})
	next, path := int64(3), "/v1/accounts/A-1/credit-limit/history?limit=50"
	for more := ""; ; more = "&cursor=" + more {
		page := apitest.Decode[History](t, b.client.Get(path+more))
		for _, d := range page.Decisions {
			if d.Version != next || d.After != next-2 {
				t.Fatalf("decision v%d to %d, want v%d", d.Version, d.After, next)
			}
			next++
		}
		if more = page.NextCursor; more == "" {
			break
		}
	}
	if next != maxChain+23 {
		t.Fatalf("the list ends before v%d", next)
	}
}

func TestExplain(t *testing.T) {
	b := serve(t)
	b.open(1000)
	b.commit(func(d *account.Draft) { d.Credit(event.MoneyCredited{Amount: 300, Kind: "deposit"}, d.Today()) })
	for amount, want := range map[int]string{
		200:  `"accepted":true,"from_own":200,"from_credit":0}`,
		500:  `"accepted":true,"from_own":300,"from_credit":200}`,
		1301: `"accepted":false,"code":"insufficient-funds","shortfall":1}`,
	} {
		r := b.client.Get(fmt.Sprint("/v1/accounts/A-1/credit-limit/explain?amount=", amount))
		if r.Status != 200 || !strings.HasSuffix(string(r.Body), want) || r.Int("available") != 1300 {
			t.Errorf("%d: %d %s", amount, r.Status, r.Body)
		}
	}
	b.commit(func(d *account.Draft) { d.Emit(event.AccountFrozen{Scope: "debits"}, d.Today()) })
	if r := b.client.Get("/v1/accounts/A-1/credit-limit/explain?amount=1"); r.Text("code") != account.CodeAccountFrozen {
		t.Errorf("%s", r.Body)
	}
	if r := b.client.Get("/v1/accounts/A-1/credit-limit"); r.Int("version") != 3 {
		t.Errorf("explaining changed the account: %s", r.Body)
	}
}

// An expired limit does not count, even before its expiry is recorded.
func TestExplainKnowsWhatHasRunOut(t *testing.T) {
	b := serve(t)
	b.open(0)
	expires := b.clock.Now().Add(time.Hour)
	b.commit(func(d *account.Draft) { d.SetLimit(event.CreditLimitChanged{After: 500, ExpiresAt: expires}, false) })
	if r := b.client.Get("/v1/accounts/A-1/credit-limit/explain?amount=500"); !strings.Contains(string(r.Body), `"accepted":true`) {
		t.Fatalf("%s", r.Body)
	}
	b.clock.Set(expires)
	if r := b.client.Get("/v1/accounts/A-1/credit-limit/explain?amount=500"); !strings.Contains(string(r.Body), `"accepted":false`) || r.Int("limit") != 0 {
		t.Fatalf("%s", r.Body)
	}
}

func TestRefusedQueries(t *testing.T) {
	b := serve(t)
	b.open(0)
	for path, want := range map[string]string{
		"/v1/accounts/A-1/credit-limit/explain":                         "400 validation-failed [/amount required]",
		"/v1/accounts/A-1/credit-limit/explain?amount=0":                "400 validation-failed [/amount out-of-range]",
		"/v1/accounts/A-1/credit-limit/explain?amount=1.5":              "400 validation-failed [/amount not-an-integer]",
		"/v1/accounts/A-1/credit-limit/explain?amount=9007199254740992": "400 validation-failed [/amount out-of-range]",
		"/v1/accounts/no-such/credit-limit/explain?amount=1":            "404 account-not-found []",
		"/v1/accounts/no-such/credit-limit/history":                     "404 account-not-found []",
		"/v1/accounts/no-such/credit-limit":                             "404 account-not-found []",
		"/v1/accounts/A-1/credit-limit?version=2":                       "404 version-not-found []",
		"/v1/accounts/A-1/credit-limit?min_version=2":                   "404 version-not-found []",
		"/v1/accounts/A-1/credit-limit?at=2999-01-01T00:00:00Z":         "422 as-of-out-of-range []",
		"/v1/accounts/A-1/credit-limit/history?cursor=%00":              "400 validation-failed [/cursor syntax]",
	} {
		r := b.client.Get(path)
		if got := fmt.Sprint(r.Status, " ", r.Code(), " ", r.Errors()); got != want {
			t.Errorf("%s: %s, not %s", path, got, want)
		}
	}
}
