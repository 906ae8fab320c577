package session

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"

	"passbook/shared/access"
	"passbook/shared/access/oidc"
	"passbook/shared/web"
)

// The paths of the pages.
const (
	home         = "/ui/"
	whoamiPath   = "/ui/me"
	loginPath    = "/ui/login"
	callbackPath = "/ui/callback"
	logoutPath   = "/ui/logout"
	stylePath    = "/ui/style.css"
)

// Config configures Pages. Derive is required.
type Config struct {
	// Auth makes principals of bearers; nil asks nobody to sign in, and everybody is access.Dev.
	Auth access.Authenticator
	// Provider signs people in; nil has them type a key. It MUST be Auth then.
	Provider *oidc.Authenticator
	// Client reports whether the bank is a client of the provider, without which it signs nobody
	// in.
	Client bool
	// Derive returns the bank's key of a label, or false as long as the bank has none.
	Derive func(label string) ([]byte, bool)
	// Name returns the name of an actor's person, "" if it is not known; nil knows none.
	Name func(ctx context.Context, tenant, actor string) (string, error)
	// Style is the style sheet of the pages; nil leaves them plain.
	Style []byte
	// Log gets who signs in, and why somebody could not; nil is slog.Default.
	Log *slog.Logger
}

// Pages are the bank's pages for browsers.
type Pages struct {
	config Config
	sealer sealer
	// places has an element for each page that is made at the moment.
	places chan struct{}
}

// Keyed reports whether the bank asks for credentials.
func (p *Pages) Keyed() bool { return p.config.Auth != nil }

// New makes Pages.
func New(c Config) *Pages {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return &Pages{config: c, sealer: sealer{c.Derive}, places: make(chan struct{}, maxPages)}
}

// Home returns the route of /ui/ where the console is not served: it leads to who is signed in.
func (p *Pages) Home() web.Route {
	return p.Route(http.MethodGet, home, p.Page(0, func(c echo.Context, _ Visit) error { return redirect(c, whoamiPath) }))
}

// Routes returns the pages' routes. They are open to everybody and find out by the cookie who asks.
func (p *Pages) Routes() []web.Route {
	return []web.Route{
		p.Route(http.MethodGet, whoamiPath, p.Page(0, p.whoami)),
		p.Route(http.MethodGet, loginPath, p.login),
		p.Route(http.MethodPost, loginPath, p.signIn),
		p.Route(http.MethodGet, callbackPath, p.callback),
		p.Route(http.MethodGet, logoutPath, func(c echo.Context) error { return redirect(c, home) }),
		p.Route(http.MethodPost, logoutPath, p.logout),
		p.Route(http.MethodGet, stylePath, p.style),
	}
}

// Route returns the route of a page. Nobody is known when it is asked for, so that it takes no
// place of the API's: pages have a few separate ones, and a form is read before it takes one.
func (p *Pages) Route(method, path string, handler echo.HandlerFunc) web.Route {
	return web.Route{Method: method, Path: path, Kind: web.Probe, Open: true, Handler: func(c echo.Context) error {
		if method == http.MethodPost {
			readForm(c)
		}
		select {
		case p.places <- struct{}{}:
			defer func() { <-p.places }()
			return handler(c)
		default:
			return web.Refuse(web.Overloaded)
		}
	}}
}

// Visit is a request for a page by somebody who is signed in.
type Visit struct {
	*access.Principal
	// FormToken is the field "token" of the page's forms.
	FormToken string
	// Bearer is the credential that the session has; empty where nobody signs in.
	Bearer string
	// Until is when the session ends; zero where nobody signs in.
	Until time.Time
}

// Page returns the handler of a page that needs scopes. Who is not signed in is sent to sign in; a
// form is refused unless it is from a page of this session.
func (p *Pages) Page(scopes access.Scopes, show func(c echo.Context, v Visit) error) echo.HandlerFunc {
	return func(c echo.Context) error {
		v, err := p.visit(c.Request())
		switch r := c.Request(); {
		case err != nil && r.Method == http.MethodPost:
			return p.refuse(c, http.StatusUnauthorized, "Your session has ended", "Nothing was changed. Sign in and try again.", err)
		case errors.Is(err, access.ErrUnavailable):
			return p.refuse(c, http.StatusServiceUnavailable, "Sessions cannot be checked", "Try again in a few seconds.", err)
		case errors.Is(err, access.ErrExpired) && p.config.Provider != nil:
			return p.toProvider(c, asked(r)) // its session is often longer than its tokens
		case err != nil:
			return redirect(c, loginPath+"?to="+url.QueryEscape(asked(r))+noticeOf(r, err))
		case r.Method == http.MethodPost && !p.mayPost(c, v):
			return p.refuse(c, http.StatusForbidden, "The form was refused", "It came from another page than the bank's own. Nothing was changed.", nil)
		case r.Method == http.MethodGet && r.URL.Query().Has(signedIn):
			// The cookie was kept; the browser's way back to this page must not ask whether it was.
			return redirect(c, withoutSignedIn(*r.URL))
		case !v.Scopes.Has(scopes):
			return p.refuse(c, http.StatusForbidden, "You may not see this page", "It needs the scopes "+scopes.String()+".", nil)
		}
		c.SetRequest(c.Request().WithContext(access.With(c.Request().Context(), v.Principal)))
		return show(c, v)
	}
}

