package history

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"passbook/shared/access"
	"passbook/shared/console/client"
	"passbook/shared/console/view"
)

// account is an account, as the API lists it.
type account struct {
	AccountID string `json:"account_id"`
	HolderRef string `json:"holder_ref"`
	Status    string `json:"status"`
	Currency  string `json:"currency"`
	Posted    int64  `json:"posted"`
	Available int64  `json:"available"`
}

// Page returns the address of the account's page.
func (a account) Page() string { return "/ui/accounts/" + url.PathEscape(a.AccountID) }

// found is what a search shows.
type found struct {
	Query string
	// NeedsAccount is the account's part that a query such as t4 lacks.
	NeedsAccount bool
	Accounts     []account
	Events       []event
	// MoreAccounts and MoreEvents lead to the rest, empty for none.
	MoreAccounts string
	MoreEvents   bool
	// NoEvents says that the person may not search over all events.
	NoEvents bool
	Failed   []*client.Problem
}

// Empty reports whether nothing was found.
func (f found) Empty() bool { return len(f.Accounts)+len(f.Events) == 0 && !f.NeedsAccount }

var (
	// eventID is an event or a transaction, such as A-1:4, A-1:t4 and A-1:h4.
	eventID = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9._-]{0,63}):[th]?([1-9][0-9]{0,15})$`)
	// bareID is a transaction or a hold without its account.
	bareID = regexp.MustCompile(`^[th][1-9][0-9]{0,15}$`)
	// code is the form of the ids of accounts and holders.
	code = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
)

// mostFound is how many accounts and events a search shows.
const mostFound = 25

// search finds what a text names. What has one answer is shown at once.
func (p *pages) search(r *view.Request) (view.Page, error) {
	query := strings.TrimSpace(r.QueryParam("q"))
	page := view.Page{Title: "Search", Templates: templates, Name: "search"}
	if m := eventID.FindStringSubmatch(query); m != nil {
		version, err := strconv.ParseInt(m[2], 10, 64)
		if err == nil {
			page.Redirect = eventPage(m[1], version)
			return page, nil
		}
	}
	f := found{Query: query}
	if query != "" {
		page.Redirect = p.find(r, &f)
	}
	page.Data = f
	return page, nil
}

// find looks for accounts and events, and returns the page of the only one.
func (p *pages) find(r *view.Request, f *found) string {
	f.NeedsAccount = bareID.MatchString(f.Query)
	if r.May(access.AccountsRead) && code.MatchString(f.Query) {
		var a account
		_, err := r.API.Get(r.Ctx(), "/v1/accounts/"+url.PathEscape(f.Query), &a)
		var refused *client.Problem
		switch {
		case err == nil:
			return a.Page()
		case errors.As(err, &refused) && refused.Status == http.StatusNotFound:
		default:
			f.Failed = append(f.Failed, p.kit.Failed(r.Ctx(), err))
		}
		p.ofHolder(r, f)
	}
	p.ofCorrelation(r, f)
	switch {
	case f.NeedsAccount:
	case len(f.Accounts) == 1 && len(f.Events) == 0:
		return f.Accounts[0].Page()
	case len(f.Events) == 1 && len(f.Accounts) == 0:
		return f.Events[0].Page()
	}
	return ""
}

// ofHolder adds the accounts of a holder.
func (p *pages) ofHolder(r *view.Request, f *found) {
	var list struct {
		Accounts []account `json:"accounts"`
		HasMore  bool      `json:"has_more"`
	}
	query := url.Values{"holder": {f.Query}, "limit": {strconv.Itoa(mostFound)}}
	if _, err := r.API.Get(r.Ctx(), "/v1/accounts?"+query.Encode(), &list); err != nil {
		f.Failed = append(f.Failed, p.kit.Failed(r.Ctx(), err))
		return
	}
	if f.Accounts = list.Accounts; list.HasMore {
		f.MoreAccounts = "/ui/accounts?" + url.Values{"holder": {f.Query}}.Encode()
	}
}

// ofCorrelation adds the events that a request with a correlation id caused.
func (p *pages) ofCorrelation(r *view.Request, f *found) {
	if !r.May(access.FeedRead) {
		f.NoEvents = true
		return
	}
	var list struct {
		Events  []event `json:"events"`
		HasMore bool    `json:"has_more"`
	}
	query := url.Values{"correlation_id": {f.Query}, "limit": {strconv.Itoa(mostFound)}}
	if _, err := r.API.Get(r.Ctx(), "/v1/events?"+query.Encode(), &list); err != nil {
		f.Failed = append(f.Failed, p.kit.Failed(r.Ctx(), err))
		return
	}
	f.Events, f.MoreEvents = list.Events, list.HasMore
	for i, e := range f.Events {
		if e.AccountID == "" {
			f.Events[i].AccountID = e.EventID[:max(strings.LastIndexByte(e.EventID, ':'), 0)]
		}
	}
}
