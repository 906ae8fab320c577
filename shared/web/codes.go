package web

import "net/http"

// The codes that web itself answers with. The rules of the account have more; every one stands in
// the table below.
const (
	CodeMalformedRequest      = "malformed-request"
	CodeValidationFailed      = "validation-failed"
	CodeKeyMissing            = "idempotency-key-missing"
	CodeKeyInvalid            = "idempotency-key-invalid"
	CodeRouteNotFound         = "route-not-found"
	CodeAccountNotFound       = "account-not-found"
	CodeTransactionNotFound   = "transaction-not-found"
	CodeVersionNotFound       = "version-not-found"
	CodeJobNotFound           = "job-not-found"
	CodeMethodNotAllowed      = "method-not-allowed"
	CodeWriteContention       = "write-contention"
	CodeJobRunning            = "job-running"
	CodeVersionMismatch       = "version-mismatch"
	CodeRequestIncomplete     = "request-incomplete"
	CodeAnswersNotTaken       = "answers-not-taken"
	CodeBodyTooLarge          = "body-too-large"
	CodeUnsupportedMediaType  = "unsupported-media-type"
	CodeAsOfOutOfRange        = "as-of-out-of-range"
	CodeRateLimited           = "rate-limited"
	CodeInternalError         = "internal-error"
	CodeJournalUnavailable    = "journal-unavailable"
	CodeProjectionBehind      = "projection-behind"
	CodeProjectionUnavailable = "projection-unavailable"
	CodeOverloaded            = "overloaded"
	CodeShuttingDown          = "shutting-down"
	CodeClockSkew             = "clock-skew"
	CodeStorageFull           = "storage-full"
	CodeOutcomeUnknown        = "outcome-unknown"
)

// answer is what a code says to the caller. Title and detail depend on the code alone, so that a
// repeated command gets the same bytes and no value of a request can find its way into them.
type answer struct {
	status        int
	title, detail string
	retryable     bool
	// retryAfter is the Retry-After header in seconds, 0 for none.
	retryAfter int
}

