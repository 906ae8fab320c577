package web

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"passbook/shared/account"
	"passbook/shared/admission"
)

// Problem is a refusal, from which a problem document (RFC 9457) is made. It is an error, so that a
// handler returns it.
type Problem struct {
	ProblemType
	// AccountID and AccountVersion are left out when empty; with an AccountID the version may be 0.
	AccountID      string
	AccountVersion int64
	// CorrelationID is that of the command that was first refused; empty stands for the request's
	// own.
	CorrelationID string
	// Members are the further members of the document, in order.
	Members []Member
	// Errors are the wrong fields of a ValidationFailed.
	Errors []FieldError
	// Checks are the results of the checks of /readyz.
	Checks []CheckResult
	// Replayed says that the refusal was stored and given before.
	Replayed bool
}

// Member is one further member of a problem document: a part of the account's state, never a value
// of the request.
type Member struct {
	Name  string
	Value any // int64 or string
}

// Error returns the code. It contains nothing of the request.
func (p *Problem) Error() string { return p.Code }

// Refuse makes a problem of a type, without further members.
func Refuse(t ProblemType) *Problem { return &Problem{ProblemType: t} }

// Invalid makes a ValidationFailed with one wrong field.
func Invalid(name, code string) *Problem {
	return &Problem{ProblemType: ValidationFailed, Errors: []FieldError{{Pointer: "/" + name, Code: code}}}
}

// InvalidForm makes an Invalid whose detail names the form that is expected.
func InvalidForm(name, code, form string) *Problem {
	p := Invalid(name, code)
	p.Errors[0].Detail = account.Expected(form)
	return p
}

// Of sets the account of a problem, and returns the problem.
func (p *Problem) Of(accountID string, version int64) *Problem {
	p.AccountID, p.AccountVersion = accountID, version
	return p
}

// With adds a member, and returns the problem.
func (p *Problem) With(name string, value int64) *Problem {
	p.Members = append(p.Members, Member{name, value})
	return p
}

// Append adds the document to dst. The order of its members is fixed.
func (p *Problem) Append(dst []byte, correlationID string) []byte {
	if p.CorrelationID != "" {
		correlationID = p.CorrelationID
	}
	j := JSON(dst)
	j.Begin()
	j.String("type", "/problems/"+p.Code)
	j.String("title", p.Title)
	j.Int("status", int64(p.Status))
	j.String("detail", p.Detail)
	if p.AccountID != "" {
		j.String("account_id", p.AccountID)
		j.Int("account_version", p.AccountVersion)
	}
	for _, m := range p.Members {
		switch v := m.Value.(type) {
		case int64:
			j.Int(m.Name, v)
		case string:
			j.String(m.Name, v)
		}
	}
	j.fieldErrors(p.Errors)
	j.checks(p.Checks)
	j.Bool("retryable", p.Retryable)
	j.String("correlation_id", correlationID)
	j.End()
	return j
}

func (j *JSON) fieldErrors(errs []FieldError) {
	if len(errs) == 0 {
		return
	}
	j.BeginList("errors")
	for _, e := range errs {
		j.Begin()
		j.String("pointer", e.Pointer)
		j.String("code", e.Code)
		j.String("detail", detailOf(e))
		j.End()
	}
	j.EndList()
}

// AsProblem returns the problem that is in an error's chain.
func AsProblem(err error) (*Problem, bool) {
	var p *Problem
	ok := errors.As(err, &p)
	return p, ok
}

// ProblemOf returns the problem that stands for an error: the one in its chain, or that of an
// authenticator's or the router's own errors. Any other is an InternalError, whose text goes to the
// log.
func ProblemOf(err error) *Problem {
	if p, ok := AsProblem(err); ok {
		return p
	}
	switch {
	case errors.Is(err, admission.ErrFull):
		return Refuse(Overloaded)
	case errors.Is(err, admission.ErrShare):
		return Refuse(TooManyRequests)
	}
	if p := accessProblem(err); p != nil {
		return p
	}
	var routed *echo.HTTPError
	if errors.As(err, &routed) {
		switch routed.Code {
		case http.StatusNotFound:
			return Refuse(RouteNotFound)
		case http.StatusMethodNotAllowed:
			return Refuse(MethodNotAllowed)
		case http.StatusRequestEntityTooLarge:
			return Refuse(BodyTooLarge)
		case http.StatusUnsupportedMediaType:
			return Refuse(UnsupportedMediaType)
		}
	}
	return Refuse(InternalError)
}
