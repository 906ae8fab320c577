package account

// The codes of rejections. They are problem types of the HTTP contract; a comment names the members
// that they add to the problem document.
const (
	CodeValidationFailed    = "validation-failed"
	CodeAccountNotFound     = "account-not-found"
	CodeHoldNotFound        = "hold-not-found"
	CodeTransactionNotFound = "transaction-not-found"
	CodeAccountExists       = "account-exists"
	CodeAccountFrozen       = "account-frozen" // scope
	CodeAccountClosed       = "account-closed"
	CodeAccountNotEmpty     = "account-not-empty"
	CodeHoldNotActive       = "hold-not-active"
	CodeAlreadyReversed     = "already-reversed"
	CodeLimitBelowUsage     = "limit-below-usage" // in_use
	CodeTooManyHolds        = "too-many-holds"
	CodeCurrencyMismatch    = "currency-mismatch"
	CodeUnsupportedCurrency = "unsupported-currency"
	CodeHoldAmountExceeded  = "hold-amount-exceeded"
	CodeNotReversible       = "not-reversible"
	CodeSameAccount         = "same-account"
	CodeBalanceOverflow     = "balance-overflow"
	CodeDateOutOfRange      = "date-out-of-range"      // errors
	CodeVersionMismatch     = "version-mismatch"       // expected, actual; of the journal
	CodeKeyReused           = "idempotency-key-reused" // of the journal
)
