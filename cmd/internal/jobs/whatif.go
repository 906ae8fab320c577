package jobs

import (
	"context"
	"encoding/json"
	"time"

	"passbook/cmd/internal/cli"
	"passbook/cmd/internal/whatif"
	"passbook/credit"
	"passbook/shared/account"
	"passbook/shared/archive"
	"passbook/shared/event"
	"passbook/shared/progress"
	"passbook/shared/replay"
	"passbook/withdraw"
)

// WhatIfParams are the parameters of what-if.
type WhatIfParams struct {
	// Rules are those of package whatif, as JSON.
	Rules json.RawMessage `json:"rules"`
	// Source is archive, or journal.
	Source string `json:"source"`
	// Account is the only account, empty for all.
	Account string `json:"account,omitempty"`
	OfTenant
	// From and To bound the decisions that are reported by the time when they were recorded.
	From cli.Instant `json:"from,omitzero"`
	To   cli.Instant `json:"to,omitzero"`
	Sorting
	Proving
}

func (p WhatIfParams) check() error {
	if p.Source != "archive" && p.Source != "journal" {
		return wrong("--source must be archive or journal")
	}
	if err := p.Sorting.check(); err != nil {
		return err
	}
	if !p.From.IsZero() && !p.To.IsZero() && !p.From.Time().Before(p.To.Time()) {
		return wrong("--from is not before --to")
	}
	if _, err := whatif.ParseRules(p.Rules); err != nil {
		return wrong("%v", err)
	}
	_, err := p.OfTenant.Account(p.Account)
	return err
}

func (WhatIfParams) changes() bool { return false }

// WhatIfResult has the decisions that would differ.
type WhatIfResult struct {
	*whatif.Report
	// Extent is how far the archive goes, where it was read, and Faults are the accounts that were
	// left out.
	Extent *archive.Extent `json:"archive,omitempty"`
	Faults replay.Faults   `json:"faults,omitzero"`
}

// whatIf decides the bank's past commands again, by other rules.
func (b Bank) whatIf(ctx context.Context, params WhatIfParams, p *progress.Tracker) (done WhatIfResult, err error) {
	rules, err := whatif.ParseRules(params.Rules)
	if err != nil {
		return done, wrong("%v", err)
	}
	var one event.Account
	if params.Account != "" {
		if one, err = params.OfTenant.Account(params.Account); err != nil {
			return done, err
		}
	}
	done.Report = whatif.NewReport(rules, PastCommand, params.From.Time(), params.To.Time())
	defer done.End()
	if params.Source == "journal" {
		return done, done.Journal(ctx, b.Journal, one, params.has, p)
	}
	c, err := b.past(ctx, params.Tenant, params.Sorting, p)
	if err != nil {
		return done, err
	}
	c.Account, c.Time, c.History = one, done.Until(), done.History
	c.Begin = func(x archive.Extent) error {
		done.Extent = &x
		return params.Allows(x)
	}
	done.Faults, err = replay.StatesAt(ctx, c, nil)
	if err == nil && params.Account != "" && done.Accounts == 0 {
		err = wrong("the archive has no account %s, or it was opened later", one)
	}
	return done, err
}

// PastCommand returns the command that the programs decide where this is asked for.
func PastCommand(a whatif.Asked) whatif.Command {
	transfer := withdraw.Transfer{From: "payer", To: "payee", Amount: a.Amount, Currency: a.Currency}
	switch a.Operation {
	case whatif.Open:
		return credit.Open{Currency: a.Currency, HolderRef: a.HolderRef, Product: a.Product, CreditLimit: a.Amount}
	case whatif.Credit:
		return credit.Credit{Amount: a.Amount, Currency: a.Currency, Kind: a.Kind}
	case whatif.Withdrawal, whatif.Fee, whatif.NewFee:
		return withdraw.Withdraw{Amount: a.Amount, Currency: a.Currency, Kind: a.Kind}
	case whatif.Hold:
		return withdraw.PlaceHold{Amount: a.Amount, Currency: a.Currency, ExpiresAt: a.ExpiresAt}
	case whatif.Capture:
		return withdraw.CaptureHold{HoldID: a.HoldID, Amount: &a.Amount, Final: &a.Final, Placed: true}
	case whatif.Release:
		return withdraw.ReleaseHold{HoldID: a.HoldID, Placed: true}
	case whatif.Pay:
		return payment{transfer}
	case whatif.Receive:
		return receipt{transfer}
	case whatif.ReverseCredit:
		return credit.ReverseCredit{Original: a.Original, Force: a.Force}
	case whatif.ReverseWithdrawal:
		return withdraw.ReverseWithdrawal{Original: a.Original}
	case whatif.Limit:
		return credit.SetLimit{Limit: &a.Amount, ExpiresAt: a.ExpiresAt, Force: a.Force}
	case whatif.Freeze:
		return credit.Freeze{Scope: a.Scope}
	case whatif.Unfreeze:
		return credit.Unfreeze{}
	case whatif.Close:
		return credit.Close{}
	}
	return withdraw.Expire{}
}

// payment is the leg of a transfer that pays, to an account that can be paid: history has no other
// transfers.
type payment struct{ withdraw.Transfer }

// Decide emits the leg, or the decline.
func (p payment) Decide(s account.State, now time.Time) account.Decision {
	payee := account.State{Version: 1, Status: account.StatusOpen, Currency: p.Currency}
	return p.DecideFrom(s, payee, "", now)
}

// receipt is the leg of a transfer that receives.
type receipt struct{ withdraw.Transfer }

// Decide emits the leg.
func (r receipt) Decide(s account.State, now time.Time) account.Decision {
	return r.DecideTo(s, "", now)
}
