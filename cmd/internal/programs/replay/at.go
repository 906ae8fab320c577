package replay

import (
	"context"
	"errors"
	"fmt"

	"passbook/cmd/internal/cli"
	"passbook/cmd/internal/deployment"
	"passbook/cmd/internal/jobs"
	"passbook/shared/account"
	"passbook/shared/archive"
	"passbook/shared/event"
	"passbook/shared/origin"
	"passbook/shared/platform"
	"passbook/shared/progress"
	"passbook/shared/replay"
	"passbook/shared/stores"
)

// atCommand prints past states of accounts. It reads only the archive, and does not need the data
// directory that a running bank has locked.
type atCommand struct {
	cli.StoreFlags
	Time    cli.Instant `name:"time" placeholder:"TIME" xor:"when" required:"" help:"State after everything recorded up to TIME."`
	Version int64       `name:"version" placeholder:"N" xor:"when" required:"" help:"State after event N of each account."`
	endFlags
	Account string         `name:"account" placeholder:"ID" help:"Only this account."`
	Tenant  string         `name:"tenant" placeholder:"TENANT" help:"The account's tenant [main]; without --account, only this one's."`
	Memory  platform.Bytes `name:"memory" default:"256MiB" placeholder:"SIZE" help:"About how much memory the states take; the archive is read again for accounts that do not fit [256MiB]."`
	cli.Output
}

// leastStates is the least memory for states: with less, the archive is read very often.
const leastStates platform.Bytes = 1 << 20

// Help returns the example.
func (atCommand) Help() string {
	return "Reads only the archive, which does not have the events of the open segment yet.\n\nExample:\n\n  replay at --version 2"
}

// Run prints the states.
func (c *atCommand) Run(ctx context.Context, t *cli.Terminal) error {
	config, err := t.Config(&c.StoreFlags)
	if err != nil {
		return err
	}
	if c.Version < 0 {
		return cli.Usage("--version %d must be 1 or more", c.Version)
	}
	if c.Memory < leastStates {
		return cli.Usage("--memory %v must be %v or more", c.Memory, leastStates)
	}
	of, err := jobs.OfTenant{Tenant: c.Tenant}.Account(c.Account)
	if err != nil {
		return cli.Usage("%w", err)
	}
	if err := platform.Present(config); err != nil {
		return err
	}
	from, keys, err := platform.OpenArchive(ctx, config)
	if err != nil {
		return err
	}
	if err := (stores.Set{Bucket: from, Stream: config.Stream(deployment.EventStream)}).CheckStream(ctx); err != nil {
		return err
	}
	bar, far := cli.NewProgress(t.Err, "at"), progress.New()
	defer bar.Finish()
	defer bar.Follow(far.Snapshot)()
	states := replay.StatesConfig{Bucket: from, Time: c.Time.Time(), Version: c.Version, Tenant: c.Tenant, Progress: far, Limits: jobs.Scratch(config, int64(c.Memory))}
	if c.Account != "" {
		states.Account = of
	}
	if states.Evidence, err = jobs.Evidence(ctx, t, config, from); err != nil {
		return err
	}
	if states.Origin, err = origin.LoadProof(ctx, nil, from, keys); err != nil {
		return platform.ExplainKey(config, err)
	}
	states.Begin = func(x archive.Extent) error {
		c.showExtent(t.Err, x)
		return c.proving().Allows(x)
	}
	rows := cli.NewRows(t, c.Output, stateColumns)
	faults, err := replay.StatesAt(ctx, states, func(a event.Account, s account.State) error { return rows.Add(jobs.NewPastState(a, s)) })
	err = errors.Join(err, rows.Close())
	for _, fault := range faults.List {
		fmt.Fprintln(t.Err, fault)
	}
	switch {
	case errors.Is(err, jobs.ErrEndUnproven):
		return jobs.Unproven(err)
	case errors.Is(err, replay.ErrDifference):
		return cli.Fail(cli.ExitDifference, err, "")
	case err == nil && rows.Count() == 0:
		return errors.New("the archive has no such account, or it did not exist then")
	}
	return err
}

// stateColumns are the columns of past states.
var stateColumns = []cli.Column[jobs.PastState]{
	{Name: "tenant", Value: func(s jobs.PastState) any { return s.Tenant }},
	{Name: "account", Value: func(s jobs.PastState) any { return s.AccountID }},
	{Name: "version", Value: func(s jobs.PastState) any { return s.Version }},
	{Name: "status", Value: func(s jobs.PastState) any { return s.Status }},
	{Name: "posted", Value: func(s jobs.PastState) any { return cli.Money{Minor: s.Posted, Currency: s.Currency} }},
	{Name: "held", Value: func(s jobs.PastState) any { return cli.Money{Minor: s.Held, Currency: s.Currency} }},
	{Name: "limit", Value: func(s jobs.PastState) any { return cli.Money{Minor: s.Limit, Currency: s.Currency} }},
	{Name: "available", Value: func(s jobs.PastState) any { return cli.Money{Minor: s.Available, Currency: s.Currency} }},
	{Name: "currency", Value: func(s jobs.PastState) any { return s.Currency }, OnlyCSV: true},
	{Name: "as_of", Value: func(s jobs.PastState) any { return s.AsOf }},
}
