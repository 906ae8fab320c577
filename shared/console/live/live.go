package live

import (
	"embed"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"passbook/shared/access"
	"passbook/shared/console/client"
	"passbook/shared/console/view"
	"passbook/shared/event"
	"passbook/shared/money"
	"passbook/shared/web"
)

//go:embed templates
var files embed.FS

var templates = view.Parse(files, "templates/*.html")

const (
	section  = "Live"
	pagePath = "/ui/live"
	tailPath = "/ui/live/tail"
	// newest is how many events the page has before it lives.
	newest = 50
)

// page is the page of this package.
type page struct{ kit *view.Kit }

// Routes returns the page, and the stream of its rows.
func Routes(k *view.Kit) []web.Route {
	p := &page{k}
	return []web.Route{k.Get(pagePath, access.FeedRead, p.show), k.Stream(tailPath, access.FeedRead, p.tail)}
}

// row is an event, as the API has it.
type row struct {
	EventID    string `json:"event_id"`
	AccountID  string `json:"account_id"`
	Version    int64  `json:"version"`
	Type       string `json:"type"`
	RecordedAt string `json:"recorded_at"`
	Currency   string `json:"currency"`
	Amount     int64  `json:"amount"`
	After      struct {
		Posted int64 `json:"posted"`
	} `json:"after"`
	Data struct {
		view.EventData
		Amount int64
	} `json:"data"`
}

// Href returns the address of the event.
func (r row) Href() string {
	return "/ui/accounts/" + url.PathEscape(r.AccountID) + "/events/" + strconv.FormatInt(r.Version, 10)
}

// Title returns the name of the event.
func (r row) Title() string { return view.EventTitle(r.Type, r.Data.EventData) }

// Moves returns the amount with the sign of what it does to the balance, 0 if it does nothing.
func (r row) Moves() int64 { return view.EventMoves(r.Type, r.Data.EventData, r.Amount) }

// Declined returns the amount of a decline, 0 for other events.
func (r row) Declined() int64 {
	if r.Type == "WithdrawalDeclined" {
		return r.Data.Amount
	}
	return 0
}

// filter is what the page shows, as its address has it.
type filter struct{ Type, Account, Holder, Currency, Above string }

// filterOf returns the filter of an address.
func filterOf(r *view.Request) filter {
	return filter{r.QueryParam("type"), r.QueryParam("account"), r.QueryParam("holder"), strings.ToUpper(r.QueryParam("currency")), r.QueryParam("above")}
}

// least returns the least amount in minor units, 0 for any. An amount is meant in the currency of
// the filter, else in one with two decimals.
func (f filter) least() (int64, bool) {
	if f.Above == "" {
		return 0, true
	}
	exponent, known := money.Exponent(f.Currency)
	if !known {
		exponent = 2
	}
	whole, fraction, _ := strings.Cut(f.Above, ".")
	if len(fraction) > exponent || whole == "" || strings.Trim(whole+fraction, "0123456789") != "" {
		return 0, false
	}
	minor, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", exponent-len(fraction)), 10, 64)
	return minor, err == nil && money.Amount(minor)
}

// query returns the filter as parameters of the feed.
func (f filter) query() url.Values {
	q := url.Values{}
	least, _ := f.least()
	for name, value := range map[string]string{"type": f.Type, "account": f.Account, "holder": f.Holder, "currency": f.Currency} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if least > 0 {
		q.Set("min_amount", strconv.FormatInt(least, 10))
	}
	return q
}

// matches reports whether the filter selects an event whose type and holder are selected.
func (f filter) matches(r row) bool {
	least, _ := f.least()
	return (f.Account == "" || r.AccountID == f.Account) && (f.Currency == "" || r.Currency == f.Currency) && r.Amount >= least
}

// livePage is what the page shows.
type livePage struct {
	Filter  filter
	Types   []string
	Rows    []row
	Failure *client.Problem
	// Tail is the address of the stream of rows; empty if the filter is wrong, which Wrong says.
	Tail, Wrong string
	Filtered    bool
	Example     string
}

// show shows the newest events.
func (p *page) show(r *view.Request) (view.Page, error) {
	f := filterOf(r)
	data := livePage{Filter: f, Types: event.Types(), Filtered: f != (filter{}), Example: "curl -N " + r.Base(http.MethodGet, "/v1/feed") + "/v1/feed"}
	if _, ok := f.least(); !ok {
		data.Wrong = "The least amount is no amount. Write digits, and decimals after a point: 100.00."
	}
	if data.Wrong == "" {
		data.Tail = tailPath
		if q := f.query().Encode(); q != "" {
			data.Tail += "?" + q
		}
	}
	q := url.Values{"limit": {strconv.Itoa(newest)}}
	for name, value := range map[string]string{"type": f.Type, "holder": f.Holder} {
		if value != "" {
			q.Set(name, value)
		}
	}
	source := "/v1/events?" + q.Encode()
	var answer struct{ Events []row }
	_, err := r.API.Get(r.Ctx(), source, &answer)
	data.Failure = p.kit.Failed(r.Ctx(), err)
	for _, e := range answer.Events {
		if f.matches(e) {
			data.Rows = append(data.Rows, e)
		}
	}
	return view.Page{Title: section, Section: section, Templates: templates, Name: "live", Data: data, Source: source}, nil
}

// item is a line of the feed.
type item struct {
	row
	Cursor string `json:"cursor"`
	Bye    string `json:"bye"`
	Detail string `json:"detail"`
}

// itemOf reads a line of the feed.
func itemOf(line []byte) (i item, err error) {
	err = json.Unmarshal(line, &i)
	return i, err
}
