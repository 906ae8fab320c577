package jobs

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"passbook/cmd/internal/ops"
	"passbook/shared/event"
	"passbook/shared/progress"
	"passbook/shared/readmodel"
	"passbook/shared/readmodel/quarantined"
)

// QuarantineParams are the parameters of quarantine.
type QuarantineParams struct {
	// Account shows one account with the record, of every tenant that has it; none lists all.
	Account string `json:"account,omitempty"`
	OfTenant
	look
}

func (p QuarantineParams) check() error { return p.OfTenant.check() }

// asks reports whether the parameters are about something in quarantine. A record that names no
// account is no tenant's: who asks for one tenant does not get it.
func (p QuarantineParams) asks(q quarantined.Item) bool {
	return p.has(q.Account) && (p.Account == "" || p.Account == q.Account.ID || p.Account == q.ID)
}

// Quarantined is an account, or a record that names none, in the quarantine of a consumer.
type Quarantined struct {
	Consumer string    `json:"consumer"`
	ID       string    `json:"id"`
	Tenant   string    `json:"tenant,omitempty"`
	Account  string    `json:"account_id,omitempty"`
	Version  int64     `json:"version,omitempty"`
	Cause    string    `json:"cause"`
	At       time.Time `json:"at"`
	Shard    string    `json:"shard,omitempty"`
	Sequence string    `json:"sequence,omitempty"`
	Size     int64     `json:"size"`
	Data     []byte    `json:"data,omitempty"`
}

// of returns the account in quarantine; of a record that names none, the zero Account.
func (s Quarantined) of() event.Account { return event.Account{Tenant: s.Tenant, ID: s.Account} }

// consumers returns the names of all consumers that have a quarantine.
func (b Bank) consumers(ctx context.Context) ([]string, error) {
	names := []string{"archiver"}
	for _, model := range Models {
		g, err := readmodel.LoadGenerations(ctx, b.Table, model)
		if err != nil {
			return nil, err
		}
		for _, generation := range []int64{g.Live, g.Candidate, g.Previous} {
			if generation > 0 {
				names = append(names, readmodel.Name(model, generation))
			}
		}
	}
	return names, nil
}

// quarantine lists the quarantine of every consumer.
func (b Bank) quarantine(ctx context.Context, params QuarantineParams, _ *progress.Tracker) ([]Quarantined, error) {
	names, err := b.consumers(ctx)
	if err != nil {
		return nil, err
	}
	found := []Quarantined{}
	for _, name := range names {
		list, err := quarantined.All(ctx, b.Table, name)
		if err != nil {
			return nil, err
		}
		for _, q := range list {
			if !params.asks(q) {
				continue
			}
			s := Quarantined{
				Consumer: name, ID: q.ID, Tenant: q.Account.Tenant, Account: q.Account.ID, Version: q.Version, Cause: q.Cause, At: q.At,
				Shard: q.Shard, Sequence: q.Sequence, Size: q.Size,
			}
			if params.Account != "" {
				s.Data = q.Data
			}
			found = append(found, s)
		}
	}
	return found, nil
}

// RedriveParams are the parameters of redrive.
type RedriveParams struct {
	// Account is the one to release; All releases every one, or every one of the tenant.
	Account string `json:"account,omitempty"`
	All     bool   `json:"all,omitempty"`
	DryRun  bool   `json:"dry_run,omitempty"`
	OfTenant
}

func (p RedriveParams) check() error {
	if (p.Account == "") != p.All {
		return wrong("name one account, or --all")
	}
	_, err := p.OfTenant.Account(p.Account)
	return err
}

func (p RedriveParams) changes() bool { return !p.DryRun }

func (p RedriveParams) about() string {
	if p.All {
		return p.Tenant
	}
	return p.aboutAccount(p.Account)
}

// RedriveResult is what redrive did, or in a dry run would try.
type RedriveResult struct {
	Redriven []string `json:"redriven"`
	// Blocked are those that still cannot be processed.
	Blocked []string `json:"blocked,omitempty"`
	// Records is how many records in quarantine name no account; they were not touched.
	Records int  `json:"records,omitempty"`
	DryRun  bool `json:"dry_run,omitempty"`
}

