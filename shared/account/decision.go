package account

import "passbook/shared/event"

// Decision is the outcome of a command: either events, numbered from the state that it was decided
// on, or a rejection. A decline for lack of funds or limit is an event (WithdrawalDeclined, after
// any releases) and not a Rejection.
type Decision struct {
	Events    []event.Event
	Rejection *Rejection
}

// Rejection is a refusal that is not stored: a value with a code, not an error. Code is a problem
// type of the HTTP contract, and Details are its extra members, such as in_use or scope. They show
// the account's state and never repeat a value of the request.
type Rejection struct {
	Code    string
	Details map[string]any
}
