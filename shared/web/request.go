package web

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"passbook/shared/account"
	"passbook/shared/event"
)

// headerReplayed says that an answer was given before.
const headerReplayed = "Idempotency-Replayed"

// idempotencyKey is the command's key.
func idempotencyKey(h http.Header) (string, *Problem) {
	given := h["Idempotency-Key"]
	switch {
	case len(given) == 0 || len(given) == 1 && given[0] == "":
		return "", Refuse(CodeKeyMissing)
	case len(given) > 1 || !account.ValidKey(given[0]):
		return "", Refuse(CodeKeyInvalid)
	}
	return given[0], nil
}

// ifMatch is the version that the account must be at, 0 for none. Only one strong tag makes sense
// for an account.
func ifMatch(h http.Header) (int64, *Problem) {
	given := h["If-Match"]
	if len(given) == 0 {
		return 0, nil
	}
	text := given[0]
	if len(given) > 1 || len(text) < 3 || text[0] != '"' || text[len(text)-1] != '"' {
		return 0, Invalid("If-Match", account.FieldSyntax)
	}
	version, ok := parseVersion(text[1 : len(text)-1])
	if !ok {
		return 0, Invalid("If-Match", account.FieldSyntax)
	}
	return version, nil
}

// parseVersion reads a version: digits without a sign or a superfluous zero, 1 to event.MaxVersion.
func parseVersion(text string) (int64, bool) {
	if text == "" || len(text) > 12 || text[0] == '0' || text[0] == '+' || text[0] == '-' {
		return 0, false
	}
	version, err := strconv.ParseInt(text, 10, 64)
	return version, err == nil && version <= event.MaxVersion
}

// setETag makes the account's version the answer's tag.
func setETag(h http.Header, version int64) {
	h["Etag"] = []string{`"` + strconv.FormatInt(version, 10) + `"`}
}

// hasMediaType says whether a body is of the one type that its route takes, in UTF-8 and not
// compressed.
func hasMediaType(h http.Header, want string) bool {
	given := h["Content-Type"]
	if len(given) != 1 || len(h["Content-Encoding"]) > 0 {
		return false
	}
	if given[0] == want {
		return true
	}
	kind, params, err := mime.ParseMediaType(given[0])
	if err != nil || kind != want {
		return false
	}
	charset, ok := params["charset"]
	return !ok || strings.EqualFold(charset, "utf-8")
}

// readBody reads a JSON body of at most MaxBodyBytes into buf. No body at all is fine here; whether
// the command can do without is for its fields to say.
func readBody(buf []byte, r *http.Request) ([]byte, *Problem) {
	if r.ContentLength == 0 {
		return buf[:0], nil
	}
	if r.ContentLength > MaxBodyBytes {
		return nil, Refuse(CodeBodyTooLarge)
	}
	buf = buf[:0]
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := r.Body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case len(buf) > MaxBodyBytes:
			return nil, Refuse(CodeBodyTooLarge)
		case errors.Is(err, io.EOF):
			return buf, bodyType(r, buf)
		case err != nil:
			return nil, Refuse(CodeRequestIncomplete)
		}
	}
}

// bodyType refuses a body of another type. An empty one has none.
func bodyType(r *http.Request, body []byte) *Problem {
	if len(body) > 0 && !hasMediaType(r.Header, "application/json") {
		return Refuse(CodeUnsupportedMediaType)
	}
	return nil
}

// ReadBody reads the JSON body of a request that is no command. Its errors are problems.
func ReadBody(c echo.Context) ([]byte, error) {
	body, problem := readBody(nil, c.Request())
	if problem != nil {
		return nil, problem
	}
	return body, nil
}
