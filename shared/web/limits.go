package web

import (
	"context"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"passbook/shared/access"
	"passbook/shared/admission"
	"passbook/shared/listener"
)

// CallerOf returns who takes places in the gates for a request, given its context. Where no
// credentials are asked for everybody is the same, and nobody has a share.
func CallerOf(ctx context.Context) admission.Caller { return callerOf(access.From(ctx)) }

func callerOf(p *access.Principal) admission.Caller {
	if p == access.Dev {
		return admission.Caller{}
	}
	return admission.Caller{Tenant: p.Tenant, Actor: p.Actor}
}

// limit returns why a request of a principal that may use the route is refused now, before its body
// is read: for what the principal has sent already, or because there is no place for a command.
func (s *Server) limit(r *http.Request, header http.Header, route *Route, kind Kind, p *access.Principal) error {
	who := callerOf(p)
	if route != nil && !route.Open {
		if !listener.Claim(r.Context(), who) {
			header["Connection"] = closing
			return Refuse(TooManyRequests)
		}
		if s.config.Rates != nil && kind != Probe {
			if err := s.count(header, p); err != nil {
				return err
			}
		}
	}
	if kind != Write || s.closing.Load() != 0 {
		return nil
	}
	return s.gates.commands.Refuses(who)
}

// count counts a request against the principal's rate. The answer's headers say what is left, in
// the form of draft-ietf-httpapi-ratelimit-headers.
func (s *Server) count(header http.Header, p *access.Principal) error {
	quota := s.config.Rates.Take(admission.Caller{Tenant: p.Tenant, Actor: p.Actor})
	header["Ratelimit-Policy"] = s.ratePolicy
	var text [48]byte
	left := strconv.AppendInt(append(text[:0], `"requests";r=`...), int64(quota.Left), 10)
	header["Ratelimit"] = []string{string(strconv.AppendInt(append(left, ";t="...), int64(quota.Full), 10))}
	if quota.Wait == 0 {
		return nil
	}
	refusal := Refuse(TooManyRequests)
	refusal.RetryAfter = quota.Wait
	return refusal
}

// ratePolicy returns the header that says how many requests a principal may send.
func ratePolicy(rates *admission.Rates) []string {
	if rates == nil {
		return nil
	}
	requests, seconds := rates.Burst()
	return []string{`"requests";q=` + strconv.Itoa(requests) + ";w=" + strconv.Itoa(seconds)}
}

// AwaitRate counts a line of bulk, once its principal may send it. It returns the error of ctx if
// that ends first.
func (s *Server) AwaitRate(ctx context.Context) error {
	if s.config.Rates == nil {
		return nil
	}
	p := access.From(ctx)
	return s.config.Rates.Wait(ctx, admission.Caller{Tenant: p.Tenant, Actor: p.Actor})
}

// read runs a read that does not wait.
func (s *Server) read(c echo.Context, next echo.HandlerFunc) error {
	return s.gates.reads.Through(CallerOf(c.Request().Context()), func() error { return next(c) })
}
