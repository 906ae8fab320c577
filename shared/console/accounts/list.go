package accounts

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"passbook/shared/access"
	"passbook/shared/console/client"
	"passbook/shared/console/view"
)

const (
	// onPage is how many accounts a page of the list has.
	onPage = 50
	// inFile is the most accounts of a CSV file, read in pages of 100.
	inFile = 10_000
)

// filter is what a list is of, as its address has it.
type filter struct{ Holder, Status, OverLimit string }

// filterOf returns the filter of an address.
func filterOf(r *view.Request) filter {
	return filter{r.QueryParam("holder"), r.QueryParam("status"), r.QueryParam("over_limit")}
}

// query returns the filter as parameters, which are the API's too.
func (f filter) query() url.Values {
	q := url.Values{}
	for name, value := range map[string]string{"holder": f.Holder, "status": f.Status, "over_limit": f.OverLimit} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return q
}

// address returns a path with the filter.
func (f filter) address(path string) string {
	if q := f.query().Encode(); q != "" {
		return path + "?" + q
	}
	return path
}

// chip is a choice of what the list is of.
type chip struct {
	Text, Href string
	On         bool
}

// chips returns the choices beside a filter.
func (f filter) chips() []chip {
	status := func(s string) string { n := f; n.Status = s; return n.address(listPath) }
	over := f
	if over.OverLimit = "true"; f.OverLimit == "true" {
		over.OverLimit = ""
	}
	return []chip{
		{"All", status(""), f.Status == ""},
		{"Open", status("open"), f.Status == "open"},
		{"Closed", status("closed"), f.Status == "closed"},
		{"Over limit", over.address(listPath), f.OverLimit == "true"},
	}
}

// listPage is the list of accounts.
type listPage struct {
	Accounts []account
	// Currency is that of all accounts of the page, empty if there are several.
	Currency string
	Chips    []chip
	Filter   filter
	Failure  *client.Problem
	// Next is the address of the next page, Clear that of the list without a filter.
	Next, Clear string
	First       bool
	MayOpen     bool
	MayOperate  bool
	// Example opens an account with curl.
	Example string
}

// accountList is a page of accounts, as the API answers it.
type accountList struct {
	Accounts   []account `json:"accounts"`
	NextCursor string    `json:"next_cursor"`
	HasMore    bool      `json:"has_more"`
}

// list shows accounts. With the parameter id it leads to that account.
func (p *Pages) list(r *view.Request) (view.Page, error) {
	if id := r.QueryParam("id"); id != "" {
		return view.Page{Redirect: accountPath(id)}, nil
	}
	f, cursor := filterOf(r), r.QueryParam("cursor")
	q := f.query()
	q.Set("limit", strconv.Itoa(onPage))
	if cursor != "" {
		q.Set("cursor", cursor)
	}
	path := "/v1/accounts?" + q.Encode()
	var answer accountList
	_, err := r.API.Get(r.Ctx(), path, &answer)
	data := listPage{
		Accounts: answer.Accounts, Currency: common(answer.Accounts), Chips: f.chips(), Filter: f, Failure: p.kit.Failed(r.Ctx(), err),
		First: cursor == "", MayOpen: r.May(access.AccountsWrite), MayOperate: r.May(access.OpsRead),
		Example: example(r),
	}
	if f != (filter{}) {
		data.Clear = listPath
	}
	if answer.NextCursor != "" {
		next := f.query()
		next.Set("cursor", answer.NextCursor)
		data.Next = listPath + "?" + next.Encode()
	}
	return view.Page{Title: section, Section: section, Templates: templates, Name: "accounts", Data: data, Source: path, CSV: f.address("/ui/accounts.csv")}, nil
}

// example returns the command that opens an account.
func example(r *view.Request) string {
	var page changePage
	page.Key = "open-1"
	page.describe(r, http.MethodPost, "/v1/accounts", []byte(`{"account_id":"A-1","currency":"EUR"}`))
	return page.Curl
}

// common returns the currency of all accounts, empty if there is none or several.
func common(all []account) (currency string) {
	for _, a := range all {
		if currency != "" && a.Currency != currency {
			return ""
		}
		currency = a.Currency
	}
	return currency
}

// csv answers the accounts of a filter as a file.
func (p *Pages) csv(r *view.Request) (view.Page, error) {
	q := filterOf(r).query()
	q.Set("limit", "100")
	var file bytes.Buffer
	w := csv.NewWriter(&file)
	header := []string{"account_id", "holder_ref", "currency", "status", "frozen", "posted", "held", "available", "limit", "version", "as_of", "blocked_at_version"}
	if err := w.Write(header); err != nil {
		return view.Page{}, fmt.Errorf("write the accounts: %w", err)
	}
	for rows := 0; rows < inFile; {
		var page accountList
		if _, err := r.API.Get(r.Ctx(), "/v1/accounts?"+q.Encode(), &page); err != nil {
			return view.Page{Title: section, Section: section}, err
		}
		for _, a := range page.Accounts {
			if err := w.Write(a.record()); err != nil {
				return view.Page{}, fmt.Errorf("write the accounts: %w", err)
			}
		}
		if rows += len(page.Accounts); page.NextCursor == "" {
			break
		}
		q.Set("cursor", page.NextCursor)
	}
	w.Flush()
	r.Response().Header().Set("Content-Disposition", `attachment; filename="accounts.csv"`)
	return view.Page{}, r.Blob(http.StatusOK, "text/csv; charset=utf-8", file.Bytes())
}

// record returns an account as a line of a file, with amounts in minor units. Its ids begin with a
// letter or digit, so that no program takes one for a formula.
func (a account) record() []string {
	n := func(v int64) string { return strconv.FormatInt(v, 10) }
	return []string{
		a.AccountID, a.HolderRef, a.Currency, a.Status, a.Frozen, n(a.Posted), n(a.Held), n(a.Available), n(a.Limit), n(a.Version), a.AsOf, n(a.BlockedAtVersion),
	}
}
