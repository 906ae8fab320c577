package client

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"passbook/shared/backoff"
)

// Problem is a refusal of the bank: its problem document, as an error.
type Problem struct {
	ProblemDocument
	// Code is the last part of the type, such as insufficient-funds; branch by it. It is empty if
	// what answered was not a bank, such as a proxy before it.
	Code Code
	// RetryAfter is how long the bank asks to wait, or 0.
	RetryAfter time.Duration
	// Replayed reports that this was the first answer to the same key.
	Replayed bool
}

// Error returns the title and the detail, and which fields are wrong.
func (p *Problem) Error() string {
	var text strings.Builder
	text.WriteString(p.Title)
	if p.Detail != "" {
		text.WriteString(": " + p.Detail)
	}
	for _, e := range p.Errors {
		fmt.Fprintf(&text, " %s: %s", strings.TrimPrefix(e.Pointer, "/"), e.Detail)
	}
	return text.String()
}

// HasCode reports whether an error is, or wraps, a refusal with this code.
func HasCode(err error, code Code) bool {
	var p *Problem
	return errors.As(err, &p) && p.Code == code
}

// Unreachable means that no answer came.
type Unreachable struct {
	URL string
	Err error
}

// Error names the bank that did not answer, and the reason.
func (u *Unreachable) Error() string { return fmt.Sprintf("no answer from %s: %v", u.URL, u.Err) }

// Unwrap returns the reason.
func (u *Unreachable) Unwrap() error { return u.Err }

// CommandError is the error of a command: a *Problem, a *Unreachable, or the end of its context,
// with the key under which the command was sent.
type CommandError struct {
	// Key repeats the command safely.
	Key string
	// Unknown reports that the command may have been executed: send it again with the same key to
	// get its answer.
	Unknown bool
	Err     error
}

// Error returns the reason.
func (e *CommandError) Error() string { return e.Err.Error() }

// Unwrap returns the reason.
func (e *CommandError) Unwrap() error { return e.Err }

// readProblem makes a refusal of an answer, also of one that no bank wrote.
func readProblem(response *http.Response, body []byte) *Problem {
	var document ProblemDocument
	if err := json.Unmarshal(body, &document); err != nil || document.Title == "" {
		document = ProblemDocument{
			Title:  http.StatusText(response.StatusCode),
			Detail: fmt.Sprintf("The answer has status %d and is no problem document: look at what is between this program and the bank.", response.StatusCode),
		}
	}
	p := newProblem(document, response.StatusCode)
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds > 0 {
		p.RetryAfter = time.Duration(seconds) * time.Second
	}
	p.Replayed = response.Header.Get("Idempotency-Replayed") == "true"
	return p
}

// newProblem makes a refusal of its document.
func newProblem(document ProblemDocument, status int) *Problem {
	document.Status = status
	return &Problem{ProblemDocument: document, Code: codeOf(document.Type)}
}

// codeOf returns the code in a type, or none of a type that is not the bank's.
func codeOf(problemType string) Code {
	code, ours := strings.CutPrefix(problemType, "/problems/")
	if !ours {
		return ""
	}
	return Code(code)
}

// pauseAfter returns how long to wait before a call that failed so is sent again, after so many
// tries before, and whether it may be. A command may be sent again since its key names it, and a
// read changes nothing.
func pauseAfter(err error, tries int) (time.Duration, bool) {
	var refused *Problem
	var silent *Unreachable
	switch {
	case errors.As(err, &refused):
		if !refused.repeatable() || refused.RetryAfter > mostPause {
			return 0, false
		}
		return refused.RetryAfter + backoff.Of(firstPause, mostPause, tries), true
	case errors.As(err, &silent):
		var untrusted *tls.CertificateVerificationError
		if errors.As(err, &untrusted) {
			return 0, false
		}
		return backoff.Of(firstPause, mostPause, tries), true
	}
	return 0, false
}

// repeatable reports whether the same request may succeed later: as the document says, or, of an
// answer that no bank wrote, as its status does.
func (p *Problem) repeatable() bool {
	if p.Code != "" {
		return p.Retryable
	}
	switch p.Status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}
