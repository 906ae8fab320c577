package api

import (
	"net/http"
	"slices"

	"passbook/shared/account"
	"passbook/shared/event"
	"passbook/shared/web"
)

// The problem types that Go code names. Those that only the rules of an account give are in the
// list below.
var (
	KeyMissing = web.ProblemType{
		Code: "idempotency-key-missing", Status: http.StatusBadRequest, Title: "Idempotency key missing",
		Detail: "A command needs the header Idempotency-Key, and a line of bulk the field idempotency_key, so that it can be repeated safely.",
	}
	KeyInvalid = web.ProblemType{
		Code: "idempotency-key-invalid", Status: http.StatusBadRequest, Title: "Idempotency key invalid",
		Detail: "An Idempotency-Key is given once and has 1 to 255 printable ASCII characters.",
	}
	AccountNotFound = web.ProblemType{
		Code: account.CodeAccountNotFound, Status: http.StatusNotFound, Title: "Account not found",
		Detail: "There is no such account.",
	}
	TransactionNotFound = web.ProblemType{
		Code: account.CodeTransactionNotFound, Status: http.StatusNotFound, Title: "Transaction not found",
		Detail: "The account has no such transaction of this kind.",
	}
	VersionNotFound = web.ProblemType{
		Code: "version-not-found", Status: http.StatusNotFound, Title: "Version not found",
		Detail: "The account has not reached this version yet.",
	}
	JobNotFound = web.ProblemType{
		Code: "job-not-found", Status: http.StatusNotFound, Title: "Job not found",
		Detail: "There is no such job, or it ended too long ago to be remembered.",
	}
	WebhookNotFound = web.ProblemType{
		Code: "webhook-not-found", Status: http.StatusNotFound, Title: "Webhook not found",
		Detail: "The tenant has no such webhook.",
	}
	DeliveryNotFound = web.ProblemType{
		Code: "delivery-not-found", Status: http.StatusNotFound, Title: "Delivery not found",
		Detail: "The webhook has nothing of this account, or not up to this version.",
	}
	WebhookExists = web.ProblemType{
		Code: "webhook-exists", Status: http.StatusConflict, Title: "Webhook exists",
		Detail: "The tenant has a webhook with this URL already. Change that one, or remove it first.",
	}
	TooManyWebhooks = web.ProblemType{
		Code: "too-many-webhooks", Status: http.StatusConflict, Title: "Too many webhooks",
		Detail: "A tenant has at most 32 webhooks, and a bank 1,024. Remove one that is not needed.",
	}
	WriteContention = web.ProblemType{
		Code: "write-contention", Status: http.StatusConflict, Title: "Write contention",
		Detail: "Other writers committed first at every attempt. Nothing was stored.", Retryable: true, RetryAfter: 1,
	}
	JobRunning = web.ProblemType{
		Code: "job-running", Status: http.StatusConflict, Title: "Job running",
		Detail: "A job of this kind is already running.",
	}
	DryRunTooLarge = web.ProblemType{
		Code: "dry-run-too-large", Status: http.StatusRequestEntityTooLarge, Title: "Dry run too large",
		Detail: "The lines before this one take all the memory that there is for a dry run: 16 MB, and 32 MB for all of a caller. Neither this line nor any after it on its account was decided: send fewer lines in one request.",
	}
	VersionMismatch = web.ProblemType{
		Code: account.CodeVersionMismatch, Status: http.StatusPreconditionFailed, Title: "Version mismatch",
		Detail: "The account is not at the version that If-Match names.",
	}
	AnswersNotTaken = web.ProblemType{
		Code: "answers-not-taken", Status: http.StatusRequestEntityTooLarge, Title: "Answers not taken",
		Detail: "Too many answers are unread. This line and the lines after it were not executed: read while you send, or send fewer lines at once.", Retryable: true,
	}
	AsOfOutOfRange = web.ProblemType{
		Code: "as-of-out-of-range", Status: http.StatusUnprocessableEntity, Title: "Instant out of range",
		Detail: "The instant is in the future.",
	}
	RateLimited = web.ProblemType{
		Code: "rate-limited", Status: http.StatusTooManyRequests, Title: "Rate limited",
		Detail: "Too many commands on the account were declined within a minute. Nothing was stored.", Retryable: true, RetryAfter: 10,
	}
	JournalUnavailable = web.ProblemType{
		Code: "journal-unavailable", Status: http.StatusServiceUnavailable, Title: "Journal unavailable",
		Detail: "The journal cannot be reached. Nothing was stored.", Retryable: true, RetryAfter: 1,
	}
	ProjectionBehind = web.ProblemType{
		Code: "projection-behind", Status: http.StatusServiceUnavailable, Title: "Projection behind",
		Detail: "The projection has not reached the requested version.", Retryable: true, RetryAfter: 1,
	}
	ProjectionUnavailable = web.ProblemType{
		Code: "projection-unavailable", Status: http.StatusServiceUnavailable, Title: "Projection unavailable",
		Detail: "The read model for this answer cannot be read.", Retryable: true, RetryAfter: 1,
	}
	ClockSkew = web.ProblemType{
		Code: "clock-skew", Status: http.StatusServiceUnavailable, Title: "Clock skew",
		Detail: "The clock of the server is too far from the right time. Nothing was stored.", Retryable: true, RetryAfter: 10,
	}
	StorageFull = web.ProblemType{
		Code: "storage-full", Status: http.StatusServiceUnavailable, Title: "Storage full",
		Detail: "The volume is too full for further commands. Nothing was stored. Reads are still served.", Retryable: true, RetryAfter: 10,
	}
	FeedUnavailable = web.ProblemType{
		Code: "feed-unavailable", Status: http.StatusServiceUnavailable, Title: "Feed unavailable",
		Detail: "The stream, or the archive before it, cannot be read.", Retryable: true, RetryAfter: 5,
	}
	FeedHistoryMissing = web.ProblemType{
		Code: "feed-history-missing", Status: http.StatusServiceUnavailable, Title: "Feed history missing",
		Detail: "The stream no longer has what follows this place, and this process has no archive that has all of it. A balance service needs --bucket; look for gaps with audit; from=latest is served.", Retryable: true, RetryAfter: 60,
	}
	ArchiveUnavailable = web.ProblemType{
		Code: "archive-unavailable", Status: http.StatusServiceUnavailable, Title: "Archive unavailable",
		Detail: "The archive of older events cannot be read, or not in time.", Retryable: true, RetryAfter: 5,
	}
	ArchiveDamaged = web.ProblemType{
		Code: "archive-damaged", Status: http.StatusServiceUnavailable, Title: "Archive damaged",
		Detail: "A segment of the archive is damaged or missing, so the list of older events cannot continue. The detail names it.", Retryable: true, RetryAfter: 60,
	}
	OutcomeUnknown = web.ProblemType{
		Code: "outcome-unknown", Status: http.StatusGatewayTimeout, Title: "Outcome unknown",
		Detail: "The command may have been executed. Send the same request with the same Idempotency-Key to get its answer.", Retryable: true, RetryAfter: 1,
	}
)

