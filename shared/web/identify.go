package web

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/labstack/echo/v4"

	"passbook/shared/access"
	"passbook/shared/telemetry"
	"passbook/shared/telemetry/trace"
	"passbook/shared/web/deadline"
)

// requestContext is a request's context with its deadline, its correlation id, its principal and
// its span. One value has all, as every command has one.
type requestContext struct {
	deadline.Context
	id          [1]string // as a header has it
	correlation any       // the id
	principal   *access.Principal
	span        *trace.Span
}

// Value returns the correlation id, the principal, the span, or the value of the context around it.
func (c *requestContext) Value(key any) any {
	switch key.(type) {
	case telemetry.CorrelationKey:
		return c.correlation
	case access.Key:
		return c.principal
	case telemetry.SpanKey:
		return c.span
	}
	return c.Context.Value(key)
}

// identify returns who sends the request, once it may use the route. A route that is open, or that
// does not exist, has everybody's principal: Nobody, or Dev where no credentials are asked for.
func (s *Server) identify(r *http.Request, route *Route) (*access.Principal, error) {
	if s.config.LocalOnly && (route == nil || !route.AnyHost) {
		if err := s.guard(r); err != nil {
			return access.Nobody, err
		}
	}
	if s.config.Auth == nil {
		return access.Dev, nil
	}
	if route == nil || route.Open {
		return s.optional(r), nil
	}
	bearer, err := bearerOf(r.Header)
	if err != nil {
		return access.Nobody, err
	}
	p, err := s.config.Auth.Authenticate(r.Context(), bearer)
	if err != nil {
		return access.Nobody, err
	}
	if !p.Scopes.Has(route.Scopes) || route.AnyOf != 0 && !p.Scopes.HasAny(route.AnyOf) {
		return p, MissingScope(route.Scopes | route.AnyOf)
	}
	return p, nil
}

// Identify returns again who sends a request that lasts, and whether it may still use its route.
func (s *Server) Identify(c echo.Context) (*access.Principal, error) {
	route, _ := s.route(c)
	return s.identify(c.Request(), route)
}

// optional returns the principal of a request to an open route: an answer may be longer for some.
func (s *Server) optional(r *http.Request) *access.Principal {
	bearer, err := bearerOf(r.Header)
	if err != nil {
		return access.Nobody
	}
	p, err := s.config.Auth.Authenticate(r.Context(), bearer)
	if err != nil {
		return access.Nobody
	}
	return p
}

// bearerScheme is the scheme of RFC 6750 in the header Authorization, in lower case.
const bearerScheme = "bearer "

// errNoBearer is the refusal of a header that has no bearer token. It is made once, so that it
// costs no memory.
var errNoBearer = fmt.Errorf("%w: the header Authorization is not Bearer and one token", access.ErrInvalid)

// bearerOf returns the bearer token of a request.
func bearerOf(h http.Header) (string, error) {
	given := h["Authorization"]
	if len(given) == 0 {
		return "", access.ErrMissing
	}
	text := given[0]
	if len(given) > 1 || len(text) <= len(bearerScheme) || !strings.EqualFold(text[:len(bearerScheme)], bearerScheme) {
		return "", errNoBearer
	}
	return text[len(bearerScheme):], nil
}

// MissingScope returns the refusal of a principal without one of the scopes.
func MissingScope(wanted access.Scopes) *Problem {
	p := Refuse(ScopeMissing)
	p.Members = append(p.Members, Member{"scopes", wanted.String()})
	return p
}

// accessProblem returns the problem that stands for an authenticator's error, nil if it is none.
func accessProblem(err error) *Problem {
	switch {
	case errors.Is(err, access.ErrMissing):
		return Refuse(CredentialsMissing)
	case errors.Is(err, access.ErrExpired):
		return Refuse(CredentialsExpired)
	case errors.Is(err, access.ErrInvalid):
		return Refuse(CredentialsInvalid)
	case errors.Is(err, access.ErrUnavailable):
		return Refuse(AccessUnavailable)
	}
	return nil
}

// challenge returns the header WWW-Authenticate of a refusal (RFC 6750, 3), empty if it has none.
func challenge(p *Problem) string {
	const realm = `Bearer realm="passbook"`
	switch p.Code {
	case CredentialsMissing.Code:
		return realm
	case CredentialsInvalid.Code:
		return realm + `, error="invalid_token"`
	case CredentialsExpired.Code:
		return realm + `, error="invalid_token", error_description="expired"`
	case ScopeMissing.Code:
		return realm + `, error="insufficient_scope"`
	}
	return ""
}

// guard refuses what a page in a browser may send to a server on its own machine that asks for no
// credentials: a request to a name of the page's own that resolves to this machine (DNS rebinding),
// or from a page of another origin.
func (s *Server) guard(r *http.Request) error {
	if !s.isLocalName(r.Host) {
		return Refuse(OriginRefused)
	}
	site := r.Header["Sec-Fetch-Site"]
	read := r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions
	for _, from := range site {
		if from != "same-origin" && from != "none" && (!read || from == "cross-site" || from == "same-site") {
			return Refuse(OriginRefused)
		}
	}
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	for _, origin := range r.Header["Origin"] {
		if origin != scheme+r.Host {
			return Refuse(OriginRefused)
		}
	}
	return nil
}

// LoopbackName returns the name in a Host header, and reports whether it is that of a loopback
// address.
func LoopbackName(host string) (name string, loopback bool) {
	name = host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.ToLower(strings.TrimSuffix(strings.Trim(name, "[]"), "."))
	ip, err := netip.ParseAddr(name)
	return name, name == "localhost" || err == nil && ip.IsLoopback()
}

// isLocalName reports whether a Host header names this machine's loopback, or a configured name.
func (s *Server) isLocalName(host string) bool {
	name, loopback := LoopbackName(host)
	if loopback {
		return true
	}
	for _, allowed := range s.config.Hosts {
		if strings.EqualFold(name, allowed) {
			return true
		}
	}
	return false
}
