package readmodel

import (
	"context"
	"errors"
	"fmt"

	"passbook/shared/event"
	"passbook/shared/readmodel/quarantined"
)

// A record on the stream can be forged: with the hash of the account's last entry it follows the
// row, and only the journal shows that it has no such entry. So a redrive, a heal and a rebuild
// first compare the row with the journal, which is the truth.

// comparison is the result of comparing a row with the journal.
type comparison int

const (
	// rowMatches: the row was folded from the entry that the journal has at its version, or from
	// none.
	rowMatches comparison = iota
	// rowDiffers: the journal has another entry at the row's version.
	rowDiffers
	// rowAhead: the journal ends before the row's version. Either it lost its end, or a forged
	// record was folded; the program cannot tell which.
	rowAhead
	// journalUnreadable: the journal's entry at the row's version cannot be read.
	journalUnreadable
)

// compareWithJournal compares a row with the journal. If the row is ahead, head is the version at
// which the journal ends.
func (p *Projection[S]) compareWithJournal(ctx context.Context, row Row[S]) (found comparison, head int64, err error) {
	if row.Version == 0 {
		return rowMatches, 0, nil
	}
	e, err := p.journalEntry(ctx, row.Account, row.Version)
	var unreadable *unprocessableError
	switch {
	case errors.As(err, &unreadable):
		return journalUnreadable, 0, nil
	case err != nil:
		return 0, 0, err
	case e == nil:
		return rowAhead, 0, nil
	case e.Last < row.Version:
		return rowAhead, e.Last, nil
	case e.Last == row.Version && e.Hash == row.Hash:
		return rowMatches, 0, nil
	}
	return rowDiffers, 0, nil
}

// MatchesJournal reports whether an account's row was folded from the journal's history, as far as
// the journal can be read. It returns false for a row that cannot be decoded, and true for an
// account without a row.
func (p *Projection[S]) MatchesJournal(ctx context.Context, a event.Account) (bool, error) {
	row, err := p.rows.load(ctx, p.generation, a)
	if errors.Is(err, errUnreadable) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	found, _, err := p.compareWithJournal(ctx, row)
	return found == rowMatches || found == journalUnreadable, err
}

// journalEntry returns the journal's entry that has a version, or the last one before it; nil if
// there is none.
func (p *Projection[S]) journalEntry(ctx context.Context, a event.Account, version int64) (*event.Entry, error) {
	for e, err := range p.journal.Backward(ctx, a, version) {
		if err != nil {
			return nil, unprocessableJournal(version, fmt.Errorf("compare %s v%d with the journal: %w", a, version, err))
		}
		return e, nil
	}
	return nil, nil
}

// reconcile compares a row with the journal before the account is caught up, and reports whether
// the stored row changed: a row that differs is folded again, and an account whose row is ahead is
// put into quarantine, as only a person knows whether the journal lost its end.
func (p *Projection[S]) reconcile(ctx context.Context, row Row[S]) (changed bool, err error) {
	found, head, err := p.compareWithJournal(ctx, row)
	switch {
	case err != nil:
		return false, err
	case found == rowDiffers:
		return true, p.refold(ctx, row)
	case found == rowAhead:
		ahead := &unprocessableError{version: head + 1, rev: row.rev}
		ahead.err = fmt.Errorf("the row is at v%d (%s), and the journal ends at v%d", row.Version, row.Hash, head)
		if err := p.quarantineFor(ctx, row.Account, ahead, ahead.err); !errors.Is(err, errMoved) {
			return false, err
		}
		return true, nil
	}
	return false, nil
}