// ProblemTypes maps each code of the contract to its problem type: those of HTTP, those above, and
// those that the rules of an account give.
var ProblemTypes = byCode(slices.Concat(web.ProblemTypes, []web.ProblemType{
	KeyMissing, KeyInvalid, AccountNotFound, TransactionNotFound, VersionNotFound, JobNotFound, WebhookNotFound, DeliveryNotFound, WebhookExists, TooManyWebhooks, WriteContention, JobRunning, DryRunTooLarge, VersionMismatch, AnswersNotTaken, AsOfOutOfRange, RateLimited, JournalUnavailable, ProjectionBehind, ProjectionUnavailable, ClockSkew, StorageFull, FeedUnavailable, FeedHistoryMissing, ArchiveUnavailable, ArchiveDamaged, OutcomeUnknown,
	{
		Code: account.CodeHoldNotFound, Status: http.StatusNotFound, Title: "Hold not found",
		Detail: "The account has never had this hold.",
	},
	{
		Code: account.CodeAccountExists, Status: http.StatusConflict, Title: "Account exists",
		Detail: "An account with this id was opened before.",
	},
	{
		Code: account.CodeAccountFrozen, Status: http.StatusConflict, Title: "Account frozen",
		Detail: "The account is frozen. The member scope names which commands are refused.",
	},
	{
		Code: account.CodeAccountClosed, Status: http.StatusConflict, Title: "Account closed",
		Detail: "The account is permanently closed.",
	},
	{
		Code: account.CodeAccountNotEmpty, Status: http.StatusConflict, Title: "Account not empty",
		Detail: "An account can only be closed when its balance is 0 and it has no open holds.",
	},
	{
		Code: account.CodeHoldNotActive, Status: http.StatusConflict, Title: "Hold not active",
		Detail: "The hold was captured, released or has expired.",
	},
	{
		Code: account.CodeAlreadyReversed, Status: http.StatusConflict, Title: "Already reversed",
		Detail: "A transaction can be reversed once, and this one has been.",
	},
	{
		Code: account.CodeLimitBelowUsage, Status: http.StatusConflict, Title: "Limit below usage",
		Detail: "More of the line of credit is in use than the new limit allows. Send force to set it nevertheless.",
	},
	{
		Code: account.CodeTooManyHolds, Status: http.StatusConflict, Title: "Too many holds",
		Detail: "The account has the maximum number of open holds.",
	},
	{
		Code: event.InsufficientFunds, Status: http.StatusUnprocessableEntity, Title: "Insufficient funds",
		Detail: "The amount is greater than what is available, the line of credit included.",
	},
	{
		Code: account.CodeCurrencyMismatch, Status: http.StatusUnprocessableEntity, Title: "Currency mismatch",
		Detail: "The account is kept in another currency.",
	},
	{
		Code: account.CodeUnsupportedCurrency, Status: http.StatusUnprocessableEntity, Title: "Unsupported currency",
		Detail: "The code is not an active currency code of ISO 4217.",
	},
	{
		Code: account.CodeHoldAmountExceeded, Status: http.StatusUnprocessableEntity, Title: "Hold amount exceeded",
		Detail: "The amount is greater than what remains of the hold.",
	},
	{
		Code: account.CodeNotReversible, Status: http.StatusUnprocessableEntity, Title: "Not reversible",
		Detail: "A reversal, or one side of a transfer, cannot be reversed.",
	},
	{
		Code: account.CodeSameAccount, Status: http.StatusUnprocessableEntity, Title: "Same account",
		Detail: "A transfer needs two different accounts.",
	},
	{
		Code: account.CodeKeyReused, Status: http.StatusUnprocessableEntity, Title: "Idempotency key reused",
		Detail: "The key was used on this account for a different command.",
	},
	{
		Code: account.CodeDateOutOfRange, Status: http.StatusUnprocessableEntity, Title: "Date out of range",
		Detail: "The date or instant listed in errors is not one that the bank takes now.",
	},
	{
		Code: account.CodeBalanceOverflow, Status: http.StatusUnprocessableEntity, Title: "Balance overflow",
		Detail: "The balance, the use of the limit, or the shortfall would exceed ±(2^53−1) minor units.",
	},
}))

func byCode(types []web.ProblemType) map[string]web.ProblemType {
	all := make(map[string]web.ProblemType, len(types))
	for _, t := range types {
		all[t.Code] = t
	}
	return all
}

// problemType returns the type of a code. A code without one is a broken invariant, which a caller
// sees as an internal error.
func problemType(code string) web.ProblemType {
	if t, ok := ProblemTypes[code]; ok {
		return t
	}
	return web.InternalError
}
