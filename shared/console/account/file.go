package account

import (
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"passbook/shared/console/view"
	"passbook/shared/money"
)

// statement answers the account's statement as a file of a format, of the versions that from and to
// name, where they are given. It is sent as the API sends it; where that breaks off the connection
// breaks, so that no part is taken for all.
func (p *Pages) statement(format string) func(*view.Request) (view.Page, error) {
	return func(r *view.Request) (view.Page, error) {
		at, q := placeOf(r), url.Values{"format": {format}}
		for name, version := range map[string]string{"from_version": at.from, "to_version": at.to} {
			if version != "" {
				q.Set(name, version)
			}
		}
		file, err := r.API.Open(r.Ctx(), at.api("/statement/file?"+q.Encode()), nil)
		if err != nil {
			return view.Page{Title: at.id, Section: section}, err
		}
		defer func() { _ = file.Close() }() // it was read, or the caller is gone
		header := r.Response().Header()
		for _, name := range []string{"Content-Type", "Content-Disposition", "Content-Security-Policy"} {
			if value := file.Header.Get(name); value != "" {
				header.Set(name, value)
			}
		}
		r.Response().WriteHeader(http.StatusOK)
		if _, err := io.Copy(r.Response(), file); err != nil {
			panic(http.ErrAbortHandler)
		}
		return view.Page{}, nil
	}
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