// resolveByJournal decides an unprocessable entry of a candidate by the journal, where a live
// generation needs a person: a row that differs is folded again, and an entry for which the journal
// has another is dropped. It reports whether that resolved it. No reader gets the rows of a
// candidate, and every rebuild from an archive with a forged record would meet it again.
func (p *Projection[S]) resolveByJournal(ctx context.Context, account string, e *event.Entry) (bool, error) {
	if !p.silent() {
		return false, nil
	}
	row, err := p.rows.load(ctx, p.generation, rowAccount(account))
	if err != nil || row.QuarantinedAt != 0 {
		return false, nil //nolint:nilerr // it occurs again when the account is put into quarantine
	}
	found, _, err := p.compareWithJournal(ctx, row)
	if err == nil && found == rowDiffers {
		return true, p.refold(ctx, row)
	}
	if err != nil {
		return false, err
	}
	kept, err := p.journalEntry(ctx, row.Account, e.First)
	if err != nil || kept == nil || kept.Last < e.First || kept.Hash == e.Hash {
		return false, nil //nolint:nilerr // likewise
	}
	p.log.ErrorContext(ctx, "an entry is not the journal's and is dropped", "account", account, "version", e.First, "hash", e.Hash, "journal", kept.Hash)
	return true, nil
}

// Refold folds an account from the journal's first entry to its head, whatever its row has. It
// returns ErrQuarantined for an account in quarantine, or whose journal cannot be folded.
func (p *Projection[S]) Refold(ctx context.Context, a event.Account) error {
	err := p.changeRow(ctx, a, func(row *Row[S], _ error) (bool, error) {
		if row.QuarantinedAt != 0 {
			return false, nil
		}
		fresh, err := p.refoldedRow(ctx, *row)
		*row = fresh
		return true, err
	})
	if err != nil {
		return err
	}
	_, err = p.CatchUp(ctx, a)
	return err
}

// refold replaces a row by what the journal makes of the account, unless the row was written since.
func (p *Projection[S]) refold(ctx context.Context, row Row[S]) error {
	return p.changeRow(ctx, row.Account, func(now *Row[S], unreadable error) (bool, error) {
		if now.rev != row.rev || unreadable != nil {
			return false, nil
		}
		fresh, err := p.refoldedRow(ctx, *now)
		*now = fresh
		return true, err
	})
}

// refoldedRow returns the row that the whole journal makes of an account, to replace a row that is
// not of its history. It folds in memory, so that no reader gets a state on the way. It sends the
// messages before it stores the row: the unsent ones; or all, with their old ids, where the history
// of the old row differs. If the journal cannot be folded, the row it returns is quarantined.
func (p *Projection[S]) refoldedRow(ctx context.Context, was Row[S]) (Row[S], error) {
	row := Row[S]{Account: was.Account, rev: was.rev, refolded: true}
	found, _, err := p.compareWithJournal(ctx, was)
	if err != nil {
		return row, err
	}
	sent := int64(0)
	if found == rowMatches {
		sent = was.Version
	}
	p.log.ErrorContext(ctx, "the row is not what the journal makes it and is folded from the journal again", "account", was.Account.String(), "version", was.Version,
		"hash", was.Hash)
	row, err = p.foldJournal(ctx, row, sent, was.Pending)
	var failed *unprocessableError
	if errors.As(err, &failed) {
		row.QuarantinedAt, row.Cause = failed.version, quarantined.Cause(err)
		return row, p.storeCause(ctx, row)
	}
	if err == nil {
		row, err = p.sendPending(ctx, row)
	}
	return row, err
}

// foldJournal folds the journal from its first entry to its head. Up to version sent everything was
// sent except pending. If an entry is unprocessable, it returns the row before it.
func (p *Projection[S]) foldJournal(ctx context.Context, row Row[S], sent int64, pending []string) (Row[S], error) {
	for e, err := range p.journal.Entries(ctx, row.Account, 1, 0) {
		if err != nil {
			return row, unprocessableJournal(row.Version+1, fmt.Errorf("fold %s from v%d: %w", row.Account, row.Version+1, err))
		}
		if row, err = p.foldNext(row, e); err != nil {
			return row, err
		}
		switch {
		case row.Version < sent:
			row.Pending = nil
		case row.Version == sent:
			row.Pending = pending
		}
		if len(row.further) >= maxFurther {
			if err := p.writeOfEntries(ctx, row.further); err != nil {
				return row, err
			}
			row.further = nil
		}
		if len(row.Pending) < maxPending {
			continue
		}
		if row, err = p.sendPending(ctx, row); err != nil {
			return row, err
		}
	}
	return row, nil
}