// visit returns who sends a request, by its cookie.
func (p *Pages) visit(r *http.Request) (Visit, error) {
	if p.config.Auth == nil {
		token, err := p.sealer.token(nil)
		return Visit{Principal: access.Dev, FormToken: token}, errIsNoKey(err)
	}
	s, err := p.session(r)
	if err != nil {
		return Visit{}, err
	}
	who, err := p.config.Auth.Authenticate(r.Context(), s.bearer)
	if err != nil {
		return Visit{}, err
	}
	token, err := p.sealer.token(s.id[:])
	v := Visit{Principal: who, FormToken: token, Bearer: s.bearer, Until: s.began.Add(sessionFor)}
	if !who.Expires.IsZero() && who.Expires.Before(v.Until) {
		v.Until = who.Expires
	}
	return v, err
}

// errIsNoKey returns nil for errNoKey: where nobody signs in, pages are shown without a key too.
func errIsNoKey(err error) error {
	if errors.Is(err, errNoKey) {
		return nil
	}
	return err
}

// session returns the session in a request's cookie.
func (p *Pages) session(r *http.Request) (content, error) {
	value := cookieValue(r, ofSession)
	if value == "" {
		return content{}, access.ErrMissing
	}
	plain, ok := p.sealer.open("session", value)
	if !ok {
		return content{}, fmt.Errorf("%w: no cookie of this bank", access.ErrMissing)
	}
	s, ok := decodeContent(plain)
	if age := time.Since(s.began); !ok || age < -time.Minute || age >= sessionFor {
		return content{}, fmt.Errorf("%w: the session is over", access.ErrMissing)
	}
	return s, nil
}

// mayPost reports whether a form may be taken. It reads the form.
func (p *Pages) mayPost(c echo.Context, v Visit) bool {
	return isOurs(c.Request()) && v.FormToken != "" && sameText(formValue(c, "token"), v.FormToken)
}

// start begins a session with a bearer, and sends the browser to a path. began is when the person
// signed in.
func (p *Pages) start(c echo.Context, bearer string, who *access.Principal, began time.Time, to string) error {
	s := content{began: began, bearer: bearer}
	_, _ = rand.Read(s.id[:]) // it never fails
	value, err := p.sealer.seal("session", s.encode())
	if err != nil {
		return err
	}
	cookie := newCookie(c.Request(), ofSession, value, sessionFor)
	if n := len(cookie.Name) + len(value); n > maxCookie {
		return p.refuse(c, http.StatusBadGateway, "Your token is too large",
			fmt.Sprintf("A browser keeps %d bytes, and your session would have %d. Have the provider put fewer claims, such as groups, into tokens for this bank.", maxCookie, n), nil)
	}
	c.SetCookie(cookie)
	c.SetCookie(newCookie(c.Request(), ofSignIn, "", 0))
	p.config.Log.InfoContext(c.Request().Context(), "signed in with a browser", "actor", who.Actor, "tenant", who.Tenant)
	return redirect(c, to)
}

// signingIn is what the bank remembers of a browser that signs in, in its cookie.
type signingIn struct {
	// ID is random; the token of the form for a key is bound to it.
	ID []byte `json:"id"`
	// To is the path that the person asked for.
	To string `json:"to"`
	// Began is when the sign-in began, First when the person signed in first, whose session is
	// renewed; zero for a new one.
	Began time.Time `json:"began"`
	First time.Time `json:"first"`
	// Flow is that at the provider.
	Flow oidc.Flow `json:"flow"`
}

// setSigningIn sets the cookie of a sign-in.
func (p *Pages) setSigningIn(c echo.Context, s signingIn) error {
	plain, err := json.Marshal(s)
	if err != nil {
		return err
	}
	value, err := p.sealer.seal("sign-in", plain)
	if err != nil {
		return err
	}
	c.SetCookie(newCookie(c.Request(), ofSignIn, value, signInFor))
	return nil
}

// signingIn returns the sign-in of a request's cookie.
func (p *Pages) signingIn(r *http.Request) (s signingIn, ok bool) {
	plain, ok := p.sealer.open("sign-in", cookieValue(r, ofSignIn))
	if !ok || json.Unmarshal(plain, &s) != nil {
		return signingIn{}, false
	}
	age := time.Since(s.Began)
	return s, len(s.ID) == idBytes && age > -time.Minute && age < signInFor
}
