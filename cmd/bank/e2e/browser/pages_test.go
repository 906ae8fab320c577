package browser

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"passbook/cmd/internal/browsertest"
	"passbook/cmd/internal/programtest"
)

// shown is a page of the console in one of its states. to goes there; nil opens the path.
type shown struct {
	name, path string
	to         func(s *seat)
	// expect is the error that the browser reports of this page because its status is no 2xx.
	expect string
}

// pagesOf returns all pages that an address alone opens, those of one account with an account.
func pagesOf(id string) []shown {
	return []shown{
		{name: "accounts", path: "/ui/accounts"},
		{name: "accounts-filtered", path: "/ui/accounts?holder=H-7"},
		{name: "accounts-none", path: "/ui/accounts?holder=H-404"},
		{name: "live", path: "/ui/live"},
		{name: "pipeline", path: "/ui/pipeline"},
		{name: "account", path: account(id)},
		{name: "account-past", path: account(id) + "?version=30"},
		{name: "account-events", path: account(id) + "?tab=events"},
		{name: "account-holds", path: account(id) + "?tab=holds"},
		{name: "account-limit", path: account(id) + "?tab=limit&amount=20000.00"},
		{name: "account-declines", path: account(id) + "?tab=declines"},
		{name: "account-raw", path: account(id) + "?tab=raw"},
		{name: "account-long", path: account("ACCOUNT-WITH-A-LONG-ID-0123456789-0123456789")},
		{name: "account-drawn", path: account("A-20")},
		{name: "account-frozen", path: account("A-21")},
		{name: "account-closed", path: account("A-22")},
		{name: "change-open", path: "/ui/change/open"},
		{name: "change-withdraw", path: account(id) + "/change/withdraw"},
		{name: "change-limit", path: account(id) + "/change/limit"},
		{name: "me", path: "/ui/me"},
		{name: "event", path: account(id) + "/events/3"},
		{name: "search-nothing", path: "/ui/search?q=NOWHERE"},
		{name: "search-holder", path: "/ui/search?q=H-7"},
		{name: "search-transaction", path: "/ui/search?q=t4"},
		{name: "archive", path: "/ui/archive"},
		{name: "replay", path: "/ui/replay"},
		{name: "audit", path: "/ui/audit"}, {name: "attention-over", path: "/ui/attention?id=lag/balance@1/shard"},
		{name: "quarantine", path: "/ui/quarantine"},
		{name: "operators", path: "/ui/operators"},
		{name: "operators-keys", path: "/ui/operators?tab=keys"},
		{name: "operators-settings", path: "/ui/operators?tab=settings"},
		{name: "operators-health", path: "/ui/operators?tab=health"},
		{name: "key-new", path: "/ui/keys/new"},
		{name: "docs", path: "/docs"},
		{name: "problem", path: "/problems/insufficient-funds"},
		{name: "overview", path: "/ui/", to: (*seat).overview},
	}
}

// overview opens the overview after the balances of the accounts have been added up.
func (s *seat) overview() {
	s.t.Helper()
	programtest.Eventually(s.t, "the balances are added up", func() error {
		var sums struct{ Totals []json.RawMessage }
		s.bank.get(s.t, "/v1/totals", &sums)
		if len(sums.Totals) == 0 {
			return errNotYet
		}
		return nil
	})
	s.Visit("/ui/")
}

// states returns the pages that a person reaches only by doing something.
func states() []shown {
	return []shown{
		{name: "change-check", to: func(s *seat) { s.look("withdraw", "amount", "25.00", "reference", "cash") }},
		{name: "change-refused", to: func(s *seat) { s.look("withdraw", "amount", "999999.00") }},
		{name: "change-word", to: func(s *seat) { s.look("close") }},
		{name: "change-wrong", to: func(s *seat) { s.form("withdraw", "amount", "twenty"); s.Follow(primary) }, expect: "status of 422"},
		{name: "accounts-error", path: "/ui/accounts?cursor=no", expect: "status of 4"},
		{name: "account-missing", path: account("A-404"), expect: "status of 404"},
		{name: "event-missing", path: account("A-19") + "/events/999", expect: "status of 404"},
		{name: "archive-error", path: "/ui/archive?day=no", expect: "status of 4"},
		{name: "live-filtered", path: "/ui/live?account=A-404"},
		{name: "live-wrong", path: "/ui/live?above=much", expect: "status of 4"},
	}
}

func TestPagesAreSoundInEveryView(t *testing.T) {
	b := serve(t, t.TempDir())
	play(t, b)
	sound(t, b, append(pagesOf("A-19"), states()...))
}

