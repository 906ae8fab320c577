package api

import (
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"passbook/shared/account"
	"passbook/shared/event"
	"passbook/shared/web"
)

// idempotencyKey returns the command's key.
func idempotencyKey(h http.Header) (string, *web.Problem) {
	given := h["Idempotency-Key"]
	switch {
	case len(given) == 0 || len(given) == 1 && given[0] == "":
		return "", web.Refuse(KeyMissing)
	case len(given) > 1 || !account.ValidKey(given[0]):
		return "", web.Refuse(KeyInvalid)
	}
	return given[0], nil
}

// formIfMatch is the form of If-Match, in words.
const formIfMatch = `one version in double quotes, such as "17"`

// ifMatch returns the version that the account must be at, 0 for any. An account has one strong
// tag.
func ifMatch(h http.Header) (int64, *web.Problem) {
	given := h["If-Match"]
	if len(given) == 0 {
		return 0, nil
	}
	text := given[0]
	if len(given) > 1 || len(text) < 3 || text[0] != '"' || text[len(text)-1] != '"' {
		return 0, web.InvalidForm("If-Match", account.FieldSyntax, formIfMatch)
	}
	version, ok := parseVersion(text[1 : len(text)-1])
	if !ok {
		return 0, web.InvalidForm("If-Match", account.FieldSyntax, formIfMatch)
	}
	return version, nil
}

// parseVersion reads a version: digits without a sign or a leading zero, 1 to event.MaxVersion.
func parseVersion(text string) (int64, bool) {
	if text == "" || len(text) > 12 || text[0] == '0' || text[0] == '+' || text[0] == '-' {
		return 0, false
	}
	version, err := strconv.ParseInt(text, 10, 64)
	return version, err == nil && version <= event.MaxVersion
}

// asksDryRun reads the parameters of a command's query, and reports whether dry_run=true is among
// them. Any other value or parameter is refused, since it may be there to protect.
func asksDryRun(c echo.Context) (bool, error) {
	if c.Request().URL.RawQuery == "" {
		return false, nil
	}
	q := web.ParseQuery(c)
	dry := q.OneOf("dry_run", "true") != ""
	return dry, q.Problem()
}
