package session

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"passbook/shared/access"
	"passbook/shared/access/oidc"
)

const (
	// maxForm is the most bytes of a form, and formTimeout how long it may take to arrive.
	maxForm     = 16 << 10
	formTimeout = 5 * time.Second
	// maxPages is the most pages that are made at the same time.
	maxPages = 64
)

// errNoClient is why nobody signs in by a browser.
var errNoClient = errors.New("--oidc-client-id (PASSBOOK_OIDC_CLIENT_ID) is not set")

// readForm reads a request's form. One that is too large, late or none is as one without fields.
// The deadline stays where a part of the form has yet to arrive, since the server reads that too
// before it answers.
func readForm(c echo.Context) {
	r := c.Request()
	r.Body = http.MaxBytesReader(c.Response(), r.Body, maxForm)
	connection := http.NewResponseController(c.Response())
	_ = connection.SetReadDeadline(time.Now().Add(formTimeout)) // a test's recorder has none
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") || r.ParseForm() != nil {
		r.PostForm = url.Values{}
		c.Response().Header().Set("Connection", "close")
		return
	}
	_ = connection.SetReadDeadline(time.Time{})
}

// formValue returns a field of a request's form, which was read.
func formValue(c echo.Context, name string) string { return c.Request().PostForm.Get(name) }

