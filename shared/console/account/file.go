package account

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"passbook/shared/console/view"
	"passbook/shared/money"
)

// inFile is the most lines of a statement's file.
const inFile = 10_000

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

// statement answers the account's statement as a file, oldest line first, in minor units.
func (p *Pages) statement(r *view.Request) (view.Page, error) {
	at := placeOf(r)
	var file bytes.Buffer
	w := csv.NewWriter(&file)
	rows := [][]string{{"effective_at", "recorded_at", "event_id", "transaction_id", "type", "kind", "contra", "reference", "amount", "posted", "currency"}}
	q := url.Values{"limit": {"100"}}
	for len(rows) <= inFile {
		var page struct {
			Currency   string `json:"currency"`
			Lines      []line `json:"lines"`
			NextCursor string `json:"next_cursor"`
		}
		if _, err := r.API.Get(r.Ctx(), at.api("/statement?"+q.Encode()), &page); err != nil {
			return view.Page{Title: at.id, Section: section}, err
		}
		for _, l := range page.Lines {
			rows = append(rows, []string{
				l.EffectiveAt, l.RecordedAt, cell(l.EventID), l.TransactionID, l.Type, l.Kind, cell(string(l.Contra)), cell(string(l.Reference)),
				strconv.FormatInt(l.Amount, 10), strconv.FormatInt(l.Posted, 10), page.Currency,
			})
		}
		if page.NextCursor == "" {
			break
		}
		q.Set("cursor", page.NextCursor)
	}
	if err := w.WriteAll(rows); err != nil {
		return view.Page{}, fmt.Errorf("write the statement of %s: %w", at.id, err)
	}
	r.Response().Header().Set("Content-Disposition", `attachment; filename="statement-`+url.PathEscape(at.id)+`.csv"`)
	return view.Page{}, r.Blob(http.StatusOK, "text/csv; charset=utf-8", file.Bytes())
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