// redrive releases accounts from quarantine: their rows are folded from the journal. A single
// account need not be in quarantine, because the row of a forged record is not until something
// contradicts it.
func (b Bank) redrive(ctx context.Context, params RedriveParams, p *progress.Tracker) (RedriveResult, error) {
	done := RedriveResult{Redriven: []string{}, DryRun: params.DryRun}
	all, err := b.quarantine(ctx, QuarantineParams{OfTenant: params.OfTenant}, p)
	if err != nil {
		return done, err
	}
	one, err := params.OfTenant.Account(params.Account)
	if err != nil {
		return done, err
	}
	list := slices.DeleteFunc(slices.Clone(all), func(s Quarantined) bool { return s.Account == "" || !params.All && s.of() != one })
	if params.All {
		done.Records = len(all) - len(list)
	} else if list, err = b.addStrayRows(ctx, one, list); err != nil {
		return done, err
	}
	p.Begin("redrive", "accounts", int64(len(list)))
	for _, s := range list {
		name := s.Consumer + " " + s.of().String()
		if params.DryRun {
			done.Redriven = append(done.Redriven, name)
			continue
		}
		err := b.redriveOne(ctx, s)
		switch {
		case errors.Is(err, readmodel.ErrQuarantined):
			done.Blocked = append(done.Blocked, name)
		case err != nil:
			return done, fmt.Errorf("redrive %s: %w", name, err)
		default:
			done.Redriven = append(done.Redriven, name)
		}
		p.Add(1)
	}
	if len(done.Blocked) > 0 {
		return done, fmt.Errorf("%w: %d accounts still cannot be processed: bank quarantine list names the causes", ops.ErrDifference, len(done.Blocked))
	}
	return done, nil
}

// addStrayRows adds the live rows of an account that are not of the journal's history.
func (b Bank) addStrayRows(ctx context.Context, a event.Account, list []Quarantined) ([]Quarantined, error) {
	for _, model := range Models {
		live, _, err := readmodel.Generations(ctx, b.Table, model)
		if err != nil {
			return nil, err
		}
		name := readmodel.Name(model, live)
		if slices.ContainsFunc(list, func(s Quarantined) bool { return s.Consumer == name }) {
			continue
		}
		to, err := b.projection(ctx, model, live)
		if err != nil {
			return nil, err
		}
		right, err := to.MatchesJournal(ctx, a)
		if err != nil {
			return nil, err
		}
		if !right {
			list = append(list, Quarantined{Consumer: name, Tenant: a.Tenant, Account: a.ID})
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s is not in quarantine, and its rows agree with the journal", a)
	}
	return list, nil
}

// redriveOne folds the row of one account in one read model from the journal.
func (b Bank) redriveOne(ctx context.Context, s Quarantined) error {
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
	return to.Redrive(ctx, s.of())
}

// ClearParams are the parameters of clear.
type ClearParams struct {
	// Record is the id of the record to clear, in the quarantine of any consumer; All clears every
	// record that names no account.
	Record string `json:"record,omitempty"`
	All    bool   `json:"all,omitempty"`
	DryRun bool   `json:"dry_run,omitempty"`
}

func (p ClearParams) check() error {
	if (p.Record == "") != p.All {
		return wrong("name the id of one record, or --all")
	}
	return nil
}

func (p ClearParams) changes() bool { return !p.DryRun }

// ClearResult is what clear removed from quarantine, or in a dry run would.
type ClearResult struct {
	Records []Quarantined `json:"records"`
	DryRun  bool          `json:"dry_run,omitempty"`
}

// clear removes records that cannot be decoded from quarantine; accounts leave it only by a
// redrive. It logs what each record was.
func (b Bank) clear(ctx context.Context, params ClearParams, p *progress.Tracker) (ClearResult, error) {
	done := ClearResult{Records: []Quarantined{}, DryRun: params.DryRun}
	list, err := b.quarantine(ctx, QuarantineParams{}, p)
	if err != nil {
		return done, err
	}
	isAccount := func(s Quarantined) bool {
		return s.Account != "" && (s.Account == params.Record || s.ID == params.Record)
	}
	if i := slices.IndexFunc(list, isAccount); i >= 0 {
		return done, fmt.Errorf("%s is an account, and clear is for records: bank quarantine redrive %s releases it", params.Record, list[i].of())
	}
	list = slices.DeleteFunc(list, func(s Quarantined) bool { return s.Account != "" || !params.All && s.ID != params.Record })
	if len(list) == 0 && !params.All {
		return done, fmt.Errorf("no record %s is in quarantine: bank quarantine list names them", params.Record)
	}
	p.Begin("clear", "records", int64(len(list)))
	for _, s := range list {
		if !params.DryRun {
			kept, err := quarantined.ReleaseRecord(ctx, b.Table, s.Consumer, s.ID)
			if err != nil {
				return done, err
			}
			b.Log.Warn("record cleared from quarantine", "consumer", s.Consumer, "id", s.ID, "since", s.At, "cause", s.Cause, "size", s.Size,
				"sha256", fmt.Sprintf("%x", sha256.Sum256(kept.Data)), "begins", string(kept.Data[:min(len(kept.Data), 200)]))
		}
		done.Records = append(done.Records, s)
		p.Add(1)
	}
	return done, nil
}
