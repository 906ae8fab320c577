package jobs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"passbook/shared/consumer"
	"passbook/shared/journal"
	"passbook/shared/web"
	"passbook/shared/web/ops"
)

// QuarantineParams are the parameters of quarantine.
type QuarantineParams struct {
	// Account shows one account with the record; none lists all.
	Account string `json:"account,omitempty"`
}

func (QuarantineParams) check() error { return nil }

// SetAside is an account, or a record that names none, that a consumer has set aside.
type SetAside struct {
	Consumer string    `json:"consumer"`
	ID       string    `json:"id"`
	Account  string    `json:"account_id,omitempty"`
	Version  int64     `json:"version,omitempty"`
	Cause    string    `json:"cause"`
	At       time.Time `json:"at"`
	Shard    string    `json:"shard,omitempty"`
	Sequence string    `json:"sequence,omitempty"`
	Size     int64     `json:"size"`
	Data     []byte    `json:"data,omitempty"`
}

// consumers are the names of all consumers that may have set something aside.
func (b Bank) consumers(ctx context.Context) ([]string, error) {
	names := []string{"archiver"}
	for _, model := range Models {
		g, err := consumer.LoadGenerations(ctx, b.Table, model)
		if err != nil {
			return nil, err
		}
		for _, generation := range []int64{g.Live, g.Candidate, g.Previous} {
			if generation > 0 {
				names = append(names, consumer.Name(model, generation))
			}
		}
	}
	return names, nil
}

// quarantine lists what the consumers have set aside.
func (b Bank) quarantine(ctx context.Context, params QuarantineParams, _ *ops.Progress) ([]SetAside, error) {
	names, err := b.consumers(ctx)
	if err != nil {
		return nil, err
	}
	found := []SetAside{}
	for _, name := range names {
		list, err := consumer.QuarantineAll(ctx, b.Table, name)
		if err != nil {
			return nil, err
		}
		for _, q := range list {
			s := SetAside{
				Consumer: name, ID: q.ID, Account: q.Account.ID, Version: q.Version, Cause: q.Cause, At: q.At,
				Shard: q.Shard, Sequence: q.Sequence, Size: q.Size,
			}
			switch {
			case params.Account == "":
				found = append(found, s)
			case params.Account == q.Account.ID || params.Account == q.ID:
				s.Data = q.Data
				found = append(found, s)
			}
		}
	}
	return found, nil
}

// RedriveParams are the parameters of redrive.
type RedriveParams struct {
	// Account is the one to let go on; All lets every one.
	Account string `json:"account,omitempty"`
	All     bool   `json:"all,omitempty"`
}

func (p RedriveParams) check() error {
	if (p.Account == "") != p.All {
		return wrong("name one account, or --all")
	}
	return nil
}

// Redriven is what redrive came to.
type Redriven struct {
	Redriven []string `json:"redriven"`
	// Blocked are those that cannot go on still.
	Blocked []string `json:"blocked,omitempty"`
}

// redrive lets accounts that were set aside go on from the journal.
func (b Bank) redrive(ctx context.Context, params RedriveParams, p *ops.Progress) (Redriven, error) {
	done := Redriven{Redriven: []string{}}
	list, err := b.quarantine(ctx, QuarantineParams{}, p)
	if err != nil {
		return done, err
	}
	list = slices.DeleteFunc(list, func(s SetAside) bool { return s.Account == "" || !params.All && s.Account != params.Account })
	if len(list) == 0 && !params.All {
		return done, fmt.Errorf("%s is not in quarantine", params.Account)
	}
	p.Phase("redrive", "accounts", int64(len(list)))
	for _, s := range list {
		name := s.Consumer + " " + s.Account
		err := b.redriveOne(ctx, s)
		switch {
		case errors.Is(err, consumer.ErrBlocked):
			done.Blocked = append(done.Blocked, name)
		case err != nil:
			return done, fmt.Errorf("redrive %s: %w", name, err)
		default:
			done.Redriven = append(done.Redriven, name)
		}
		p.Add(1)
	}
	if len(done.Blocked) > 0 {
		return done, fmt.Errorf("%w: %d accounts cannot go on still", ops.ErrDifference, len(done.Blocked))
	}
	return done, nil
}

func (b Bank) redriveOne(ctx context.Context, s SetAside) error {
	var model string
	var generation int64
	for _, m := range Models {
		if _, err := fmt.Sscanf(s.Consumer, m+"@%d", &generation); err == nil {
			model = m
		}
	}
	to, err := b.projection(ctx, model, generation)
	if err != nil {
		return err
	}
	return to.Redrive(ctx, journal.Account{Tenant: web.Tenant, ID: s.Account})
}
