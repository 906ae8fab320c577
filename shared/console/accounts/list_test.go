package accounts

import "testing"

const (
	blockedA2 = `{"account_id":"A-2","currency":"EUR","status":"open","posted":-6000,"held":0,"limit":5000,"available":-1000,"version":9,"as_of":"2026-11-30T09:00:00Z","blocked_at_version":4}`
	yenJ1     = `{"account_id":"J-1","currency":"JPY","status":"open","frozen":"all","posted":4812,"held":0,"limit":0,"available":4812,"version":2,"as_of":"2026-11-30T09:00:00Z"}`
)

func TestListShowsAccountsAndLeadsOn(t *testing.T) {
	b := newBank(
		"GET /v1/accounts?limit=50", answer{200, `{"accounts":[` + accountA1 + `,` + blockedA2 + `],"next_cursor":"c2","has_more":true}`},
		"GET /v1/accounts?cursor=c2&limit=50", answer{200, `{"accounts":[` + yenJ1 + `],"has_more":false}`},
		"GET /v1/accounts?holder=H-7&limit=50&status=open", answer{200, `{"accounts":[],"has_more":false}`})
	b.open(t, "/ui/accounts", nil).Must(t, 200, "A-1", "Posted, EUR", "150.00", "−60.00", "blocked at v4", "over the limit", "/ui/accounts?cursor=c2", "/ui/accounts?holder=H-7", "/ui/accounts.csv")
	b.open(t, "/ui/accounts?cursor=c2", nil).Must(t, 200, "J-1", "4,812", "frozen: all", "JPY")
	b.open(t, "/ui/accounts?status=open&holder=H-7", nil).Must(t, 200, "No account is like that", "/ui/accounts?holder=H-7&status=closed")
	if p := b.open(t, "/ui/accounts?id=A-19", nil); p.Status != 303 || p.Location != "/ui/accounts/A-19" {
		t.Errorf("to an account: %d %q", p.Status, p.Location)
	}
}

func TestEmptyBankSaysWhatFillsIt(t *testing.T) {
	newBank("GET /v1/accounts?limit=50", answer{200, `{"accounts":[],"has_more":false}`}).open(t, "/ui/accounts", nil).
		Must(t, 200, "There is no account yet", "/ui/change/open", `-d '{"account_id":"A-1","currency":"EUR"}'`)
}

// A list that cannot be had says why in its place; the page stands.
func TestListThatCannotBeReadSaysWhy(t *testing.T) {
	b := newBank("GET /v1/accounts?limit=50", answer{503, `{"type":"/problems/overloaded","title":"Overloaded","status":503,"detail":"Too many.","correlation_id":"c-3"}`})
	b.open(t, "/ui/accounts", nil).Must(t, 200, "Overloaded", "/problems/overloaded", "c-3", "Accounts")
}

func TestFileHasAllPages(t *testing.T) {
	b := newBank(
		"GET /v1/accounts?limit=100", answer{200, `{"accounts":[` + accountA1 + `],"next_cursor":"c2","has_more":true}`},
		"GET /v1/accounts?cursor=c2&limit=100", answer{200, `{"accounts":[` + blockedA2 + `],"has_more":false}`})
	b.open(t, "/ui/accounts.csv", nil).Must(t, 200, "account_id,holder_ref", "A-1,H-7,EUR,open,,10000,0,15000,5000,2,", "A-2,,EUR,open,,-6000,")
}
