package web

import (
	"net/http"
	"passbook/shared/account"
)

// ProblemType is a kind of refusal: what RFC 9457 calls a problem type. Title and detail belong to
// the type alone, so that a repeated command gets the same bytes and no value of a request can find
// its way into them.
type ProblemType struct {
	// Code names the type: it is the last part of its URI.
	Code   string
	Status int
	// Title and Detail are for people, in plain English; the detail is a sentence.
	Title, Detail string
	// Retryable reports whether the same request may succeed later.
	Retryable bool
	// RetryAfter is the Retry-After header in seconds, 0 for none.
	RetryAfter int
}

// The problem types of HTTP itself. A service adds those of its own.
var (
	MalformedRequest = ProblemType{
		Code: "malformed-request", Status: http.StatusBadRequest, Title: "Malformed request",
		Detail: "The body is not one JSON object in UTF-8.",
	}
	ValidationFailed = ProblemType{
		Code: account.CodeValidationFailed, Status: http.StatusBadRequest, Title: "Validation failed",
		Detail: "The fields in errors are not as the contract has them.",
	}
	RouteNotFound = ProblemType{
		Code: "route-not-found", Status: http.StatusNotFound, Title: "Route not found",
		Detail: "Nothing is served under this path. /openapi.json lists what is; service, where given, is the program that has this route.",
	}
	MethodNotAllowed = ProblemType{
		Code: "method-not-allowed", Status: http.StatusMethodNotAllowed, Title: "Method not allowed",
		Detail: "This path is served, but not with this method. Allow lists those that are; service, where given, is the program that has this one.",
	}
	RequestIncomplete = ProblemType{
		Code: "request-incomplete", Status: http.StatusRequestTimeout, Title: "Request incomplete",
		Detail: "The body broke off, or did not come in time. A command was not carried out; of a bulk request, this line and those after it were not.", Retryable: true,
	}
	BodyTooLarge = ProblemType{
		Code: "body-too-large", Status: http.StatusRequestEntityTooLarge, Title: "Body too large",
		Detail: "A body, or a line of a bulk request, has at most 64 KB.",
	}
	UnsupportedMediaType = ProblemType{
		Code: "unsupported-media-type", Status: http.StatusUnsupportedMediaType, Title: "Unsupported media type",
		Detail: "A body is application/json without an encoding; of a bulk request, application/x-ndjson.",
	}
	InternalError = ProblemType{
		Code: "internal-error", Status: http.StatusInternalServerError, Title: "Internal error",
		Detail: "The fault is ours and was logged under the correlation id.", Retryable: true,
	}
	Overloaded = ProblemType{
		Code: "overloaded", Status: http.StatusServiceUnavailable, Title: "Overloaded",
		Detail: "Too much is going on at once. Nothing was stored.", Retryable: true, RetryAfter: 1,
	}
	ShuttingDown = ProblemType{
		Code: "shutting-down", Status: http.StatusServiceUnavailable, Title: "Shutting down",
		Detail: "The process is about to stop. Nothing was stored.", Retryable: true, RetryAfter: 1,
	}
)

// ProblemTypes lists the problem types of this package.
var ProblemTypes = []ProblemType{
	MalformedRequest, ValidationFailed, RouteNotFound, MethodNotAllowed, RequestIncomplete, BodyTooLarge, UnsupportedMediaType, InternalError, Overloaded, ShuttingDown,
}
