package web

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"passbook/shared/journal"
)

// Problem is a refusal: a problem document (RFC 9457) in the making. It is an error, so that a
// handler returns it.
type Problem struct {
	// Code is a key of the table in codes.go, from which status, title, detail and retryable
	// follow.
	Code string
	// AccountID and AccountVersion are left out when empty; with an AccountID the version may be 0.
	AccountID      string
	AccountVersion int64
	// CorrelationID is that of the command that was first refused; empty takes the request's own.
	CorrelationID string
	// Members are the further members of the code, in order.
	Members []Member
	// Errors are the fields at fault, of a validation-failed.
	Errors []FieldError
	// Checks are the parts that are not ready, of a readyz.
	Checks []CheckResult

	replayed bool
}

// Member is one further member of a problem document: state of the account, never a value of the
// request.
type Member struct {
	Name  string
	Value any // int64 or string
}

// Error says the code. It holds nothing of the request.
func (p *Problem) Error() string { return p.Code }

// Refuse is a problem that is its code and nothing more.
func Refuse(code string) *Problem { return &Problem{Code: code} }

// Invalid is a validation-failed with one field at fault.
func Invalid(name, code string) *Problem {
	return &Problem{Code: CodeValidationFailed, Errors: []FieldError{{Pointer: "/" + name, Code: code}}}
}

// Of names the account of a problem.
func (p *Problem) Of(accountID string, version int64) *Problem {
	p.AccountID, p.AccountVersion = accountID, version
	return p
}

// With adds a member.
func (p *Problem) With(name string, value int64) *Problem {
	p.Members = append(p.Members, Member{name, value})
	return p
}

// lookup is the code's answer. A code that is not in the table is a broken invariant, which a
// caller sees as an internal error.
func (p *Problem) lookup() answer {
	a, ok := answers[p.Code]
	if !ok {
		return answers[CodeInternalError]
	}
	return a
}

// append renders the document. The order of its members is fixed.
func (p *Problem) append(dst []byte, correlationID string) []byte {
	a, code := p.lookup(), p.Code
	if _, ok := answers[code]; !ok {
		code = CodeInternalError
	}
	if p.CorrelationID != "" {
		correlationID = p.CorrelationID
	}
	j := JSON(dst)
	j.Begin()
	j.String("type", "/problems/"+code)
	j.String("title", a.title)
	j.Int("status", int64(a.status))
	j.String("detail", a.detail)
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
	j.faults(p.Errors)
	j.checks(p.Checks)
	j.Bool("retryable", a.retryable)
	j.String("correlation_id", correlationID)
	j.End()
	return j
}

func (j *JSON) faults(errs []FieldError) {
	if len(errs) == 0 {
		return
	}
	j.BeginList("errors")
	for _, e := range errs {
		j.Begin()
		j.String("pointer", e.Pointer)
		j.String("code", e.Code)
		j.End()
	}
	j.EndList()
}

// refusal turns what the rules or the journal refused into a problem.
func refusal(rc journal.Receipt, accountID string) *Problem {
	p := &Problem{Code: rc.Rejection.Code, AccountID: accountID, AccountVersion: rc.Version, replayed: rc.Replayed}
	for _, name := range slices.Sorted(maps.Keys(rc.Rejection.Details)) {
		switch v := rc.Rejection.Details[name].(type) {
		case []FieldError:
			p.Errors = v
		case int64, string:
			p.Members = append(p.Members, Member{name, v})
		default:
			// A mistake in the rules must not turn a refusal into a crash.
			p.Members = append(p.Members, Member{name, fmt.Sprint(v)})
		}
	}
	return p
}

// asProblem is the problem that an error stands for.
func asProblem(err error) (*Problem, bool) {
	var p *Problem
	ok := errors.As(err, &p)
	return p, ok
}
