package account

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"passbook/shared/console/view"
	"passbook/shared/money"
)

// inFile is the most lines of a statement's file: as many as are read within a page's time.
const inFile = 500_000

// line is a line of a statement, as the API answers it.
type line struct {
	EventID       string   `json:"event_id"`
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

// statement answers the account's statement as a file, oldest line first, in minor units. It is
// sent as it is read; where a read fails the connection breaks, so that no part is taken for all.
func (p *Pages) statement(r *view.Request) (view.Page, error) {
	at := placeOf(r)
	q := url.Values{"limit": {"100"}}
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
	if strings.HasPrefix(s, "=") || strings.HasPrefix(s, "+") || strings.HasPrefix(s, "-") || strings.HasPrefix(s, "@") {
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
