package balance

import (
	"passbook/shared/api"
	"passbook/shared/api/eventview"
	"passbook/shared/web"
)

// The answers of this service's queries, as openapi.yaml lists them. Members are written in the
// order of the fields.

// Balance is the balance of an account, now or at a moment of the past.
type Balance struct {
	AccountID string `json:"account_id"`
	Currency  string `json:"currency"`
	Status    string `json:"status"`
	Frozen    string `json:"frozen,omitempty"`
	eventview.Amounts
	Available    int64    `json:"available"`
	AvailableOwn int64    `json:"available_own"`
	Version      int64    `json:"version"`
	LastEventID  string   `json:"last_event_id"`
	AsOf         api.Time `json:"as_of"`
	// ProjectedAt is when the row was written, of the present.
	ProjectedAt      api.Time `json:"projected_at,omitzero"`
	BlockedAtVersion int64    `json:"blocked_at_version,omitempty"`
}

// render makes the answer with a balance alone, ten thousand times a second.
func (b *Balance) render(j *web.JSON) {
	j.Begin()
	j.String("account_id", b.AccountID)
	j.String("currency", b.Currency)
	j.String("status", b.Status)
	j.OptString("frozen", b.Frozen)
	j.Int("posted", b.Posted)
	j.Int("held", b.Held)
	j.Int("limit", b.Limit)
	j.Int("available", b.Available)
	j.Int("available_own", b.AvailableOwn)
	j.Int("version", b.Version)
	j.String("last_event_id", b.LastEventID)
	j.Time("as_of", b.AsOf.Time)
	j.OptTime("projected_at", b.ProjectedAt.Time)
	j.OptInt("blocked_at_version", b.BlockedAtVersion)
	j.End()
}

// HoldList has the open holds of an account.
type HoldList struct {
	AccountID        string   `json:"account_id"`
	Currency         string   `json:"currency"`
	Version          int64    `json:"version"`
	AsOf             api.Time `json:"as_of"`
	BlockedAtVersion int64    `json:"blocked_at_version,omitempty"`
	Holds            []Hold   `json:"holds"`
}

// Hold is an open hold.
type Hold struct {
	HoldID    string   `json:"hold_id"`
	Amount    int64    `json:"amount"`
	PlacedAt  api.Time `json:"placed_at"`
	ExpiresAt api.Time `json:"expires_at,omitzero"`
}

// AccountList is a page of accounts.
type AccountList struct {
	Accounts []Account `json:"accounts"`
	api.Page
}

// Account is an account of a list.
type Account struct {
	HolderRef string `json:"holder_ref,omitempty"`
	Product   string `json:"product,omitempty"`
	Balance
}

// AccountPage is an account with the addresses of what there is of it.
type AccountPage struct {
	Account
	Links Links `json:"links"`
}

// Links are paths on this server; of a bank's services each serves its own.
type Links struct {
	Balance     string `json:"balance"`
	Statement   string `json:"statement"`
	Events      string `json:"events"`
	Holds       string `json:"holds"`
	CreditLimit string `json:"credit_limit"`
}

// EventList is a page of an account's history.
type EventList struct {
	AccountID string            `json:"account_id"`
	Events    []eventview.Event `json:"events"`
	api.Page
}