func TestEmptyPagesAreSoundInEveryView(t *testing.T) {
	sound(t, serve(t, t.TempDir()), []shown{
		{name: "accounts-empty", path: "/ui/accounts"},
		{name: "overview-empty", path: "/ui/"},
		{name: "live-empty", path: "/ui/live"},
		{name: "pipeline-empty", path: "/ui/pipeline"},
		{name: "replay-empty", path: "/ui/replay"},
		{name: "audit-empty", path: "/ui/audit"},
		{name: "quarantine-empty", path: "/ui/quarantine"},
		{name: "webhooks-empty", path: "/ui/webhooks"},
		{name: "operators-keys-empty", path: "/ui/operators?tab=keys"},
		{name: "archive-empty", path: "/ui/archive"},
		{name: "operators-empty", path: "/ui/operators"},
	})
}

func TestSigningInIsSoundInEveryView(t *testing.T) {
	sound(t, serve(t, t.TempDir(), "--auth", "apikey"), []shown{
		{name: "login", path: "/ui/login"},
		{name: "login-wrong", expect: "status of 401", to: func(s *seat) {
			s.Visit("/ui/login")
			s.Type("#key", "pb_wrong")
			s.FollowText("Sign in")
			s.Shows("[role=alert]", "■")
		}},
	})
}

// sound checks pages in every view, two views at a time, and paints them.
func sound(t *testing.T, b *bank, all []shown) {
	t.Helper()
	for _, view := range browsertest.Views {
		t.Run(view.String(), func(t *testing.T) {
			t.Parallel()
			s := &seat{browsertest.Open(t, b.Base, view), t, b, "A-19"}
			for _, page := range all {
				s.show(page)
			}
		})
	}
}

// show goes to a page, paints it and checks it.
func (s *seat) show(page shown) {
	s.t.Helper()
	if page.expect != "" {
		s.Expect(page.expect)
	}
	if page.to != nil {
		page.to(s)
	} else {
		s.Visit(page.path)
	}
	s.Picture(page.name)
	s.Check()
}

// play gives a bank some life: A-19 with months of movements, holds, declines and limits, accounts
// in other states, and texts from outside that are hard to show.
func play(t testing.TB, b *bank) {
	t.Helper()
	b.open(t, "A-19", "H-7", 50000, 50000)
	at := func(id string) string { return "/v1/accounts/" + id }
	var lines bytes.Buffer
	for n := range 60 {
		op, amount, kind, reference := "withdraw", 700+(n*7919)%4300, "card", []string{"supermarket", "railway", "bakery", "rent of March, flat 3"}[n%4]
		if n%12 == 0 {
			op, amount, kind, reference = "credit", 250000, "deposit", "salary"
		}
		fmt.Fprintf(&lines, `{"op":%q,"idempotency_key":"p-%d","account_id":"A-19","amount":%d,"currency":"EUR","kind":%q,"reference":%q}`+"\n", op, n, amount, kind, reference)
	}
	b.bulk(t, &lines)
	b.post(t, at("A-19")+"/holds", `{"amount":31000,"currency":"EUR","reference":"hotel"}`)
	b.post(t, at("A-19")+"/holds", `{"amount":4500,"currency":"EUR","reference":"petrol"}`)
	b.declined(t, at("A-19")+"/withdrawals", `{"amount":900000000,"currency":"EUR","kind":"card","reference":"jeweller"}`)
	b.send(t, "PUT", at("A-19")+"/credit-limit", "limit-19", "application/json", bytes.NewBufferString(`{"limit":100000,"reason":"yearly review","decided_by":"desk-4"}`))
	b.open(t, "A-20", "H-7", 0, 100000)
	b.post(t, at("A-20")+"/withdrawals", `{"amount":88412,"currency":"EUR","kind":"card"}`)
	b.open(t, "A-21", "H-8", 120000, 0)
	b.post(t, at("A-21")+"/freeze", `{"scope":"debits","reason_code":"suspicion"}`)
	b.open(t, "A-22", "H-9", 0, 0)
	b.post(t, at("A-22")+"/close", `{}`)
	b.post(t, "/v1/accounts", `{"account_id":"ACCOUNT-WITH-A-LONG-ID-0123456789-0123456789","currency":"JPY","holder_ref":"HOLDER-WITH-A-LONG-REFERENCE-0123456789"}`)
	b.post(t, at("ACCOUNT-WITH-A-LONG-ID-0123456789-0123456789")+"/credits", `{"amount":900719925,"currency":"JPY","kind":"deposit","reference":"=1+1 and a text of some length that does not fit into one line of a table"}`)
	b.post(t, "/v1/transfers", `{"from":"A-19","to":"A-20","amount":12000,"currency":"EUR","reference":"rent"}`)
}
