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
	CredentialsMissing = ProblemType{
		Code: "credentials-missing", Status: http.StatusUnauthorized, Title: "Credentials missing",
		Detail: "The request needs the header Authorization: Bearer with a key or a token.",
	}
	CredentialsInvalid = ProblemType{
		Code: "credentials-invalid", Status: http.StatusUnauthorized, Title: "Credentials invalid",
		Detail: "The key or token is malformed, unknown, revoked or not for this bank. The server's log has the reason, under the correlation id.",
	}
	CredentialsExpired = ProblemType{
		Code: "credentials-expired", Status: http.StatusUnauthorized, Title: "Credentials expired",
		Detail: "The key or token was valid and has expired. Get another one.",
	}
	ScopeMissing = ProblemType{
		Code: "scope-missing", Status: http.StatusForbidden, Title: "Scope missing",
		Detail: "The key or token is valid and has none, or not all, of the scopes that this needs. The member scopes names them.",
	}
	OriginRefused = ProblemType{
		Code: "origin-refused", Status: http.StatusForbidden, Title: "Origin refused",
		Detail: "Without credentials only this machine is served: under a loopback name, and not for pages of other origins. --hosts allows further names; --auth asks for credentials.",
	}
	TooManyRequests = ProblemType{
		Code: "too-many-requests", Status: http.StatusTooManyRequests, Title: "Too many requests",
		Detail: "The key or token has sent more requests than it may, or has too many in progress. Nothing was stored.", Retryable: true, RetryAfter: 1,
	}
	AccessUnavailable = ProblemType{
		Code: "access-unavailable", Status: http.StatusServiceUnavailable, Title: "Access unavailable",
		Detail: "Credentials cannot be checked at the moment. Nothing was stored.", Retryable: true, RetryAfter: 1,
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
	MalformedRequest, ValidationFailed, RouteNotFound, MethodNotAllowed, RequestIncomplete, BodyTooLarge, UnsupportedMediaType, CredentialsMissing, CredentialsInvalid,
	CredentialsExpired, ScopeMissing, OriginRefused, TooManyRequests, AccessUnavailable, InternalError, Overloaded, ShuttingDown,
	UnreadableRequest, HTTPSRequired, ExpectationFailed, HeaderTooLarge, TransferCodingUnknown, HTTPVersionUnknown,
}
