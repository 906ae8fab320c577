package balance

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
	"passbook/shared/access/persons"
	"passbook/shared/account"
	"passbook/shared/api"
	"passbook/shared/api/apitest"
	pipelineapi "passbook/shared/api/pipeline"
	"passbook/shared/event"
	"passbook/shared/feed"
	"passbook/shared/journal"
	"passbook/shared/journey"
	"passbook/shared/opsread"
	"passbook/shared/readmodel"
	"passbook/shared/statement"
	"passbook/shared/storetest"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/table"
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
	t      *testing.T
	client *apitest.Client
	server *api.Server
	api    *API
	// journal and projection do what other services do in a bank.
	journal    *journal.Journal
	projection *readmodel.Projection[account.State]
	table      table.Table
	clock      *apitest.Clock
	commands   int
	actor      string // of the commands
}

func serve(t *testing.T) *bank { return serveTo(t, nil) }

// serveTo serves to the principals of an authenticator.
func serveTo(t *testing.T, auth access.Authenticator) *bank {
	t.Helper()
	tbl := storetest.Memory(t, pebblestream.Options{}, slices.Concat(journal.Schemas, Schemas)...).Table
	b := &bank{t: t, table: tbl, clock: apitest.NewClock(time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)), actor: "test"}
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
	store := NewStore(tbl, 0)
	b.projection, err = NewProjector(Config{Store: store, Journal: b.journal.Reader, Now: b.clock.Now}).Projection(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	b.api = NewAPI(store, b.journal.Reader, persons.New(tbl, nil), nil)
	b.api.now = b.clock.Now
	b.server = api.New(api.Config{Web: web.Config{Service: "balance", Auth: auth, Logger: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry()}})
	b.server.Mount(b.api.Routes()...)
	b.server.Mount(pipelineapi.Consumers{Table: tbl, Journal: b.journal.Reader, Stream: "test-events", Models: []string{Table}}.Route(), api.OpsLog{Table: tbl}.Route())
	reads := &opsread.Reads{Table: tbl, Journal: b.journal.Reader, Stream: "test-events", Models: []string{Table}}
	b.server.Mount(reads.Routes()...)
	b.server.Mount(journey.New(journey.Config{Journal: b.journal.Reader}).Route())
	b.server.Mount(feed.New(feed.Config{Journal: b.journal.Reader}).Routes()...)
	b.server.Mount(statement.New(statement.Config{Journal: b.journal.Reader, Registry: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler)}).Routes()...)
	b.client = apitest.New(t, b.server.Handler())
	return b
}

// of returns an account of the main tenant, or the one of "<tenant>#<id>".
func of(id string) event.Account {
	if a, ok := event.ParseAccount(id); ok {
		return a
	}
	return event.Account{Tenant: access.MainTenant, ID: id}
}

