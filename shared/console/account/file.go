package account

import (
	"encoding/csv"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"passbook/shared/console/client"
	"passbook/shared/console/view"
	"passbook/shared/money"
)

// inFile is the most lines of a statement's file: as many as an embedded bank reads within a page's
// time. Where that is too short, or there are more lines, a window of versions has a part of them.
const inFile = 500_000

// line is a line of a statement, as the API answers it.
type line struct {
	EventID       string   `json:"event_id"`
	Version       int64    `json:"version"`
	RecordedAt    string   `json:"recorded_at"`
	EffectiveAt   string   `json:"effective_at"`
	TransactionID string   `json:"transaction_id"`
	Type          string   `json:"type"`
	Kind          string   `json:"kind"`
	Contra        sealable `json:"contra"`
	Reference     sealable `json:"reference"`
	Amount        int64    `json:"amount"`
	Posted        int64    `json:"posted"`
}

// statement answers the account's statement as a file, oldest line first, in minor units; of the
// versions that from and to name, where they are given. It is sent as it is read; where a read
// fails the connection breaks, so that no part is taken for all.
func (p *Pages) statement(r *view.Request) (view.Page, error) {
	at := placeOf(r)
	q := url.Values{"limit": {"100"}}
	versions, err := p.versions(r, at, q)
	if err != nil {
		return view.Page{Title: at.id, Section: section}, err
	}
	page, err := statementPage(r, at, q)
	if err != nil {
		return view.Page{Title: at.id, Section: section}, err
	}
	header := r.Response().Header()
	header.Set("Content-Disposition", `attachment; filename="statement-`+url.PathEscape(at.id)+`.csv"`)
	header.Set("Content-Type", "text/csv; charset=utf-8")
	r.Response().WriteHeader(http.StatusOK)
	w := csv.NewWriter(r.Response())
	_ = w.Write([]string{"effective_at", "recorded_at", "event_id", "transaction_id", "type", "kind", "contra", "reference", "amount", "posted", "currency"}) // Flush has the error
	for lines := 0; ; {
		for _, l := range page.Lines {
			if l.Version < versions.from || l.Version > versions.to { // of the same instant as one of them
				continue
			}
			_ = w.Write([]string{
				l.EffectiveAt, l.RecordedAt, cell(l.EventID), l.TransactionID, l.Type, l.Kind, cell(string(l.Contra)), cell(string(l.Reference)),
				strconv.FormatInt(l.Amount, 10), strconv.FormatInt(l.Posted, 10), page.Currency,
			})
		}
		lines += len(page.Lines)
		if page.NextCursor == "" || lines >= inFile {
			break
		}
		q.Set("cursor", page.NextCursor)
		if page, err = statementPage(r, at, q); err != nil {
			panic(http.ErrAbortHandler)
		}
	}
	if w.Flush(); w.Error() != nil {
		return view.Page{}, fmt.Errorf("write the statement of %s: %w", at.id, w.Error())
	}
	return view.Page{}, nil
}

// span is a range of versions.
type span struct{ from, to int64 }

// versions returns the versions of a place's window, and asks for a statement of their time: the
// API's has no versions.
func (p *Pages) versions(r *view.Request, at place, q url.Values) (s span, err error) {
	s.to = math.MaxInt64
	if at.from != "" {
		var first time.Time
		if s.from, first, err = recorded(r, at, "from", at.from); err != nil {
			return s, err
		}
		q.Set("from", first.Format(time.RFC3339Nano))
	}
	if at.to != "" {
		var last time.Time
		if s.to, last, err = recorded(r, at, "to", at.to); err != nil {
			return s, err
		}
		q.Set("to", last.Add(time.Microsecond).Format(time.RFC3339Nano)) // the first instant after it
	}
	if s.from > s.to {
		return s, notAWindow("from is version " + at.from + ", after version " + at.to + " in to.")
	}
	return s, nil
}

// recorded returns a version that a parameter names, and when it was recorded.
func recorded(r *view.Request, at place, name, text string) (version int64, when time.Time, err error) {
	version, err = strconv.ParseInt(text, 10, 64)
	if err != nil || version < 1 {
		return 0, when, notAWindow(name + " is not a version: a whole number from 1 on.")
	}
	events, err := readEvents(r, at, version, 1, "")
	if err != nil {
		return 0, when, err
	}
	if len(events) == 0 {
		return 0, when, notAWindow(name + " is version " + text + ", and the account has none of that number yet.")
	}
	when, err = time.Parse(time.RFC3339Nano, events[0].RecordedAt)
	return version, when, err
}

// notAWindow returns the refusal of a window.
func notAWindow(detail string) error {
	return &client.Problem{Status: http.StatusBadRequest, Title: "The window of the file is wrong", Detail: "In the address " + detail}
}

// lines is a page of a statement, as the API answers it.
type lines struct {
	Currency   string `json:"currency"`
	Lines      []line `json:"lines"`
	NextCursor string `json:"next_cursor"`
}

// statementPage reads a page of a statement.
func statementPage(r *view.Request, at place, q url.Values) (page lines, err error) {
	_, err = r.API.Get(r.Ctx(), at.api("/statement?"+q.Encode()), &page)
	return page, err
}

// cell returns a text that no program takes for a formula.
func cell(s string) string {
	if s != "" && strings.IndexByte("=+-@\t\r\n", s[0]) >= 0 {
		return "'" + s
	}
	return s
}

// series answers the series that the slider reads.
func (p *Pages) series(r *view.Request) (view.Page, error) {
	answer, err := r.API.Get(r.Ctx(), placeOf(r).api("/series?"+r.QueryParams().Encode()), nil)
	if err != nil {
		return view.Page{}, err
	}
	r.Response().Header().Set("Cache-Control", "no-store")
	return view.Page{}, r.Blob(http.StatusOK, "application/json", answer.Body)
}

// minorUnits returns the minor units of an amount above 0 as a person types it, such as 1,250.50.
func minorUnits(text, currency string) (int64, bool) {
	exponent, _ := money.Exponent(currency) // 0 if it is not known
	whole, fraction, _ := strings.Cut(strings.ReplaceAll(strings.TrimSpace(text), ",", ""), ".")
	if len(fraction) > exponent || strings.Trim(whole+fraction, "0123456789") != "" {
		return 0, false
	}
	minor, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", exponent-len(fraction)), 10, 64)
	return minor, err == nil && minor > 0 && minor <= money.Max
}
