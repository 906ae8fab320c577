package readmodel

import (
	"context"
	"errors"
	"fmt"
	"time"

	"passbook/shared/backoff"
	"passbook/shared/event"
)

// ErrBlocked: the account is set aside, and did not go on.
var ErrBlocked = errors.New("read model: account blocked")

// catchUpEntries is how many entries are folded between two writes of a row that catches up.
const catchUpEntries = 256

// block sets an account aside: the record first, then the marker in its row, so that a crash
// between them is repeated and not forgotten. What follows of the account is skipped until Redrive;
// the journal keeps it. A row that is no longer the one that was judged is not marked, and the
// error is errMoved: a process that lost its shard may judge late, and by an older program.
func (p *Projection[S]) block(ctx context.Context, a event.Account, judged int64, q Quarantined) error {
	added, err := setAside(ctx, p.Rows.table, p.name, q)
	if err != nil {
		return err
	}
	moved := false
	err = p.mark(ctx, a, func(row *Row[S], unreadable error) (bool, error) {
		if unreadable != nil {
			return false, unreadable
		}
		if moved = row.BlockedAt == 0 && judged != unjudged && row.rev != judged; moved || row.BlockedAt != 0 {
			return false, nil
		}
		row.BlockedAt, row.Cause = q.Version, q.Cause
		if row.BlockedAt == 0 {
			row.BlockedAt = row.Version + 1
		}
		return true, nil
	})
	var unmarked *poisonError
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
	// read. It stands still by itself: whatever comes for it ends here again, and its record is
	// kept.
	if !added { // a redrive may have taken the record back meanwhile
		_, err = setAside(ctx, p.Rows.table, p.name, q)
		return err
	}
	p.count.poison.Inc()
	p.count.quarantined.Inc()
	p.Log.Error("account blocked", "account", a.String(), "version", q.Version, "cause", q.Cause)
	return nil
}

// retract takes back the record of a judgement that does not stand. Whoever blocked the account
// meanwhile may have relied on it, and then it is made again.
func (p *Projection[S]) retract(ctx context.Context, a event.Account) error {
	wait := backoff.Backoff{First: 10 * time.Millisecond, Most: time.Second}
	for try := 1; ; try++ {
		err := takeBack(ctx, p.Rows.table, p.name, a.String())
		if err == nil {
			break
		}
		if try == attempts || wait.Pause(ctx) != nil {
			return err
		}
	}
	if err := p.rewriteRecord(ctx, a); !errors.Is(err, ErrBlocked) {
		return err
	}
	return nil
}

// blockAt blocks an account for an error met outside of a record, and is ErrBlocked when that is
// done.
func (p *Projection[S]) blockAt(ctx context.Context, a event.Account, poisoned *poisonError, met error) error {
	q := Quarantined{ID: a.String(), Account: a, Version: poisoned.version, Cause: cause(met)}
	if err := p.block(ctx, a, poisoned.rev, q); err != nil {
		return err
	}
	return fmt.Errorf("%s v%d: %w: %w", a.ID, poisoned.version, met, ErrBlocked)
}

// mark changes a stored row as no entry of the stream does. One that cannot be decoded is given
// with nothing but its account and its count of writes, and with the error.
func (p *Projection[S]) mark(ctx context.Context, a event.Account, change func(row *Row[S], unreadable error) (bool, error)) error {
	wait := backoff.Backoff{First: 10 * time.Millisecond, Most: time.Second}
	for try := 1; ; try++ {
		p.cache.forget(a.String())
		row, err := p.Rows.load(ctx, p.Generation, a)
		var unreadable error
		var undecoded *poisonError
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
		var hopeless *poisonError
		if errors.As(err, &hopeless) || try == attempts || wait.Pause(ctx) != nil {
			return fmt.Errorf("mark %s: %w", a.ID, err)
		}
	}
}

