package readmodel

import (
	"context"
	"errors"
	"fmt"
	"time"

	"passbook/shared/backoff"
	"passbook/shared/control"
	"passbook/shared/event"
	"passbook/shared/readmodel/quarantined"
)

// ErrQuarantined is the error of an account that is in quarantine, or that is put there now.
var ErrQuarantined = errors.New("read model: account in quarantine")

// catchUpEntries is how many entries are folded between two writes of a row that catches up.
const catchUpEntries = 256

// quarantineAccount puts an account into quarantine: its record first, and then the mark in its
// row, so that a crash between them repeats both. The projection skips what follows of the account
// until Redrive; the journal has it. If the row is no longer at the rev for which the error was
// found, it is not marked, and the error is errMoved: a process that lost its shard may find the
// error late, and by an older program.
func (p *Projection[S]) quarantineAccount(ctx context.Context, a event.Account, rev int64, q quarantined.Item) error {
	added, err := quarantined.Add(ctx, p.rows.table, p.name, q)
	if err != nil {
		return err
	}
	moved := false
	err = p.changeRow(ctx, a, func(row *Row[S], unreadable error) (bool, error) {
		if unreadable != nil {
			return false, unreadable
		}
		if moved = row.QuarantinedAt == 0 && rev != anyRev && row.rev != rev; moved || row.QuarantinedAt != 0 {
			return false, nil
		}
		row.QuarantinedAt, row.Cause = q.Version, q.Cause
		if row.QuarantinedAt == 0 {
			row.QuarantinedAt = row.Version + 1
		}
		return true, nil
	})
	var unmarked *unprocessableError
	switch {
	case err != nil && !errors.As(err, &unmarked):
		return err
	case moved && added:
		if err := p.retract(ctx, a); err != nil {
			return err
		}
		return errMoved
	case moved:
		return errMoved
	}
	// A row that cannot be decoded cannot be marked either, as every write depends on what was
	// read. It needs no mark: every entry of the account ends here again, and its record is kept.
	if !added { // a redrive may have released the record since
		_, err = quarantined.Add(ctx, p.rows.table, p.name, q)
		return err
	}
	p.count.unprocessable.Inc()
	p.count.quarantined.Inc()
	p.log.ErrorContext(ctx, "account put into quarantine", "account", a.String(), "version", q.Version, "cause", q.Cause)
	return nil
}

// retract takes out of quarantine an account whose row has moved on. If another process quarantined
// it at the same time, the record is restored.
func (p *Projection[S]) retract(ctx context.Context, a event.Account) error {
	wait := backoff.Backoff{First: 10 * time.Millisecond, Most: time.Second}
	for try := 1; ; try++ {
		err := quarantined.Release(ctx, p.rows.table, p.name, a.String())
		if err == nil {
			break
		}
		if try == maxAttempts || wait.Pause(ctx) != nil {
			return err
		}
	}
	if err := p.updateQuarantine(ctx, a); !errors.Is(err, ErrQuarantined) {
		return err
	}
	return nil
}

// quarantineFor puts an account into quarantine for an error that no record caused, and returns
// ErrQuarantined with that error.
func (p *Projection[S]) quarantineFor(ctx context.Context, a event.Account, failed *unprocessableError, cause error) error {
	q := quarantined.Item{ID: a.String(), Account: a, Version: failed.version, Cause: quarantined.Cause(cause)}
	if err := p.quarantineAccount(ctx, a, failed.rev, q); err != nil {
		return err
	}
	return fmt.Errorf("%s v%d: %w: %w", a, failed.version, cause, ErrQuarantined)
}

// changeRow reads a row, applies change and writes it if change returns true. It retries failures
// that may pass. A row that cannot be decoded is given to change with only its account and its rev,
// and with the error.
func (p *Projection[S]) changeRow(ctx context.Context, a event.Account, change func(row *Row[S], unreadable error) (bool, error)) error {
	wait := backoff.Backoff{First: 10 * time.Millisecond, Most: time.Second}
	for try := 1; ; try++ {
		p.cache.Forget(a.String())
		row, err := p.rows.load(ctx, p.generation, a)
		var unreadable error
		var undecoded *unprocessableError
		if errors.As(err, &undecoded) {
			row, unreadable, err = Row[S]{Account: a, rev: undecoded.rev}, err, nil
		}
		changed := false
		if err == nil {
			changed, err = change(&row, unreadable)
		}
		if err == nil {
			if !changed {
				return nil
			}
			if _, err = p.save(ctx, row); err == nil {
				return nil
			}
		}
		var lasting *unprocessableError
		if errors.As(err, &lasting) || try == maxAttempts || wait.Pause(ctx) != nil {
			return fmt.Errorf("change the row of %s: %w", a, err)
		}
	}
}

// Redrive releases an account from quarantine and folds, from the journal, everything that its row
// lacks. It begins at version 1 if the row cannot be read, or is not of the journal's history. It
// returns ErrQuarantined, with the cause, if the account was put into quarantine again, or stays
// there because the journal's entry cannot be read. The account leaves quarantine only when its row
// is up to the journal, so an account that is not is always listed.
func (p *Projection[S]) Redrive(ctx context.Context, a event.Account) error {
	released := false
	err := p.changeRow(ctx, a, func(row *Row[S], unreadable error) (bool, error) {
		found, _, err := p.compareWithJournal(ctx, *row)
		released = row.QuarantinedAt != 0 || unreadable != nil
		switch {
		case err != nil:
			return false, err
		case found == journalUnreadable && released:
			return false, &unprocessableError{
				version: row.Version, rev: row.rev, err: fmt.Errorf("the journal's entry of the row's version cannot be read: %w", ErrQuarantined),
			}
		case found == rowDiffers, found == rowAhead, unreadable != nil:
			*row, err = p.refoldedRow(ctx, *row)
			return true, err
		}
		row.QuarantinedAt, row.Cause = 0, ""
		return released, nil
	})
	if err != nil {
		return err
	}
	if _, err := p.CatchUp(ctx, a); err != nil {
		if errors.Is(err, ErrQuarantined) {
			if again := p.updateQuarantine(ctx, a); again != nil {
				return again
			}
		}
		return err
	}
	if err := quarantined.Release(ctx, p.rows.table, p.name, a.String()); err != nil {
		return err
	}
	if row, err := p.rows.load(ctx, p.generation, a); err != nil || row.QuarantinedAt != 0 {
		// put there since, by the worker of the generation
		return errors.Join(err, p.updateQuarantine(ctx, a))
	}
	if released {
		p.count.quarantined.Dec()
		p.log.InfoContext(ctx, "account released from quarantine", "account", a.String())
	}
	return nil
}