// answers is the one table from codes to answers.
var answers = map[string]answer{
	CodeMalformedRequest: {status: http.StatusBadRequest, title: "Malformed request",
		detail: "The body is not one JSON object in UTF-8."},
	CodeValidationFailed: {status: http.StatusBadRequest, title: "Validation failed",
		detail: "The fields in errors are not as the contract has them."},
	CodeKeyMissing: {status: http.StatusBadRequest, title: "Idempotency key missing",
		detail: "A command needs an Idempotency-Key, so that it can be repeated safely."},
	CodeKeyInvalid: {status: http.StatusBadRequest, title: "Idempotency key invalid",
		detail: "An Idempotency-Key has 1 to 255 printable ASCII characters and is given once."},

	CodeRouteNotFound: {status: http.StatusNotFound, title: "Route not found",
		detail: "Nothing is served under this path. /openapi.json lists what is; service, where given, is the program that has this route."},
	CodeAccountNotFound: {status: http.StatusNotFound, title: "Account not found",
		detail: "There is no such account."},
	"hold-not-found": {status: http.StatusNotFound, title: "Hold not found",
		detail: "The account never had such a hold."},
	CodeTransactionNotFound: {status: http.StatusNotFound, title: "Transaction not found",
		detail: "The account has no such transaction of this kind."},
	CodeVersionNotFound: {status: http.StatusNotFound, title: "Version not found",
		detail: "The account has not come to this version yet."},
	CodeJobNotFound: {status: http.StatusNotFound, title: "Job not found",
		detail: "There is no such job, or it ended so long ago that it is forgotten."},
	CodeMethodNotAllowed: {status: http.StatusMethodNotAllowed, title: "Method not allowed",
		detail: "This path is served, but not with this method. Allow lists those that are; service, where given, is the program that has this one."},

	"account-exists": {status: http.StatusConflict, title: "Account exists",
		detail: "An account with this id was opened before."},
	"account-frozen": {status: http.StatusConflict, title: "Account frozen",
		detail: "The account is frozen. Scope says for what."},
	"account-closed": {status: http.StatusConflict, title: "Account closed",
		detail: "The account is closed for good."},
	"account-not-empty": {status: http.StatusConflict, title: "Account not empty",
		detail: "An account can be closed when its balance is 0 and nothing is held."},
	"hold-not-active": {status: http.StatusConflict, title: "Hold not active",
		detail: "The hold was captured, released or has expired."},
	"already-reversed": {status: http.StatusConflict, title: "Already reversed",
		detail: "A transaction is reversed once, and this one was."},
	"limit-below-usage": {status: http.StatusConflict, title: "Limit below usage",
		detail: "More of the line is in use than the new limit allows. Use force to set it all the same."},
	"too-many-holds": {status: http.StatusConflict, title: "Too many holds",
		detail: "The account has as many open holds as it can have."},
	CodeWriteContention: {status: http.StatusConflict, title: "Write contention",
		detail: "Other writers came first every time. Nothing was stored.", retryable: true, retryAfter: 1},
	CodeJobRunning: {status: http.StatusConflict, title: "Job running",
		detail: "A job of this kind runs already."},
	CodeRequestIncomplete: {status: http.StatusRequestTimeout, title: "Request incomplete",
		detail: "The body broke off, or did not come in time. A command was not carried out; of a bulk request, this line and those after it were not.", retryable: true},
	CodeVersionMismatch: {status: http.StatusPreconditionFailed, title: "Version mismatch",
		detail: "The account is not at the version that If-Match names."},
	CodeBodyTooLarge: {status: http.StatusRequestEntityTooLarge, title: "Body too large",
		detail: "A body, or a line of a bulk request, has at most 64 KB."},
	CodeAnswersNotTaken: {status: http.StatusRequestEntityTooLarge, title: "Answers not taken",
		detail: "More answers wait to be read than are kept. This line and those after it were not carried out: read while you send, or send fewer lines at once.", retryable: true},
	CodeUnsupportedMediaType: {status: http.StatusUnsupportedMediaType, title: "Unsupported media type",
		detail: "A body is application/json without an encoding; of a bulk request, application/x-ndjson."},

	"insufficient-funds": {status: http.StatusUnprocessableEntity, title: "Insufficient funds",
		detail: "The amount is greater than what is available, the line of credit included."},
	"currency-mismatch": {status: http.StatusUnprocessableEntity, title: "Currency mismatch",
		detail: "The account is kept in another currency."},
	"unsupported-currency": {status: http.StatusUnprocessableEntity, title: "Unsupported currency",
		detail: "The code is not one of ISO 4217 for a currency in present use."},
	"hold-amount-exceeded": {status: http.StatusUnprocessableEntity, title: "Hold amount exceeded",
		detail: "The amount is greater than what remains of the hold."},
	"not-reversible": {status: http.StatusUnprocessableEntity, title: "Not reversible",
		detail: "A reversal, a leg of a transfer, or a credit that was spent since cannot be reversed."},
	"same-account": {status: http.StatusUnprocessableEntity, title: "Same account",
		detail: "A transfer has two different accounts."},
	"idempotency-key-reused": {status: http.StatusUnprocessableEntity, title: "Idempotency key reused",
		detail: "The key was used on this account with another command."},
	"balance-overflow": {status: http.StatusUnprocessableEntity, title: "Balance overflow",
		detail: "A balance, what is in use, or what is short would leave the range of ±(2^53−1) minor units."},
	CodeAsOfOutOfRange: {status: http.StatusUnprocessableEntity, title: "Instant out of range",
		detail: "The instant lies in the future."},
	CodeRateLimited: {status: http.StatusTooManyRequests, title: "Rate limited",
		detail: "Too many commands on the account were declined. Nothing was stored.", retryable: true, retryAfter: 10},

	CodeInternalError: {status: http.StatusInternalServerError, title: "Internal error",
		detail: "The fault is ours and was logged under the correlation id.", retryable: true},
	CodeJournalUnavailable: {status: http.StatusServiceUnavailable, title: "Journal unavailable",
		detail: "The journal cannot be reached. Nothing was stored.", retryable: true, retryAfter: 1},
	CodeProjectionBehind: {status: http.StatusServiceUnavailable, title: "Projection behind",
		detail: "The projection has not come to the version that was asked for.", retryable: true, retryAfter: 1},
	CodeProjectionUnavailable: {status: http.StatusServiceUnavailable, title: "Projection unavailable",
		detail: "The read model that this is answered from cannot be read.", retryable: true, retryAfter: 1},
	CodeOverloaded: {status: http.StatusServiceUnavailable, title: "Overloaded",
		detail: "Too much is going on at once. Nothing was stored.", retryable: true, retryAfter: 1},
	CodeShuttingDown: {status: http.StatusServiceUnavailable, title: "Shutting down",
		detail: "The process is about to stop. Nothing was stored.", retryable: true, retryAfter: 1},
	CodeClockSkew: {status: http.StatusServiceUnavailable, title: "Clock skew",
		detail: "The clock of this machine is too far off. Nothing was stored.", retryable: true, retryAfter: 10},
	CodeStorageFull: {status: http.StatusServiceUnavailable, title: "Storage full",
		detail: "There is too little room for further commands. Nothing was stored. Reads go on.", retryable: true, retryAfter: 10},
	CodeOutcomeUnknown: {status: http.StatusGatewayTimeout, title: "Outcome unknown",
		detail: "The command may have been carried out. The same request with the same Idempotency-Key gets its answer.", retryable: true, retryAfter: 1},
}
