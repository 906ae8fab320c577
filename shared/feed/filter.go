package feed

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"passbook/shared/access"
	"passbook/shared/account"
	"passbook/shared/event"
	"passbook/shared/money"
	"passbook/shared/web"
)

// filter selects the events of a tenant. Empty selects all.
type filter struct {
	tenant                    string
	types                     []string
	account, holder, currency string
	minAmount                 int64
}

// scope names the query that a cursor belongs to.
func (f filter) scope() string {
	return strings.Join([]string{"feed", f.tenant, strings.Join(f.types, ","), f.account, f.holder, f.currency, fmt.Sprint(f.minAmount)}, "|")
}

// ofAccount reports whether events of the entry's account may be selected, as far as the entry
// tells. The holder is in the first entry only.
func (f filter) ofAccount(e *event.Entry) bool {
	return e.Tenant == f.tenant && (f.account == "" || e.AccountID == f.account) && (f.currency == "" || e.Currency == f.currency)
}

// matches reports whether an event of an account that may be selected is.
func (f filter) matches(ev event.Event) bool {
	return (len(f.types) == 0 || slices.Contains(f.types, ev.Body.Type())) && (f.minAmount == 0 || ev.Amount() >= f.minAmount)
}

// request is what a caller asks for.
type request struct {
	filter
	// from is where to begin; a cursor, if there is one, instead.
	from   start
	at     time.Time
	cursor *position
	// untilNow ends the feed once everything was sent that there was at the beginning.
	untilNow bool
	lines    bool // as NDJSON
}

// start is where a feed begins that continues none.
type start int

const (
	latest start = iota
	earliest
	atTime
)

// headerLastEventID is what browsers send when they connect again.
const headerLastEventID = "Last-Event-Id"

// MediaEvents and MediaLines are the media types of the answer.
const (
	MediaEvents = "text/event-stream"
	MediaLines  = "application/x-ndjson"
)

// parse reads a request.
func parse(c echo.Context) (request, error) {
	q := web.ParseQuery(c)
	r := request{filter: filter{
		tenant: access.From(c.Request().Context()).Tenant, account: q.String("account", 64), holder: q.String("holder", 64), currency: q.String("currency", 3),
		minAmount: q.Int("min_amount", 1, money.Max, 0),
	}}
	for name, value := range map[string]string{"account": r.account, "holder": r.holder} {
		if value != "" && !account.ValidCode(value) {
			q.FailForm(name, account.FieldSyntax, account.FormID)
		}
	}
	if r.currency != "" && !isCode(r.currency) {
		q.FailForm("currency", account.FieldSyntax, "an ISO 4217 code, such as EUR")
	}
	r.types = types(q)
	from(q, &r)
	cursor := q.String("cursor", maxCursor)
	header := c.Request().Header
	if given := header.Get(headerLastEventID); given != "" {
		cursor = given
	}
	if cursor != "" {
		p, err := decodeCursor(r.scope(), cursor)
		if err != nil {
			q.FailForm("cursor", account.FieldSyntax, "the cursor of an event or heartbeat of the feed, sent with the same filter")
		}
		r.cursor = &p
	}
	r.untilNow = q.OneOf("until", "now") != ""
	r.lines = strings.Contains(header.Get("Accept"), MediaLines)
	return r, q.Problem()
}

// types takes the types of events, which are separated by commas.
func types(q *web.Query) []string {
	text := q.String("type", 512)
	if text == "" {
		return nil
	}
	list := strings.Split(text, ",")
	for _, name := range list {
		if !slices.Contains(event.Types(), name) {
			q.FailForm("type", account.FieldNotOneOf, account.FormOneOf(event.Types()...))
			return nil
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// from takes where to begin.
func from(q *web.Query, r *request) {
	switch text := q.String("from", 40); text {
	case "", "latest":
	case "earliest":
		r.from = earliest
	default:
		var ok bool
		r.from = atTime
		if r.at, ok = account.ParseTime(text); !ok {
			q.FailForm("from", account.FieldSyntax, "earliest, latest or an instant such as 2026-11-30T08:30:00Z")
		}
	}
}

// isCode reports whether a text has the form of an ISO 4217 code. One of no currency selects
// nothing.
func isCode(s string) bool {
	return len(s) == 3 && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}