// commit commits what do drafts to the account's history, one second after the command before.
func (b *bank) commit(id string, do func(d *account.Draft)) {
	b.t.Helper()
	b.clock.Advance(time.Second)
	b.commands++
	ctx, cancel := context.WithTimeout(b.t.Context(), 10*time.Second)
	defer cancel()
	r, err := b.journal.Execute(ctx, journal.Command{
		Account: of(id), Key: fmt.Sprint("k", b.commands), Request: journal.RequestHash("test", id, nil), CorrelationID: "c-1",
		Actor: event.Text{Plain: b.actor}, Status: 201,
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
}

func (b *bank) open(id, holder string) {
	b.t.Helper()
	b.commit(id, func(d *account.Draft) {
		d.Open("EUR", event.AccountOpened{Exponent: 2, HolderRef: holder, CreditLimit: 1000})
	})
}

func (b *bank) credit(id string, amount int64) {
	b.t.Helper()
	b.commit(id, func(d *account.Draft) {
		d.Credit(event.MoneyCredited{Amount: amount, Kind: "deposit", Reference: event.Text{Plain: "salary"}}, d.Today())
	})
}

func (b *bank) withdraw(id string, amount int64) {
	b.t.Helper()
	b.commit(id, func(d *account.Draft) {
		d.Debit("withdraw", event.MoneyWithdrawn{Amount: amount, Kind: "cash"}, d.Today())
	})
}

func (b *bank) project(id string) {
	b.t.Helper()
	if _, err := b.projection.CatchUp(b.t.Context(), of(id)); err != nil {
		b.t.Fatal(err)
	}
}

func TestRoutesAreTheContracts(t *testing.T) {
	apitest.Routes(t, serve(t).server, "balance", "consumer", "process")
}

func TestBalanceNowAndThen(t *testing.T) {
	b := serve(t)
	b.open("A-1", "H-1")
	b.credit("A-1", 5000)
	then := b.clock.Now()
	b.withdraw("A-1", 5500)
	if r := b.client.Get("/v1/accounts/A-1/balance"); r.Code() != api.ProjectionBehind.Code || r.Int("wanted") != 1 {
		t.Fatalf("before its projection, of an account that the journal has: %s", r.Body)
	}
	b.project("A-1")
	r := b.client.Get("/v1/accounts/A-1/balance")
	if r.Status != 200 || r.Int("posted") != -500 || r.Int("available") != 500 || r.Int("available_own") != -500 || r.Header.Get("ETag") != `"3"` {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	if short := b.client.Get("/balance/A-1"); string(short.Body) != string(r.Body) {
		t.Fatalf("short form: %s", short.Body)
	}
	for query, want := range map[string]int64{
		"?version=1": 0, "?version=2": 5000, "?version=3": -500,
		"?at=" + then.Format(time.RFC3339):                               5000,
		"?at=" + then.Add(-time.Microsecond).Format(time.RFC3339Nano):    0,
		"?at=" + then.Add(time.Second).Format(time.RFC3339):              -500,
		"?at=" + then.Add(999*time.Millisecond).Format(time.RFC3339Nano): 5000,
	} {
		r := b.client.Get("/v1/accounts/A-1/balance" + query)
		if r.Status != 200 || r.Int("posted") != want || r.Text("projected_at") != "" {
			t.Errorf("%s: %d %s", query, r.Status, r.Body)
		}
	}
}

// The events of one command are one step: a version between them gets the state at the command's
// end.
func TestVersionWithinACommand(t *testing.T) {
	b := serve(t)
	b.open("A-1", "")
	b.commit("A-1", func(d *account.Draft) { d.PlaceHold(event.HoldPlaced{Amount: 1000}) })
	b.commit("A-1", func(d *account.Draft) {
		hold, _ := d.ActiveHold("h2", true)
		d.Capture(hold, 600, true)
	})
	for version, want := range map[int64]int64{2: 2, 3: 5, 4: 5, 5: 5} {
		r := b.client.Get(fmt.Sprintf("/v1/accounts/A-1/balance?version=%d", version))
		available := map[int64]int64{2: 0, 5: 400}[want]
		if r.Int("version") != want || r.Int("available") != available || r.Header.Get("ETag") != fmt.Sprintf("%q", fmt.Sprint(want)) {
			t.Errorf("version %d: %v %s", version, r.Header, r.Body)
		}
	}
}

// The address that an opening answers with leads to the account at once: nothing is projected here.
func TestAccountIsReadFromItsHistory(t *testing.T) {
	b := serve(t)
	b.open("A-1", "H-1")
	b.credit("A-1", 500)
	r := b.client.Get("/v1/accounts/A-1")
	apitest.Wire(t, apitest.Decode[AccountPage](t, r), string(r.Body))
	if r.Status != 200 || r.Text("holder_ref") != "H-1" || r.Int("posted") != 500 || r.Text("last_event_id") != "A-1:2" || r.Header.Get("ETag") != `"2"` {
		t.Fatalf("%d %v %s", r.Status, r.Header, r.Body)
	}
	b.project("A-1")
	for _, path := range []string{"/balance", "/statement", "/events", "/holds"} {
		if want := `"/v1/accounts/A-1` + path + `"`; !strings.Contains(string(r.Body), want) || b.client.Get("/v1/accounts/A-1"+path).Status != 200 {
			t.Errorf("%s is not linked, or leads nowhere: %s", path, r.Body)
		}
	}
	if again := b.client.Do("GET", "/v1/accounts/A-1", "", "If-None-Match", `"2"`); again.Status != 304 || len(again.Body) > 0 {
		t.Errorf("%d %s", again.Status, again.Body)
	}
	if head := b.client.Do("HEAD", "/v1/accounts/A-1", ""); head.Status != 200 || head.Header.Get("ETag") != `"2"` {
		t.Errorf("%d %v", head.Status, head.Header)
	}
	if r := b.client.Get("/v1/accounts/no-such"); r.Code() != account.CodeAccountNotFound {
		t.Errorf("%s", r.Body)
	}
	for _, path := range []string{"/v1/accounts/A-1?fields=posted", "/v1/consumers?fields=posted"} {
		if r := b.client.Get(path); fmt.Sprint(r.Errors()) != "[/fields unknown-field]" {
			t.Errorf("%s: %s", path, r.Body)
		}
	}
}

func TestMomentsThatThereAreNot(t *testing.T) {
	b := serve(t)
	b.open("A-1", "")
	b.project("A-1")
	future, past := b.clock.Now().Add(time.Second).Format(time.RFC3339), b.clock.Now().Add(-time.Hour).Format(time.RFC3339)
	for path, want := range map[string]string{
		"/v1/accounts/A-1/balance?at=" + future:                                                       "422 as-of-out-of-range []",
		"/v1/accounts/A-1/balance?at=" + past:                                                         "404 account-not-found []",
		"/v1/accounts/A-1/balance?version=2":                                                          "404 version-not-found []",
		"/v1/accounts/no-such/balance?version=2":                                                      "404 account-not-found []",
		"/v1/accounts/no-such/balance?at=" + past:                                                     "404 account-not-found []",
		"/v1/accounts/no-such/balance":                                                                "404 account-not-found []",
		"/v1/accounts/no-such/holds":                                                                  "404 account-not-found []",
		"/v1/accounts/no-such/events":                                                                 "404 account-not-found []",
		"/v1/accounts/no-such/statement":                                                              "404 account-not-found []",
		"/v1/accounts/A-1/balance?min_version=2":                                                      "404 version-not-found []",
		"/v1/accounts/no-such/balance?min_version=1&wait=30s":                                         "404 account-not-found []",
		"/v1/accounts/A%231/balance":                                                                  "400 validation-failed [/account_id syntax]",
		"/v1/accounts/A-1/balance?version=0":                                                          "400 validation-failed [/version out-of-range]",
		"/v1/accounts/A-1/balance?version=1.5":                                                        "400 validation-failed [/version not-an-integer]",
		"/v1/accounts/A-1/balance?version=-1":                                                         "400 validation-failed [/version not-an-integer]",
		"/v1/accounts/A-1/balance?at=yesterday":                                                       "400 validation-failed [/at syntax]",
		"/v1/accounts/A-1/balance?at=" + past + "&version=1":                                          "400 validation-failed [/version not-together]",
		"/v1/accounts/A-1/balance?min_version=1&version=1":                                            "400 validation-failed [/min_version not-together]",
		"/v1/accounts/A-1/balance?wait=2s":                                                            "400 validation-failed [/wait not-together]",
		"/v1/accounts/A-1/balance?min_version=1&wait=31s":                                             "400 validation-failed [/wait out-of-range]",
		"/v1/accounts/A-1/balance?min_version=1&wait=soon":                                            "400 validation-failed [/wait syntax]",
		"/v1/accounts/A-1/balance?min_verison=1":                                                      "400 validation-failed [/min_verison unknown-field]",
		"/v1/accounts/A-1/balance?version=1&version=1":                                                "400 validation-failed [/version duplicate-field]",
		"/v1/accounts/A-1/balance?a%zz=1":                                                             "400 validation-failed [ syntax]",
		"/v1/accounts/A-1/statement?limit=101":                                                        "400 validation-failed [/limit out-of-range]",
		"/v1/accounts/A-1/statement?cursor=AAAA":                                                      "400 validation-failed [/cursor syntax]",
		"/v1/accounts/A-1/statement?from=" + future + "&to=" + past:                                   "400 validation-failed [/to out-of-range]",
		"/v1/accounts/A-1/events?type=canary":                                                         "400 validation-failed [/type not-one-of]",
		"/v1/accounts/A-1/events?cursor=" + web.EncodeCursor("events|main#A-2|", "1"):                 "400 validation-failed [/cursor syntax]",
		"/v1/accounts/A-1/events?cursor=" + web.EncodeCursor("events|main#A-1|", "-"):                 "400 validation-failed [/cursor syntax]",
		"/v1/accounts?holder=a%20b":                                                                   "400 validation-failed [/holder syntax]",
		"/v1/accounts?status=canary":                                                                  "400 validation-failed [/status not-one-of]",
		"/v1/accounts?over_limit=1":                                                                   "400 validation-failed [/over_limit not-one-of]",
		"/v1/accounts?cursor=" + web.EncodeCursor(Filter{Tenant: "main"}.scope(), "nonsense"):         "400 validation-failed [/cursor syntax]",
		"/v1/accounts?status=open&cursor=" + web.EncodeCursor(Filter{Tenant: "main"}.scope(), "0A-1"): "400 validation-failed [/cursor syntax]",
		"/v1/accounts?holder=H&cursor=" + web.EncodeCursor(Filter{Tenant: "main", Holder: "G"}.scope(), "-A-1"): "400 validation-failed [/cursor syntax]",
	} {
		r := b.client.WithCanary("canary").Get(path)
		if got := fmt.Sprint(r.Status, " ", r.Code(), " ", r.Errors()); got != want {
			t.Errorf("%s: %s, not %s", path, got, want)
		}
	}
}

func TestMinVersionWaitsForTheProjection(t *testing.T) {
	b := serve(t)
	b.open("A-1", "")
	b.project("A-1")
	b.credit("A-1", 7)
	answered := make(chan apitest.Response)
	go func() { answered <- b.client.Get("/v1/accounts/A-1/balance?min_version=2&wait=20s") }()
	b.project("A-1")
	if r := <-answered; r.Status != 200 || r.Int("version") != 2 || r.Int("posted") != 7 {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	// The read waits for a version that is not decided yet, too.
	go func() { answered <- b.client.Get("/v1/accounts/A-1/balance?min_version=3&wait=20s") }()
	b.credit("A-1", 8)
	b.project("A-1")
	if r := <-answered; r.Status != 200 || r.Int("version") != 3 {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	b.credit("A-1", 9)
	r := b.client.Get("/v1/accounts/A-1/balance?min_version=4&wait=1ms")
	if r.Code() != api.ProjectionBehind.Code || r.Int("version") != 3 || r.Int("wanted") != 4 || r.Header.Get("Retry-After") == "" {
		t.Fatalf("a version that the journal has: %v %s", r.Header, r.Body)
	}
	r = b.client.Get("/v1/accounts/A-1/balance?min_version=5&wait=1ms")
	if r.Status != 404 || r.Code() != api.VersionNotFound.Code || r.Int("account_version") != 4 || r.Header.Get("Retry-After") != "" {
		t.Fatalf("a version that there is not: %v %s", r.Header, r.Body)
	}
}

func TestStatementPagesAreOfOnePeriod(t *testing.T) {
	b := serve(t)
	b.open("A-1", "")
	for range 3 {
		b.credit("A-1", 100)
	}
	from := b.clock.Now().Add(time.Second)
	for range 5 {
		b.withdraw("A-1", 10)
	}
	b.commit("A-1", func(d *account.Draft) { d.PlaceHold(event.HoldPlaced{Amount: 5}) })
	to := b.clock.Now()
	path := "/v1/accounts/A-1/statement?limit=2&from=" + from.Format(time.RFC3339) + "&to=" + to.Format(time.RFC3339)
	var posted []int64
	for pages := 0; path != ""; pages++ {
		if pages == 3 {
			t.Fatal("a fourth page")
		}
		r := b.client.Get(path)
		s := apitest.Decode[statement.Statement](t, r)
		if r.Status != 200 {
			t.Fatalf("%d %s", r.Status, r.Body)
		}
		if s.Opening.Posted != 300 || s.Opening.Version != 4 || s.Closing.Posted != 250 || s.Closing.Version != 9 {
			t.Fatalf("%s", r.Body)
		}
		for _, line := range s.Lines {
			if line.Amount != -10 {
				t.Errorf("amount %d", line.Amount)
			}
			posted = append(posted, line.Posted)
		}
		b.withdraw("A-1", 1) // which is not in the period
		path = next(t, r, s.NextCursor)
	}
	if fmt.Sprint(posted) != "[290 280 270 260 250]" {
		t.Fatalf("running balance %v", posted)
	}
}

// next returns the path of the Link header, which must contain the cursor.
func next(t *testing.T, r apitest.Response, cursor string) string {
	t.Helper()
	link := r.Header.Get("Link")
	if cursor == "" {
		if link != "" {
			t.Fatalf("Link %q without a next page", link)
		}
		return ""
	}
	path, ok := strings.CutSuffix(strings.TrimPrefix(link, "<"), `>; rel="next"`)
	if !ok || !strings.Contains(path, cursor) {
		t.Fatalf("Link %q", link)
	}
	return path
}

func TestStatementOfEverything(t *testing.T) {
	b := serve(t)
	b.open("A-1", "")
	b.credit("A-1", 100)
	r := b.client.Get("/v1/accounts/A-1/statement")
	if !strings.Contains(string(r.Body), `"opening":{"posted":0,"version":0},"closing":{"posted":100,"version":2}`) || !strings.Contains(string(r.Body), `"reference":"salary"`) {
		t.Fatalf("%s", r.Body)
	}
	r = b.client.Get("/v1/accounts/A-1/statement?from=" + b.clock.Now().Add(time.Hour).Format(time.RFC3339))
	if !strings.Contains(string(r.Body), `"opening":{"posted":100,"version":2},"closing":{"posted":100,"version":2},"lines":[]`) {
		t.Fatalf("%s", r.Body)
	}
}

func TestEventsByTypeAndVersion(t *testing.T) {
	b := serve(t)
	b.open("A-1", "")
	for range 4 {
		b.credit("A-1", 100)
		b.withdraw("A-1", 50)
	}
	path, seen := "/v1/accounts/A-1/events?type=MoneyCredited&limit=3&from_version=3", ""
	for path != "" {
		r := b.client.Get(path)
		page := apitest.Decode[EventList](t, r)
		if r.Status != 200 {
			t.Fatalf("%d %s", r.Status, r.Body)
		}
		for _, e := range page.Events {
			seen += fmt.Sprint(e.Version, " ")
		}
		path = next(t, r, page.NextCursor)
	}
	if seen != "4 6 8 " {
		t.Fatalf("versions %s", seen)
	}
}

// The pages of a type have all its events, whether they are near to each other, far apart, or
// further from the page's beginning than one page looks.
func TestEventsOfARareType(t *testing.T) {
	b := serve(t)
	b.open("A-1", "")
	var want []int64
	for version := int64(2); version < 2*typeScan+5000; {
		b.commit("A-1", func(d *account.Draft) {
			for range 400 {
				if rare := version < 20 || version%1201 == 0 && version < typeScan/2 || version > 2*typeScan+4000; rare && version%3 == 0 {
					d.Debit("withdraw", event.MoneyWithdrawn{Amount: 1 << 40, Kind: "cash"}, d.Today())
					want = append(want, version)
				} else {
					d.Credit(event.MoneyCredited{Amount: 1, Kind: "deposit"}, d.Today())
				}
				version++
			}
		})
	}
	for _, limit := range []int{3, 100} {
		var got []int64
		for path := fmt.Sprint("/v1/accounts/A-1/events?type=WithdrawalDeclined&limit=", limit); path != ""; {
			r := b.client.Get(path)
			page := apitest.Decode[EventList](t, r)
			for _, e := range page.Events {
				if e.Type != "WithdrawalDeclined" || len(page.Events) > limit {
					t.Fatalf("%d events, %+v", len(page.Events), e)
				}
				got = append(got, e.Version)
			}
			path = next(t, r, page.NextCursor)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%d a page: %d events %v, want %d", limit, len(got), got[:min(len(got), 20)], len(want))
		}
	}
}

func TestHoldsAndFreeze(t *testing.T) {
	b := serve(t)
	b.open("A-1", "")
	b.commit("A-1", func(d *account.Draft) {
		d.PlaceHold(event.HoldPlaced{Amount: 5, ExpiresAt: d.Now.Add(time.Hour)})
	})
	b.commit("A-1", func(d *account.Draft) { d.Emit(event.AccountFrozen{Scope: "debits"}, d.Today()) })
	b.project("A-1")
	r := b.client.Get("/v1/accounts/A-1/holds")
	if !strings.Contains(string(r.Body), `"holds":[{"hold_id":"h2","amount":5,`) || !strings.Contains(string(r.Body), `"expires_at"`) {
		t.Fatalf("%s", r.Body)
	}
	if r := b.client.Get("/v1/accounts/A-1/balance"); r.Text("frozen") != "debits" || r.Int("held") != 5 {
		t.Fatalf("%s", r.Body)
	}
}

func TestListOfAccounts(t *testing.T) {
	b := serve(t)
	for i := range 5 {
		id := fmt.Sprint("A-", i)
		b.open(id, "H-1")
		b.project(id)
	}
	b.open("B-1", "H-2")
	b.project("B-1")
	for query, want := range map[string]int{"?holder=H-1&limit=2": 5, "?limit=1": 6, "?status=closed": 0, "?over_limit=false&limit=4": 6, "?holder=none": 0} {
		found := 0
		for path := "/v1/accounts" + query; path != ""; {
			r := b.client.Get(path)
			page := apitest.Decode[AccountList](t, r)
			if r.Status != 200 {
				t.Fatalf("%d %s", r.Status, r.Body)
			}
			found += len(page.Accounts)
			path = next(t, r, page.NextCursor)
		}
		if found != want {
			t.Errorf("%s: %d accounts, not %d", query, found, want)
		}
	}
}

// The answer for a quarantined account says so, and has the state before the event that could not
// be folded.
func TestBlockedAccountSaysSo(t *testing.T) {
	b := serve(t)
	b.open("A-1", "")
	b.project("A-1")
	row, err := b.table.Get(t.Context(), Table, readmodel.RowKey(1, of("A-1")), true)
	if err != nil {
		t.Fatal(err)
	}
	row.Attrs["blocked_at_version"], row.Attrs["cause"] = table.N(2), table.S("out of order")
	if err := b.table.Put(t.Context(), table.Put{Table: Table, Row: row, If: table.Equals("rev", row.Attrs["rev"])}); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/v1/accounts/A-1/balance", "/v1/accounts/A-1/holds"} {
		if r := b.client.Get(path); r.Status != 200 || r.Int("blocked_at_version") != 2 || r.Int("version") != 1 {
			t.Errorf("%s: %d %s", path, r.Status, r.Body)
		}
	}
	if r := b.client.Get("/v1/accounts"); !strings.Contains(string(r.Body), `"blocked_at_version":2`) {
		t.Errorf("%s", r.Body)
	}
}

func TestConsumersAreTold(t *testing.T) {
	b := serve(t)
	r := b.client.Get("/v1/consumers")
	if r.Status != 200 || !strings.Contains(string(r.Body), `"name":"balance@1"`) {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
}
