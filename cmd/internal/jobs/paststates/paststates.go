package paststates

import (
	"cmp"
	"math/big"
	"slices"
	"time"

	"passbook/shared/account"
	"passbook/shared/event"
	"passbook/shared/money"
)

// maxStates bounds the accounts that are listed in the result of one job; all are added up. The
// command replay at prints any number.
const maxStates = 10_000

// Summary has states of accounts, and their sums.
type Summary struct {
	// Accounts counts them, and Posted and Held are their sums by currency, in minor units.
	Accounts int64                 `json:"accounts"`
	Posted   map[string]*money.Sum `json:"posted"`
	Held     map[string]*money.Sum `json:"held"`
	// List has the accounts by id, at most maxStates.
	List []State `json:"list"`
}

// NewSummary returns one of no accounts.
func NewSummary() Summary {
	return Summary{Posted: map[string]*money.Sum{}, Held: map[string]*money.Sum{}, List: []State{}}
}

// State is the state of an account at some time.
type State struct {
	Tenant    string    `json:"tenant"`
	AccountID string    `json:"account_id"`
	Currency  string    `json:"currency"`
	Status    string    `json:"status"`
	Posted    int64     `json:"posted"`
	Held      int64     `json:"held"`
	Limit     int64     `json:"limit"`
	Available int64     `json:"available"`
	Version   int64     `json:"version"`
	AsOf      time.Time `json:"as_of"`
}

// New returns the state of an account as it is written.
func New(a event.Account, s account.State) State {
	return State{
		Tenant: a.Tenant, AccountID: a.ID, Currency: s.Currency, Status: s.Status, Posted: s.Posted, Held: s.Held, Limit: s.Limit,
		Available: s.Available(), Version: s.Version, AsOf: s.RecordedAt,
	}
}

// Take adds the state of an account.
func (l *Summary) Take(a event.Account, state account.State) error {
	l.Accounts++
	addTo(l.Posted, state.Currency, state.Posted)
	addTo(l.Held, state.Currency, state.Held)
	if len(l.List) < maxStates {
		l.List = append(l.List, New(a, state))
	}
	return nil
}

// Sort puts the accounts in order.
func (l *Summary) Sort() {
	slices.SortFunc(l.List, func(a, b State) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.AccountID, b.AccountID))
	})
}

// addTo adds an amount to the sum of its currency.
func addTo(sums map[string]*money.Sum, currency string, amount int64) {
	if sums[currency] == nil {
		sums[currency] = new(money.Sum)
	}
	sums[currency].Add(&sums[currency].Int, big.NewInt(amount))
}
