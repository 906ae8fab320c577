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
	// Title and Detail are for people; the detail is one or more sentences.
	Title, Detail string
	// Retryable reports whether the same request may succeed later.
	Retryable bool
	// RetryAfter is the Retry-After header in seconds, 0 for none.
	RetryAfter int
}

// The problem types of HTTP itself. The bank's are in package api.
var (
	MalformedRequest = ProblemType{
		Code: "malformed-request", Status: http.StatusBadRequest, Title: "Malformed request",
		Detail: "The body is not a single JSON object in UTF-8.",
	}
	ValidationFailed = ProblemType{
		Code: account.CodeValidationFailed, Status: http.StatusBadRequest, Title: "Validation failed",
		Detail: "The fields listed in errors violate the contract.",
	}
	RouteNotFound = ProblemType{
		Code: "route-not-found", Status: http.StatusNotFound, Title: "Route not found",
		Detail: "This path is not served. /openapi.json lists the paths that are; service, where given, names the program that serves this one.",
	}
	MethodNotAllowed = ProblemType{
		Code: "method-not-allowed", Status: http.StatusMethodNotAllowed, Title: "Method not allowed",
		Detail: "This path is not served with this method. The Allow header lists the methods that are; service, where given, names the program that serves this one.",
	}
	RequestIncomplete = ProblemType{
		Code: "request-incomplete", Status: http.StatusRequestTimeout, Title: "Request incomplete",
		Detail: "The body ended early or did not arrive in time. The command was not executed; of a bulk request, this line and the lines after it were not.", Retryable: true,
	}
	BodyTooLarge = ProblemType{
		Code: "body-too-large", Status: http.StatusRequestEntityTooLarge, Title: "Body too large",
		Detail: "A body, or a line of a bulk request, may have at most 64 KB.",
	}
	UnsupportedMediaType = ProblemType{
		Code: "unsupported-media-type", Status: http.StatusUnsupportedMediaType, Title: "Unsupported media type",
		Detail: "A body needs the header Content-Type: application/json, a bulk request Content-Type: application/x-ndjson. Compressed bodies are not accepted.",
	}
	InternalError = ProblemType{
		Code: "internal-error", Status: http.StatusInternalServerError, Title: "Internal error",
		Detail: "The server failed. The cause is in its log, under the correlation id.", Retryable: true,
	}
	Overloaded = ProblemType{
		Code: "overloaded", Status: http.StatusServiceUnavailable, Title: "Overloaded",
		Detail: "Too many requests are in progress. Nothing was stored.", Retryable: true, RetryAfter: 1,
	}
	ShuttingDown = ProblemType{
		Code: "shutting-down", Status: http.StatusServiceUnavailable, Title: "Shutting down",
		Detail: "The process is stopping. Nothing was stored.", Retryable: true, RetryAfter: 1,
	}
)

// ProblemTypes lists the problem types of this package.
var ProblemTypes = []ProblemType{
	MalformedRequest, ValidationFailed, RouteNotFound, MethodNotAllowed, RequestIncomplete, BodyTooLarge, UnsupportedMediaType, InternalError, Overloaded, ShuttingDown,
}