// updateQuarantine stores in quarantine why an account is there now, instead of why it was before,
// and returns ErrQuarantined if it is.
func (p *Projection[S]) updateQuarantine(ctx context.Context, a event.Account) error {
	row, err := p.rows.load(ctx, p.generation, a)
	if err != nil || row.QuarantinedAt == 0 {
		return err
	}
	if err := p.storeCause(ctx, row); err != nil {
		return err
	}
	return fmt.Errorf("%s v%d: %s: %w", a, row.QuarantinedAt, row.Cause, ErrQuarantined)
}

// storeCause stores in quarantine the cause that an account's row has.
func (p *Projection[S]) storeCause(ctx context.Context, row Row[S]) error {
	q := quarantined.Item{ID: row.Account.String(), Account: row.Account, Version: row.QuarantinedAt, Cause: row.Cause}
	return quarantined.Replace(ctx, p.rows.table, p.name, q)
}

// CatchUp folds what the account's row lacks up to the journal's head, and returns the version that
// was reached. It begins at version 1 if the journal has another history than the row. It returns
// ErrQuarantined for an account in quarantine, and for one whose row is ahead of the journal, which
// it puts there. It may run while a worker feeds the projection.
func (p *Projection[S]) CatchUp(ctx context.Context, a event.Account) (int64, error) {
	for compared := false; ; {
		row, err := p.rows.load(ctx, p.generation, a)
		var unreadable *unprocessableError
		switch {
		case errors.As(err, &unreadable):
			if err = p.quarantineFor(ctx, a, unreadable, err); errors.Is(err, errMoved) {
				continue
			}
			return 0, err
		case err != nil:
			return 0, err
		case row.QuarantinedAt != 0:
			return row.Version, fmt.Errorf("%s v%d: %s: %w", a, row.QuarantinedAt, row.Cause, ErrQuarantined)
		}
		if !compared {
			changed, err := p.reconcile(ctx, row)
			if err != nil {
				return row.Version, err
			}
			if compared = !changed; changed {
				continue
			}
		}
		more, err := p.catchUpFrom(ctx, a, row.Version+1)
		if err != nil {
			return row.Version, err
		}
		// after something was folded, read again, to find what was skipped in that time
		if !more {
			return row.Version, nil
		}
	}
}

// catchUpFrom folds the journal from a version to its head, and reports whether there was anything.
func (p *Projection[S]) catchUpFrom(ctx context.Context, a event.Account, from int64) (bool, error) {
	var chunk []*event.Entry
	found, next := false, from
	for e, err := range p.journal.Entries(ctx, a, from, 0) {
		if err != nil {
			err = unprocessableJournal(next, fmt.Errorf("catch up %s from v%d: %w", a, next, err))
			var failed *unprocessableError
			if !errors.As(err, &failed) {
				return found, err
			}
			if err := p.ProjectEntries(ctx, a, chunk); err != nil {
				return found, err
			}
			return p.stopAt(ctx, a, failed, err)
		}
		found, next = true, e.Last+1
		if chunk = append(chunk, e); len(chunk) == catchUpEntries {
			if err := p.ProjectEntries(ctx, a, chunk); err != nil {
				return found, err
			}
			chunk = chunk[:0]
		}
	}
	return found, p.ProjectEntries(ctx, a, chunk)
}

// stopAt puts an account into quarantine before an entry that the journal cannot return. It reports
// that there is more to fold if another process has passed that entry, or has quarantined the
// account.
func (p *Projection[S]) stopAt(ctx context.Context, a event.Account, failed *unprocessableError, cause error) (more bool, err error) {
	row, err := p.rows.load(ctx, p.generation, a)
	var unreadable *unprocessableError
	switch {
	case err != nil && !errors.As(err, &unreadable):
		return false, err
	case err != nil, row.QuarantinedAt != 0, row.Version >= failed.version:
		return true, nil
	}
	failed.rev = row.rev
	err = p.quarantineFor(ctx, a, failed, cause)
	if errors.Is(err, errMoved) {
		return true, nil
	}
	return false, err
}

// Heal brings an account that may have lost records up to the journal, as the generation's worker
// asks. It leaves an account in quarantine to Redrive.
func (p *Projection[S]) Heal(ctx context.Context, a event.Account) error {
	_, err := p.CatchUp(ctx, a)
	if errors.Is(err, ErrQuarantined) {
		return nil
	}
	return err
}

// countQuarantine sets the metric of quarantined accounts and records to the number in the store.
// It is the Maintain of a generation's worker.
func (p *Projection[S]) countQuarantine(ctx context.Context) error {
	n := 0
	for _, err := range control.Quarantine(p.rows.table, p.name).List(ctx) {
		if err != nil {
			return err
		}
		n++
	}
	p.count.quarantined.Set(float64(n))
	return nil
}
