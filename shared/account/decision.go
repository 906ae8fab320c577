package account

import (
	"passbook/shared/event"
)

// Decision is the outcome of a command: events, numbered on from the state that it was decided on,
// or a rejection, never both. A decline for funds or limit is events (WithdrawalDeclined, after any
// releases) and not a Rejection.
type Decision struct {
	Events    []event.Event
	Rejection *Rejection
}

// Rejection is a refusal that leaves no trace: a value with a code, not an error. Code is a problem
// type of the HTTP contract; Details its extra members, such as in_use or scope: state of the
// account, never a value of the request.
type Rejection struct {
	Code    string
	Details map[string]any
}
