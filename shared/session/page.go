package session

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"passbook/shared/access"
	"passbook/shared/telemetry"
)

//go:embed pages
var files embed.FS

// templates are the pages. html/template escapes what they show.
var templates = template.Must(template.New("").Funcs(template.FuncMap{"utc": utc, "within": within}).ParseFS(files, "pages/*.html"))

// policy is the Content-Security-Policy: no scripts, and nothing from elsewhere.
const policy = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Protect sets the headers of a page: its policy, and who may embed it or learn its address.
func Protect(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Frame-Options", "DENY")
	// no-referrer would take the Origin from forms, which isOurs needs
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
}

// show answers with a page.
func show(c echo.Context, status int, name string, data any) error {
	var page bytes.Buffer
	if err := templates.ExecuteTemplate(&page, name+".html", data); err != nil {
		return fmt.Errorf("show the page %s: %w", name, err)
	}
	Protect(c.Response().Header())
	return c.HTMLBlob(status, page.Bytes())
}

// style serves the style sheet.
func (p *Pages) style(c echo.Context) error {
	c.Response().Header().Set("Cache-Control", "public, max-age=300")
	return c.Blob(http.StatusOK, "text/css; charset=utf-8", p.config.Style)
}

// loginPage is the page to sign in.
type loginPage struct {
	// To is the path that the person asked for.
	To string
	// FormToken is that of the form for a key; Provider is the host at which people sign in, "" for
	// keys; SignOut is where they sign out there.
	FormToken, Provider, SignOut string
	// Notice says what happened, Wrong what was wrong with the last attempt.
	Notice, Wrong string
}

// refusal is a page that says what went wrong.
type refusal struct{ Title, Detail, ID string }

// refuse shows what went wrong, and logs the cause if there is one.
func (p *Pages) refuse(c echo.Context, status int, title, detail string, cause error) error {
	if cause != nil {
		p.config.Log.WarnContext(c.Request().Context(), "a page was refused", "page", c.Path(), "status", status, "error", cause)
	}
	if status == http.StatusServiceUnavailable {
		c.Response().Header().Set("Retry-After", "5")
	}
	return show(c, status, "refused", refusal{title, detail, telemetry.Correlation(c.Request().Context())})
}

// whoamiPage is the page about who is signed in.
type whoamiPage struct {
	Visit
	Name    string
	Dev     bool
	Rights  []right
	Example string
}

// right is a scope and what it allows.
type right struct{ Scope, Allows string }

// allows says in words what each scope allows.
var allows = map[access.Scopes]string{
	access.AccountsRead:  "read accounts, balances, statements, events, holds and limits",
	access.AccountsWrite: "open, freeze, unfreeze and close accounts",
	access.MoneyCredit:   "credit accounts and reverse credits",
	access.MoneyWithdraw: "withdraw, hold, capture, release, transfer and reverse withdrawals",
	access.LimitsWrite:   "set credit limits",
	access.Force:         "pass a rule that a command names, such as a limit below its use",
	access.OpsRead:       "read the state of consumers, metrics and the operators' log",
	access.OpsWrite:      "run jobs",
	access.FeedRead:      "read the events of all accounts",
	access.PIIRead:       "read the names behind actors",
	access.KeysWrite:     "make and revoke keys",
	access.WebhooksRead:  "read webhooks, and how far each account is for one",
	access.WebhooksWrite: "add, change and remove webhooks, and have events sent again",
}

// rights returns the scopes of a principal with what they allow.
func rights(s access.Scopes) (all []right) {
	for one := access.Scopes(1); one != 0 && one <= access.All; one <<= 1 {
		if s.Has(one) {
			all = append(all, right{one.String(), allows[one]})
		}
	}
	return all
}

// whoami shows who is signed in.
func (p *Pages) whoami(c echo.Context, v Visit) error {
	r := c.Request()
	page := whoamiPage{Visit: v, Dev: p.config.Auth == nil, Rights: rights(v.Scopes), Example: "curl "}
	if p.config.Name != nil {
		name, err := p.config.Name(r.Context(), v.Tenant, v.Actor)
		if err != nil {
			p.config.Log.WarnContext(r.Context(), "the name of an actor cannot be read", "actor", v.Actor, "error", err)
		}
		page.Name = name
	}
	if !page.Dev {
		page.Example += `-H "Authorization: Bearer $PASSBOOK_KEY" `
	}
	page.Example += base(r) + "/v1/accounts"
	return show(c, http.StatusOK, "whoami", page)
}

// utc returns a time for people.
func utc(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// within returns how long it is until a time, in hours and minutes.
func within(t time.Time) string {
	left := max(time.Until(t), 0).Round(time.Minute)
	hours, minutes := int(left/time.Hour), int(left%time.Hour/time.Minute)
	if hours == 0 {
		return strconv.Itoa(minutes) + " min"
	}
	return fmt.Sprintf("%d h %d min", hours, minutes)
}
