package balance

import (
	"passbook/shared/account"
	"passbook/shared/event"
)

// Fold is the balance's state after the event: the account's own, as the balance shows everything
// that a decision looks at.
func Fold(s account.State, e event.Event) (account.State, error) { return account.Fold(s, e) }

// After is what the state stands at, as events give it.
func After(s account.State) event.After {
	return event.After{Posted: s.Posted, Held: s.Held, Limit: s.Limit}
}
