package readmodel

import (
	"context"
	"errors"
	"fmt"

	"passbook/shared/event"
)

// A record on the stream can be forged: with the head's hash it follows the row, and nothing in it
// tells that the journal does not have it. So whoever lifts a block, heals, or rebuilds first asks
// how the row stands to the journal, which is the truth.

// standing is how a row stands to the journal.
type standing int

const (
	// standsRight: the row was folded from the entry that the journal has at its version, or from
	// none.
	standsRight standing = iota
	// standsApart: the journal has another entry at the row's version. The row is of a history that
	// never was the account's.
	standsApart
	// standsAhead: the journal ends before the row's version. It lost its end, or a forged record
	// came in; nothing here tells which.
	standsAhead
	// standsUntold: the journal's entry at the row's version cannot be read.
	standsUntold
)

// stand says how a row stands to the journal, and at which version that ends where the row is ahead
// of it.
func (p *Projection[S]) stand(ctx context.Context, row Row[S]) (at standing, head int64, err error) {
	if row.Version == 0 {
		return standsRight, 0, nil
	}
	e, err := p.journaled(ctx, row.Account, row.Version)
	var unreadable *poisonError
	switch {
	case errors.As(err, &unreadable):
		return standsUntold, 0, nil
	case err != nil:
		return 0, 0, err
	case e == nil:
		return standsAhead, 0, nil
	case e.Last < row.Version:
		return standsAhead, e.Last, nil
	case e.Last == row.Version && e.Hash == row.Hash:
		return standsRight, 0, nil
	}
	return standsApart, 0, nil
}

// OfHistory says whether an account's row was folded from the journal's history, as far as the
// journal can tell. A row that cannot be decoded was not; one that is not there was.
func (p *Projection[S]) OfHistory(ctx context.Context, a event.Account) (bool, error) {
	row, err := p.Rows.load(ctx, p.Generation, a)
	if errors.Is(err, errUnreadable) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	at, _, err := p.stand(ctx, row)
	return at == standsRight || at == standsUntold, err
}

// journaled is the journal's entry that holds a version, or the last before it; nil when there is
// none.
func (p *Projection[S]) journaled(ctx context.Context, a event.Account, version int64) (*event.Entry, error) {
	for e, err := range p.Journal.Backward(ctx, a, version) {
		if err != nil {
			return nil, beyondReading(version, fmt.Errorf("compare %s v%d with the journal: %w", a.ID, version, err))
		}
		return e, nil
	}
	return nil, nil
}

// refolded is the row that the whole journal makes of the account, in the place of one that is not
// of its history. It is folded in memory, so that no reader is given a state on the way, and its
// messages are sent before it is stored: those that the row has not sent, or, of a row that stands
// apart, all of the history, each with the id that it always had, as nobody knows which were sent.
// Where the journal cannot be folded it is blocked, and in quarantine.
func (p *Projection[S]) refolded(ctx context.Context, was Row[S]) (Row[S], error) {
	row := Row[S]{Account: was.Account, rev: was.rev}
	at, _, err := p.stand(ctx, was)
	if err != nil {
		return row, err
	}
	sent := int64(0)
	if at == standsRight {
		sent = was.Version
	}
	p.Log.Error("the row is not what the journal makes it and is folded from the journal again", "account", was.Account.String(), "version", was.Version,
		"hash", was.Hash)
	row, err = p.refoldTo(ctx, row, sent, was.Pending)
	var poisoned *poisonError
	if errors.As(err, &poisoned) {
		row.BlockedAt, row.Cause = poisoned.version, cause(err)
		return row, p.keepBlocked(ctx, row)
	}
	if err == nil {
		row, err = p.sendAll(ctx, row)
	}
	return row, err
}

// refoldTo folds the journal from its first entry to its head. Up to a version everything was sent
// but what is pending. With poison it gives the row before it.
func (p *Projection[S]) refoldTo(ctx context.Context, row Row[S], sent int64, pending []string) (Row[S], error) {
	for e, err := range p.Journal.Entries(ctx, row.Account, 1, 0) {
		if err != nil {
			return row, beyondReading(row.Version+1, fmt.Errorf("fold %s from v%d: %w", row.Account.ID, row.Version+1, err))
		}
		if row, err = p.follow(row, e); err != nil {
			return row, err
		}
		switch {
		case row.Version < sent:
			row.Pending = nil
		case row.Version == sent:
			row.Pending = pending
		}
		if len(row.Pending) < pendingMost {
			continue
		}
		if row, err = p.sendAll(ctx, row); err != nil {
			return row, err
		}
	}
	return row, nil
}

