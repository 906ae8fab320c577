package accounts

import (
	"embed"
	"net/url"

	"passbook/shared/access"
	"passbook/shared/console/view"
	"passbook/shared/web"
)

//go:embed templates
var files embed.FS

var templates = view.Parse(files, "templates/*.html")

// section is the navigation's entry of all pages here.
const section = "Accounts"

// listPath is the address of the list.
const listPath = "/ui/accounts"

// Pages makes the pages of this package.
type Pages struct{ kit *view.Kit }

// Routes returns the list, and the pages of each change: of a named account, or of one that the
// form asks for.
func Routes(k *view.Kit) []web.Route {
	p := &Pages{k}
	routes := []web.Route{
		k.Get(listPath, access.AccountsRead, p.list),
		k.Get("/ui/accounts.csv", access.AccountsRead, p.csv),
	}
	for _, o := range operations {
		for _, path := range []string{"/ui/change/" + o.Name, "/ui/accounts/{account_id}/change/" + o.Name} {
			routes = append(routes,
				k.Get(path, o.Scopes, func(r *view.Request) (view.Page, error) { return p.form(r, o) }),
				k.Post(path, o.Scopes, func(r *view.Request) (view.Page, error) { return p.decide(r, o) }))
		}
	}
	return routes
}

// accountPath returns the address of an account's page.
func accountPath(id string) string { return listPath + "/" + url.PathEscape(id) }

// apiPath returns the path of an account in the API.
func apiPath(id string) string { return "/v1/accounts/" + url.PathEscape(id) }

// account is an account, as the API answers it.
type account struct {
	AccountID        string `json:"account_id"`
	HolderRef        string `json:"holder_ref"`
	Product          string `json:"product"`
	Currency         string `json:"currency"`
	Status           string `json:"status"`
	Frozen           string `json:"frozen"`
	Posted           int64  `json:"posted"`
	Held             int64  `json:"held"`
	Limit            int64  `json:"limit"`
	Available        int64  `json:"available"`
	Version          int64  `json:"version"`
	AsOf             string `json:"as_of"`
	BlockedAtVersion int64  `json:"blocked_at_version"`
}

// Path returns the address of the account's page.
func (a account) Path() string { return accountPath(a.AccountID) }

// Drawn returns how much of the line of credit is drawn: what the posted balance is below zero.
func (a account) Drawn() int64 { return max(0, -a.Posted) }

// Reserved returns how much of the line of credit holds reserve beyond the account's own money.
func (a account) Reserved() int64 { return max(0, a.Held-max(0, a.Posted)) }

// OverLimit reports whether more of the line of credit is in use than there is.
func (a account) OverLimit() bool { return a.Drawn()+a.Reserved() > a.Limit }

// Used returns the use of the line of credit in percent, rounded up; 0 without a line.
func (a account) Used() int64 {
	if a.Limit == 0 {
		return 0
	}
	whole, rest := (a.Drawn()+a.Reserved())/a.Limit, (a.Drawn()+a.Reserved())%a.Limit
	// rest < Limit ≤ 2^53−1, so that rest·100 fits
	return whole*100 + (rest*100+a.Limit-1)/a.Limit
}