func sameText(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// redirect sends the browser to a path with GET.
func redirect(c echo.Context, to string) error { return c.Redirect(http.StatusSeeOther, to) }

// The notices of the sign-in page, by the parameter that asks for one.
var notices = map[string]string{
	"out":      "You are signed out.",
	"ended":    "Your session has ended. Sign in again.",
	"no-https": "Your browser did not keep the session. It does so only over https, or for localhost.",
}

// noticeOf returns the parameter of the notice for who is sent to sign in.
func noticeOf(r *http.Request, err error) string {
	switch {
	case r.URL.Query().Has(signedIn):
		return "&notice=no-https"
	case !errors.Is(err, access.ErrMissing) || cookieValue(r, ofSession) != "":
		return "&notice=ended"
	}
	return ""
}

// signedIn is the parameter of the page after a sign-in. A browser that comes without a cookie then
// did not keep it.
const signedIn = "signed-in"

// login shows the page to sign in, or begins to at the provider.
func (p *Pages) login(c echo.Context) error {
	r := c.Request()
	to := local(r.URL.Query().Get("to"))
	if p.config.Auth == nil {
		return redirect(c, home)
	}
	if _, err := p.visit(r); err == nil {
		return redirect(c, to)
	}
	if p.config.Provider != nil && r.URL.Query().Has("start") {
		return p.toProvider(c, to)
	}
	return p.showLogin(c, http.StatusOK, to, notices[r.URL.Query().Get("notice")], "")
}

// showLogin shows the page to sign in, with a notice or what was wrong.
func (p *Pages) showLogin(c echo.Context, status int, to, notice, wrong string) error {
	page := loginPage{To: to, Notice: notice, Wrong: wrong}
	if _, ok := p.config.Derive("session"); !ok {
		return p.refuse(c, http.StatusServiceUnavailable, "Browsers cannot sign in yet",
			"Sessions are sealed with the bank's data key, and there is none that can be used. The operator of a bank from before data keys runs: bank upgrade", nil)
	}
	switch {
	case p.config.Provider == nil:
		s, ok := p.signingIn(c.Request())
		if !ok {
			s.ID = make([]byte, idBytes)
			_, _ = rand.Read(s.ID) // it never fails
		}
		s.Began, s.To = time.Now(), to
		if err := p.setSigningIn(c, s); err != nil {
			return err
		}
		token, err := p.sealer.token(s.ID)
		if err != nil {
			return err
		}
		page.FormToken = token
	case !p.config.Client:
		return p.refuse(c, http.StatusNotImplemented, "Browsers cannot sign in here",
			"The operator has not made the bank a client of the provider: --oidc-client-id names it.", errNoClient)
	default:
		page.Provider = p.config.Provider.Host()
		if out := p.config.Provider.SignOut(); notice == notices["out"] {
			page.SignOut = out
		}
	}
	return show(c, status, "login", page)
}

// signIn takes the form with a key.
func (p *Pages) signIn(c echo.Context) error {
	r := c.Request()
	if p.config.Auth == nil || p.config.Provider != nil {
		return redirect(c, loginPath)
	}
	to := local(formValue(c, "to"))
	s, ok := p.signingIn(r)
	token, err := p.sealer.token(s.ID)
	switch {
	case !isOurs(r):
		return p.refuse(c, http.StatusForbidden, "The form was refused", "It came from another page than the bank's own.", nil)
	case err != nil || !ok || !sameText(formValue(c, "token"), token):
		return p.showLogin(c, http.StatusForbidden, to, "", "The page was open for too long, or your browser keeps no cookies. Try again.")
	}
	bearer := strings.TrimSpace(formValue(c, "key"))
	if bearer == "" {
		return p.showLogin(c, http.StatusUnauthorized, to, "", "Enter your API key.")
	}
	who, err := p.config.Auth.Authenticate(r.Context(), bearer)
	if err != nil {
		p.config.Log.WarnContext(r.Context(), "a browser could not sign in", "error", err)
	}
	switch {
	case errors.Is(err, access.ErrUnavailable):
		return p.showLogin(c, http.StatusServiceUnavailable, to, "", "Keys cannot be checked at the moment. Try again in a few seconds.")
	case errors.Is(err, access.ErrExpired):
		return p.showLogin(c, http.StatusUnauthorized, to, "", "This key has expired. Ask your operator for another one.")
	case err != nil:
		return p.showLogin(c, http.StatusUnauthorized, to, "", "This is no valid key of this bank. A key begins with pb_; it may have been revoked.")
	}
	return p.start(c, bearer, who, time.Now(), after(to))
}

// after returns the page after a sign-in, with the parameter that says so.
func after(to string) string {
	if strings.Contains(to, "?") {
		return to + "&" + signedIn
	}
	return to + "?" + signedIn
}

// withoutSignedIn returns the path and query of a page without that parameter.
func withoutSignedIn(page url.URL) string {
	query := page.Query()
	query.Del(signedIn)
	page.RawQuery = query.Encode()
	return page.RequestURI()
}

// toProvider sends the browser to the provider.
func (p *Pages) toProvider(c echo.Context, to string) error {
	r := c.Request()
	if !p.config.Client {
		return p.showLogin(c, http.StatusOK, to, "", "")
	}
	address, flow, err := p.config.Provider.Begin(base(r) + callbackPath)
	if err != nil {
		return p.refuse(c, http.StatusServiceUnavailable, "The provider cannot be reached", "Try again in a minute.", err)
	}
	s := signingIn{ID: make([]byte, idBytes), To: to, Began: time.Now(), Flow: flow}
	if was, err := p.session(r); err == nil {
		s.First = was.began // the eight hours do not begin again
	}
	if err := p.setSigningIn(c, s); err != nil {
		return p.refuse(c, http.StatusServiceUnavailable, "Browsers cannot sign in yet", "The bank's data key cannot be used.", err)
	}
	return redirect(c, address)
}

// callback takes the provider's answer.
func (p *Pages) callback(c echo.Context) error {
	r := c.Request()
	if p.config.Provider == nil {
		return redirect(c, home)
	}
	s, ok := p.signingIn(r)
	if !ok {
		return p.refuse(c, http.StatusBadRequest, "The sign-in took too long", "Or your browser keeps no cookies: it does so only over https, or for localhost. Sign in again.", nil)
	}
	bearer, who, err := p.config.Provider.Finish(r.Context(), base(r)+callbackPath, r.URL.Query(), s.Flow)
	switch {
	case errors.Is(err, access.ErrUnavailable):
		return p.refuse(c, http.StatusServiceUnavailable, "The provider cannot be reached", "Sign in again in a minute.", err)
	case errors.Is(err, oidc.ErrRefused):
		return p.refuse(c, http.StatusForbidden, "You were not signed in", sentence(err), err)
	case err != nil:
		return p.refuse(c, http.StatusForbidden, "Your token is not for this bank", sentence(err), err)
	}
	began := time.Now()
	if !s.First.IsZero() {
		began = s.First
	}
	return p.start(c, bearer, who, began, after(s.To))
}

// sentence returns an error as a sentence. The errors of a provider name no credential.
func sentence(err error) string {
	text := err.Error()
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// logout ends the session of the browser.
func (p *Pages) logout(c echo.Context) error {
	r := c.Request()
	if p.config.Auth == nil {
		return redirect(c, home)
	}
	v, err := p.visit(r)
	switch {
	case !isOurs(r) || err == nil && !p.mayPost(c, v):
		return p.refuse(c, http.StatusForbidden, "The form was refused", "It came from another page than the bank's own. You are still signed in.", nil)
	case err == nil:
		p.config.Log.InfoContext(r.Context(), "signed out with a browser", "actor", v.Actor, "tenant", v.Tenant)
	}
	c.SetCookie(newCookie(r, ofSession, "", 0))
	return redirect(c, loginPath+"?notice=out&to="+url.QueryEscape(home))
}