// Redrive lifts the block of an account and folds, from the journal, everything that its row lacks:
// from version 1 where the row is not of the journal's history, be it apart from the journal or
// ahead of it, or cannot be read. Its error is ErrBlocked when the account was blocked again, or
// stays so because the journal's entry cannot be read, with the cause. The account leaves
// quarantine only when its row is up to the journal, so that one that is blocked is always listed.
func (p *Projection[S]) Redrive(ctx context.Context, a event.Account) error {
	lifted := false
	err := p.mark(ctx, a, func(row *Row[S], unreadable error) (bool, error) {
		at, _, err := p.stand(ctx, *row)
		lifted = row.BlockedAt != 0 || unreadable != nil
		switch {
		case err != nil:
			return false, err
		case at == standsUntold && lifted:
			return false, &poisonError{row.Version, fmt.Errorf("the journal's entry of the row's version cannot be read: %w", ErrBlocked), row.rev}
		case at == standsApart, at == standsAhead, unreadable != nil:
			*row, err = p.refolded(ctx, *row)
			return true, err
		}
		row.BlockedAt, row.Cause = 0, ""
		return lifted, nil
	})
	if err != nil {
		return err
	}
	if _, err := p.CatchUp(ctx, a); err != nil {
		if errors.Is(err, ErrBlocked) {
			if again := p.rewriteRecord(ctx, a); again != nil {
				return again
			}
		}
		return err
	}
	if err := takeBack(ctx, p.Rows.table, p.name, a.String()); err != nil {
		return err
	}
	if row, err := p.Rows.load(ctx, p.Generation, a); err != nil || row.BlockedAt != 0 {
		// blocked since by whoever feeds the projection too
		return errors.Join(err, p.rewriteRecord(ctx, a))
	}
	if lifted {
		p.count.quarantined.Dec()
		p.Log.Warn("account redriven", "account", a.String())
	}
	return nil
}

// rewriteRecord has the quarantine show why an account is blocked now, not why it was before, and
// is ErrBlocked when it is blocked.
func (p *Projection[S]) rewriteRecord(ctx context.Context, a event.Account) error {
	row, err := p.Rows.load(ctx, p.Generation, a)
	if err != nil || row.BlockedAt == 0 {
		return err
	}
	if err := p.keepBlocked(ctx, row); err != nil {
		return err
	}
	return fmt.Errorf("%s v%d: %s: %w", a.ID, row.BlockedAt, row.Cause, ErrBlocked)
}

// CatchUp folds what the account's row lacks up to the journal's head, and returns the version
// reached: from version 1 where the journal has another history than the row. It is ErrBlocked for
// a blocked account, and for one whose row is ahead of the journal, which it blocks. Whoever feeds
// the projection at the same time does no harm.
func (p *Projection[S]) CatchUp(ctx context.Context, a event.Account) (int64, error) {
	for heeded := false; ; {
		row, err := p.Rows.load(ctx, p.Generation, a)
		var unreadable *poisonError
		switch {
		case errors.As(err, &unreadable):
			if err = p.blockAt(ctx, a, unreadable, err); errors.Is(err, errMoved) {
				continue
			}
			return 0, err
		case err != nil:
			return 0, err
		case row.BlockedAt != 0:
			return row.Version, fmt.Errorf("%s v%d: %s: %w", a.ID, row.BlockedAt, row.Cause, ErrBlocked)
		}
		if !heeded {
			changed, err := p.heed(ctx, row)
			if err != nil {
				return row.Version, err
			}
			if heeded = !changed; changed {
				continue
			}
		}
		more, err := p.catchUpFrom(ctx, a, row.Version+1)
		if err != nil {
			return row.Version, err
		}
		// read again only after something was folded, so that what was skipped meanwhile is found
		if !more {
			return row.Version, nil
		}
	}
}

// catchUpFrom folds the journal from a version to its head, and says whether there was anything.
func (p *Projection[S]) catchUpFrom(ctx context.Context, a event.Account, from int64) (bool, error) {
	var chunk []*event.Entry
	found, next := false, from
	for e, err := range p.Journal.Entries(ctx, a, from, 0) {
		if err != nil {
			err = beyondReading(next, fmt.Errorf("catch up %s from v%d: %w", a.ID, next, err))
			var poisoned *poisonError
			if !errors.As(err, &poisoned) {
				return found, err
			}
			if err := p.ProjectEntries(ctx, a, chunk); err != nil {
				return found, err
			}
			return p.stopAt(ctx, a, poisoned, err)
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

// stopAt blocks an account before an entry that the journal cannot give, and says that there is
// more to fold when its row has passed that entry or is another's to judge.
func (p *Projection[S]) stopAt(ctx context.Context, a event.Account, poisoned *poisonError, met error) (more bool, err error) {
	row, err := p.Rows.load(ctx, p.Generation, a)
	var unreadable *poisonError
	switch {
	case err != nil && !errors.As(err, &unreadable):
		return false, err
	case err != nil, row.BlockedAt != 0, row.Version >= poisoned.version:
		return true, nil
	}
	poisoned.rev = row.rev
	err = p.blockAt(ctx, a, poisoned, met)
	if errors.Is(err, errMoved) {
		return true, nil
	}
	return false, err
}

// Heal is a Worker's Heal: it brings an account that may have lost records up to the journal. A
// blocked one is left to Redrive.
func (p *Projection[S]) Heal(ctx context.Context, a event.Account) error {
	_, err := p.CatchUp(ctx, a)
	if errors.Is(err, ErrBlocked) {
		return nil
	}
	return err
}