// follow folds the journal's next entry into a row.
func (p *Projection[S]) follow(row Row[S], e *event.Entry) (Row[S], error) {
	if e.First != row.Version+1 || e.Prev != row.Hash {
		return row, poison(row.Version+1, "the journal's v%d does not follow the row's v%d", e.First, row.Version)
	}
	next, err := p.fold(row, e)
	if err != nil {
		return row, err
	}
	next.Source = Source{}
	p.count.filled.Inc()
	return next, nil
}

// keepBlocked has the quarantine show why a row is blocked.
func (p *Projection[S]) keepBlocked(ctx context.Context, row Row[S]) error {
	q := Quarantined{ID: row.Account.String(), Account: row.Account, Version: row.BlockedAt, Cause: row.Cause}
	return rewrite(ctx, p.Rows.table, p.name, q)
}

// heed takes the journal's word before an account is caught up: a row that stands apart is folded
// again, and one that is ahead is blocked, as only a person knows whether the journal lost its end.
func (p *Projection[S]) heed(ctx context.Context, row Row[S]) (changed bool, err error) {
	at, head, err := p.stand(ctx, row)
	switch {
	case err != nil:
		return false, err
	case at == standsApart:
		return true, p.refold(ctx, row)
	case at == standsAhead:
		ahead := &poisonError{version: head + 1, rev: row.rev}
		ahead.err = fmt.Errorf("the row is at v%d (%s), and the journal ends at v%d", row.Version, row.Hash, head)
		if err := p.blockAt(ctx, row.Account, ahead, ahead.err); !errors.Is(err, errMoved) {
			return false, err
		}
		return true, nil
	}
	return false, nil
}

// refold stores what the journal makes of the account in the place of a row, unless that was
// written since.
func (p *Projection[S]) refold(ctx context.Context, row Row[S]) error {
	return p.mark(ctx, row.Account, func(now *Row[S], unreadable error) (bool, error) {
		if now.rev != row.rev || unreadable != nil {
			return false, nil
		}
		fresh, err := p.refolded(ctx, *now)
		*now = fresh
		return true, err
	})
}

// Refold folds an account from the journal's first entry, whatever its row holds, and up to the
// journal's head. It is ErrBlocked for an account that is blocked, or that the journal cannot be
// folded for.
func (p *Projection[S]) Refold(ctx context.Context, a event.Account) error {
	err := p.mark(ctx, a, func(row *Row[S], _ error) (bool, error) {
		if row.BlockedAt != 0 {
			return false, nil
		}
		fresh, err := p.refolded(ctx, *row)
		*row = fresh
		return true, err
	})
	if err != nil {
		return err
	}
	_, err = p.CatchUp(ctx, a)
	return err
}

// arbitrate has the journal decide, of a candidate, what another generation waits for a person
// with: a row that stands apart is folded again, and an entry for which the journal has another is
// dropped. It says whether that was it. Nobody reads a candidate, and an archive that carries a
// forged record carries it for every rebuild.
func (p *Projection[S]) arbitrate(ctx context.Context, account string, e *event.Entry) (bool, error) {
	if !p.Silent() {
		return false, nil
	}
	row, err := p.Rows.load(ctx, p.Generation, rowAccount(account))
	if err != nil || row.BlockedAt != 0 {
		return false, nil //nolint:nilerr // it is met again when the account is blocked
	}
	at, _, err := p.stand(ctx, row)
	if err == nil && at == standsApart {
		return true, p.refold(ctx, row)
	}
	if err != nil {
		return false, err
	}
	kept, err := p.journaled(ctx, row.Account, e.First)
	if err != nil || kept == nil || kept.Last < e.First || kept.Hash == e.Hash {
		return false, nil //nolint:nilerr // likewise
	}
	p.Log.Error("an entry is not the journal's and is dropped", "account", account, "version", e.First, "hash", e.Hash, "journal", kept.Hash)
	return true, nil
}
