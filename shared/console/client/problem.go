package client

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// Problem is a refusal of the API (RFC 9457).
type Problem struct {
	Status int
	// Code is the last part of its type, such as insufficient-funds.
	Code, Title, Detail string
	// CorrelationID finds the request in the logs.
	CorrelationID string
	// RetryAfter is the header's seconds, empty for none.
	RetryAfter string
	// Errors are faults of single fields.
	Errors []FieldError
	// Members are all members of the document, by name.
	Members map[string]any
}

// FieldError is a fault of one field of a request.
type FieldError struct {
	Pointer string `json:"pointer"`
	Code    string `json:"code"`
	Detail  string `json:"detail"`
}

// Error returns the title and detail.
func (p *Problem) Error() string {
	if p.Detail == "" {
		return p.Title
	}
	return p.Title + ": " + p.Detail
}

// Retryable reports whether the same request may succeed later.
func (p *Problem) Retryable() bool { return p.Members["retryable"] == true }

// Field returns the fault of a field, given by its name, empty for none.
func (p *Problem) Field(name string) string {
	if p == nil {
		return ""
	}
	for _, e := range p.Errors {
		if strings.TrimPrefix(e.Pointer, "/") == name {
			return e.Detail
		}
	}
	return ""
}

// ProblemOf returns a problem document that stands inside of an answer, such as a dry run's.
func ProblemOf(status int, document []byte) *Problem {
	return problemOf(&Answer{Status: status, Body: document})
}

// problemOf returns the refusal in an answer. An answer that is no problem document, as of a
// balancer between, gets its status as title.
func problemOf(a *Answer) *Problem {
	p := &Problem{Status: a.Status, CorrelationID: a.Header.Get("X-Request-Id"), RetryAfter: a.Header.Get("Retry-After")}
	var document struct {
		Type          string       `json:"type"`
		Code          string       `json:"code"`
		Title         string       `json:"title"`
		Detail        string       `json:"detail"`
		CorrelationID string       `json:"correlation_id"`
		Errors        []FieldError `json:"errors"`
	}
	if json.Unmarshal(a.Body, &document) != nil || document.Title == "" {
		p.Title = fmt.Sprintf("%d %s", a.Status, http.StatusText(a.Status))
		p.Detail = "The answer is no problem document of the bank; something between may have sent it."
		return p
	}
	p.Code, p.Title, p.Detail, p.Errors = document.Code, document.Title, document.Detail, document.Errors
	if p.Code == "" {
		p.Code = document.Type[strings.LastIndexByte(document.Type, '/')+1:]
	}
	if document.CorrelationID != "" {
		p.CorrelationID = document.CorrelationID
	}
	_ = json.Unmarshal(a.Body, &p.Members) // it was read above
	return p
}
