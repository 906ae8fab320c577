package creditlimit

import (
	"passbook/shared/api"
	"passbook/shared/event"
	"passbook/shared/web"
)

// The answers of this service's queries, as openapi.yaml lists them. Members are written in the
// order of the fields. Amounts are in minor units of the account's currency.

// Usage is how an account's line of credit is used, now or at a moment of the past.
type Usage struct {
	AccountID       string   `json:"account_id"`
	Currency        string   `json:"currency"`
	Limit           int64    `json:"limit"`
	ExpiresAt       api.Time `json:"expires_at,omitzero"`
	Drawn           int64    `json:"drawn"`
	Reserved        int64    `json:"reserved"`
	AvailableCredit int64    `json:"available_credit"`
	OverLimit       int64    `json:"over_limit"`
	// UtilisationBps is the part of the limit in use, in basis points; nil without a limit.
	UtilisationBps *int64   `json:"utilisation_bps"`
	Declines       int64    `json:"declines"`
	Version        int64    `json:"version"`
	AsOf           api.Time `json:"as_of"`
	// ProjectedAt is when the row was written, of the present.
	ProjectedAt      api.Time `json:"projected_at,omitzero"`
	BlockedAtVersion int64    `json:"blocked_at_version,omitempty"`
}

// render makes the answer.
func (u *Usage) render(j *web.JSON) {
	j.Begin()
	j.String("account_id", u.AccountID)
	j.String("currency", u.Currency)
	j.Int("limit", u.Limit)
	j.OptTime("expires_at", u.ExpiresAt.Time)
	j.Int("drawn", u.Drawn)
	j.Int("reserved", u.Reserved)
	j.Int("available_credit", u.AvailableCredit)
	j.Int("over_limit", u.OverLimit)
	if u.UtilisationBps != nil {
		j.Int("utilisation_bps", *u.UtilisationBps)
	} else {
		j.Raw("utilisation_bps", []byte("null"))
	}
	j.Int("declines", u.Declines)
	j.Int("version", u.Version)
	j.Time("as_of", u.AsOf.Time)
	j.OptTime("projected_at", u.ProjectedAt.Time)
	j.OptInt("blocked_at_version", u.BlockedAtVersion)
	j.End()
}

// History is a page of the decisions on an account's limit.
type History struct {
	AccountID string     `json:"account_id"`
	Currency  string     `json:"currency"`
	Decisions []Decision `json:"decisions"`
	api.Page
}

// Decision is one decision on a limit, or the limit of the opening.
type Decision struct {
	EventID     string     `json:"event_id"`
	Version     int64      `json:"version"`
	RecordedAt  api.Time   `json:"recorded_at"`
	Before      int64      `json:"before"`
	After       int64      `json:"after"`
	ExpiresAt   api.Time   `json:"expires_at,omitzero"`
	Reason      event.Text `json:"reason,omitzero"`
	DecidedBy   event.Text `json:"decided_by,omitzero"`
	DecisionRef event.Text `json:"decision_ref,omitzero"`
	Forced      bool       `json:"forced,omitempty"`
	// ExpiredVersion is the version of the decision that expired, where this event records that.
	ExpiredVersion int64 `json:"expired_version,omitempty"`
}

// Explanation is the outcome that a withdrawal of an amount would have, or that a decline had, and
// what the answer consists of.
type Explanation struct {
	AccountID    string   `json:"account_id"`
	Currency     string   `json:"currency"`
	Version      int64    `json:"version"`
	AsOf         api.Time `json:"as_of"`
	Amount       int64    `json:"amount"`
	Available    int64    `json:"available"`
	AvailableOwn int64    `json:"available_own"`
	Limit        int64    `json:"limit"`
	Posted       int64    `json:"posted"`
	Held         int64    `json:"held"`
	Drawn        int64    `json:"drawn"`
	Reserved     int64    `json:"reserved"`
	// Holds are the open ones, oldest first, and Draws the debits since the balance was last not
	// below 0, newest first.
	Holds []ExplainedHold `json:"holds"`
	Draws []Draw          `json:"draws"`
	// MoreDraws says that older draws were left out.
	MoreDraws bool `json:"more_draws,omitempty"`
	// LimitSet is the decision that set the limit; nil for an account that never had one.
	LimitSet *Decision `json:"limit_set,omitempty"`
	Outcome
}

// ExplainedHold is an open hold, which keeps its amount from others.
type ExplainedHold struct {
	HoldID    string   `json:"hold_id"`
	Version   int64    `json:"version"`
	Amount    int64    `json:"amount"`
	PlacedAt  api.Time `json:"placed_at"`
	ExpiresAt api.Time `json:"expires_at,omitzero"`
}

// Draw is a debit that the line of credit paid, in whole or in part.
type Draw struct {
	EventID    string   `json:"event_id"`
	Version    int64    `json:"version"`
	Type       string   `json:"type"`
	RecordedAt api.Time `json:"recorded_at"`
	Amount     int64    `json:"amount"`
	FromCredit int64    `json:"from_credit"`
}

// Outcome is the outcome of a withdrawal.
type Outcome struct {
	Accepted bool `json:"accepted"`
	// Code is that of the refusal.
	Code string `json:"code,omitempty"`
	// FromOwn and FromCredit divide the amount by its source; nil when the withdrawal is refused.
	FromOwn    *int64 `json:"from_own,omitempty"`
	FromCredit *int64 `json:"from_credit,omitempty"`
	// Shortfall is the missing amount; nil unless the withdrawal is refused for insufficient funds.
	Shortfall *int64 `json:"shortfall,omitempty"`
}
