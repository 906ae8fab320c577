package jobs

import (
	"cmp"
	"context"
	"errors"
	"math/big"
	"slices"
	"time"

	"passbook/cmd/internal/deployment"
	"passbook/cmd/internal/ops"
	"passbook/shared/account"
	"passbook/shared/archive"
	"passbook/shared/audit"
	"passbook/shared/event"
	"passbook/shared/progress"
	"passbook/shared/replay"
	"passbook/shared/stores"
)

// maxStates bounds the accounts that are listed in the result of one job; all are added up. The
// command replay at prints any number.
const maxStates = 10_000

// StatesParams are the parameters of states.
type StatesParams struct {
	// Time asks for the states after everything recorded at or before it.
	Time time.Time `json:"time"`
	OfTenant
}

func (p StatesParams) check() error {
	if p.Time.IsZero() {
		return wrong("time is missing: a time such as 2026-11-30T08:00:00Z")
	}
	return p.OfTenant.check()
}

func (StatesParams) changes() bool { return false }

// States are the states of all accounts at a time.
type States struct {
	Time time.Time `json:"time"`
	// Reaches is when the archive's newest record arrived, and Unproven counts the shards of which
	// nothing proves where they end.
	Reaches  time.Time `json:"reaches,omitzero"`
	Unproven int       `json:"unproven_shards,omitempty"`
	// Accounts counts them, and Posted and Held are their sums by currency, in minor units.
	Accounts int64                 `json:"accounts"`
	Posted   map[string]*audit.Sum `json:"posted"`
	Held     map[string]*audit.Sum `json:"held"`
	// List has the accounts by id, at most maxStates.
	List   []PastState   `json:"list"`
	Faults replay.Faults `json:"faults"`
}

// PastState is the state of an account at some time.
type PastState struct {
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

// NewPastState returns the state of an account as it is written.
func NewPastState(a event.Account, s account.State) PastState {
	return PastState{
		Tenant: a.Tenant, AccountID: a.ID, Currency: s.Currency, Status: s.Status, Posted: s.Posted, Held: s.Held, Limit: s.Limit,
		Available: s.Available(), Version: s.Version, AsOf: s.RecordedAt,
	}
}

// states folds all accounts from the archive up to a time.
func (b Bank) states(ctx context.Context, params StatesParams, p *progress.Tracker) (*States, error) {
	if err := (stores.Set{Bucket: b.Bucket, Stream: b.Config.Stream(deployment.EventStream)}).CheckStream(ctx); err != nil {
		return nil, err
	}
	evidence, err := b.evidence(ctx)
	if err != nil {
		return nil, err
	}
	proof, err := b.proof(ctx)
	if err != nil {
		return nil, err
	}
	found := &States{Time: params.Time.UTC(), Posted: map[string]*audit.Sum{}, Held: map[string]*audit.Sum{}, List: []PastState{}}
	found.Faults, err = replay.StatesAt(ctx, replay.StatesConfig{
		Bucket: b.Bucket, Time: params.Time, Tenant: params.Tenant, Evidence: evidence, Origin: proof, Progress: p, Limits: b.scratch(Sorting{}),
		Begin: func(x archive.Extent) error {
			found.Reaches, found.Unproven = x.Reaches, x.Unproven
			return nil
		},
	}, found.take)
	slices.SortFunc(found.List, func(a, b PastState) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.AccountID, b.AccountID))
	})
	if errors.Is(err, replay.ErrDifference) {
		err = matching{err, ops.ErrDifference}
	}
	return found, err
}

// take adds the state of an account.
func (s *States) take(a event.Account, state account.State) error {
	s.Accounts++
	addTo(s.Posted, state.Currency, state.Posted)
	addTo(s.Held, state.Currency, state.Held)
	if len(s.List) < maxStates {
		s.List = append(s.List, NewPastState(a, state))
	}
	return nil
}

// addTo adds an amount to the sum of its currency.
func addTo(sums map[string]*audit.Sum, currency string, amount int64) {
	if sums[currency] == nil {
		sums[currency] = new(audit.Sum)
	}
	sums[currency].Add(&sums[currency].Int, big.NewInt(amount))
}
