package replay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/readmodel"
	"passbook/shared/replay/scratch"
)

// refoldChunk is how many entries of a history are in memory while a row is folded again.
const refoldChunk = 256

// compareWithJournal compares two rows that were never found at one version with the journal, each
// at its own version. If the live row does not move only the candidate's counts: it is ahead, and
// the rebuild may be there to repair the live one.
func (r *comparison) compareWithJournal(ctx context.Context, live, made modelRow, moves bool) error {
	rows := []modelRow{made}
	if moves {
		rows = append(rows, live)
	}
	slices.SortFunc(rows, func(a, b modelRow) int { return cmp.Compare(a.version, b.version) })
	p, err := r.newRefold(ctx, made.account)
	if err != nil {
		return err
	}
	right := true
	for _, row := range rows {
		wrong, err := p.compare(ctx, row)
		if err != nil {
			return err
		}
		if wrong != "" {
			right = false
			r.faults.add(row.account, row.version, "%s was never found at the other row's version: %s", readmodel.Name(r.config.Model, row.generation), wrong)
		}
	}
	switch {
	case !right:
	case moves:
		r.equal.Add(1)
	default:
		r.ahead.Add(1)
	}
	return nil
}

// refold folds a row from an account's journal again, in memory, version after version.
type refold struct {
	config     CompareConfig
	account    event.Account
	in         *scratch.Table
	generation int64
	to         Projection
	at         int64 // the version that was folded up to
}

// newRefold opens the model's projection in a separate table. Its generation is a candidate there,
// so that it sends nothing.
func (r *comparison) newRefold(ctx context.Context, a event.Account) (*refold, error) {
	p := &refold{config: r.config, account: a, in: scratch.NewTable()}
	var err error
	p.generation, err = readmodel.StartCandidate(ctx, p.in, r.config.Model, nil)
	if err == nil {
		p.to, err = r.config.Projection(ctx, p.in, p.generation)
	}
	if err != nil {
		return nil, fmt.Errorf("fold %s again: %w", a, err)
	}
	return p, nil
}

// compare returns in what a row differs from what the journal makes of it; "" if in nothing. Rows
// MUST come in order of version.
func (p *refold) compare(ctx context.Context, row modelRow) (string, error) {
	err := p.fold(ctx, row.version)
	var newer *event.FormatError
	if errors.Is(err, journal.ErrDamaged) || errors.As(err, &newer) {
		return fmt.Sprintf("the journal cannot be read: %v", err), nil
	}
	if err != nil {
		return "", fmt.Errorf("compare %s with the journal: %w", p.account, err)
	}
	want, err := getRow(ctx, p.in, p.config.Model, p.generation, p.account)
	switch {
	case err != nil:
		return "", err
	case want.blocked != 0:
		return fmt.Sprintf("the journal cannot be folded beyond v%d", want.blocked-1), nil
	case want.version < row.version:
		return fmt.Sprintf("the row is ahead of the journal, which ends at v%d", want.version), nil
	case want.version > row.version:
		return "no entry of the journal ends at its version", nil
	}
	if differ := differences(want, row); len(differ) > 0 {
		return fmt.Sprintf("the row differs in %v from what the journal makes of it", differ), nil
	}
	return "", nil
}

// fold folds the journal up to a version.
func (p *refold) fold(ctx context.Context, version int64) error {
	if version <= p.at {
		return nil
	}
	var chunk []*event.Entry
	for e, err := range p.config.Journal.Entries(ctx, p.account, p.at+1, version) {
		if err != nil {
			return err
		}
		chunk, p.at = append(chunk, e), e.Last
		if len(chunk) < refoldChunk {
			continue
		}
		err = p.to.ProjectEntries(ctx, p.account, chunk)
		if err != nil {
			return err
		}
		chunk = chunk[:0]
	}
	return p.to.ProjectEntries(ctx, p.account, chunk)
}
