package readmodel

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"passbook/shared/backoff"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/table"
)

// errStale: the row was written by another since it was read. It is read again, and the entries
// meet what is there now.
var errStale = errors.New("read model: row written by another")

// errMoved: the row was written by another since it was judged, so the judgement no longer stands.
var errMoved = errors.New("read model: row written by another since it was judged")

// unjudged is the rev of a judgement that is not about a row.
const unjudged = -1

// poisonError says that an account cannot go on at a version, and that to try again would not help.
// It is a judgement of the row that had a rev: another process, of a newer program maybe, may have
// passed the version since.
type poisonError struct {
	version int64
	err     error
	rev     int64
}

func (e *poisonError) Error() string { return fmt.Sprintf("v%d: %v", e.version, e.err) }
func (e *poisonError) Unwrap() error { return e.err }

// errUnreadable: the read model's row is not what this program writes.
var errUnreadable = errors.New("read model: row cannot be read")

// beyondReading makes poison of an error that says that the journal's row of a version is damaged,
// or of a newer format: no repetition would read it. Any other error is as it was.
func beyondReading(version int64, err error) error {
	var newer *event.FormatError
	if errors.Is(err, journal.ErrDamaged) || errors.As(err, &newer) {
		return &poisonError{version: version, err: err}
	}
	return err
}

func poison(version int64, format string, args ...any) error {
	return &poisonError{version: version, err: fmt.Errorf(format, args...)}
}

// project folds the entries of one account into its row. A failure that will pass is tried again
// and then returned. One that will not is narrowed down by halves to the entry that causes it, and
// blocks the account there; nobody else waits for it. When the row has moved on before it is
// blocked, the entry is judged again.
func (p *Projection[S]) project(ctx context.Context, account string, items []item) (err error) {
	slices.SortStableFunc(items, func(a, b item) int { return cmp.Compare(a.entry.First, b.entry.First) })
	for range attempts {
		err = p.persist(ctx, account, items)
		var poisoned *poisonError
		switch {
		case !errors.As(err, &poisoned), len(items) == 0:
			return err
		case len(items) > 1 && !errors.Is(err, errUnreadable):
			half := len(items) / 2
			if err := p.project(ctx, account, items[:half]); err != nil {
				return err
			}
			return p.project(ctx, account, items[half:])
		}
		first := items[0]
		if settled, failed := p.arbitrate(ctx, account, first.entry); failed != nil || settled {
			return failed
		}
		err = p.block(ctx, rowAccount(account), poisoned.rev, Quarantined{
			ID: account, Account: rowAccount(account), Version: poisoned.version, Cause: cause(err),
			Shard: first.source.Shard, Sequence: first.source.Sequence, Data: first.data,
		})
		if !errors.Is(err, errMoved) {
			return err
		}
	}
	return err
}

// persist tries until the entries are in the row, or will never be: even poison is tried once more,
// on the row as it is stored.
func (p *Projection[S]) persist(ctx context.Context, account string, items []item) error {
	wait := backoff.Backoff{First: 10 * time.Millisecond, Most: time.Second}
	for try := 1; ; try++ {
		err := p.attempt(ctx, account, items)
		if err == nil {
			return nil
		}
		p.cache.forget(account)
		var poisoned *poisonError
		switch {
		case errors.As(err, &poisoned) && try > 1, try == attempts:
			return err
		case errors.As(err, &poisoned), errors.Is(err, errStale) && try == 1:
			continue
		}
		if wait.Pause(ctx) != nil {
			return err
		}
	}
}

// attempt folds the entries into the row once, and writes it. Every message that the row holds is
// sent before it returns.
func (p *Projection[S]) attempt(ctx context.Context, account string, items []item) error {
	row, err := p.row(ctx, account)
	if err != nil {
		return err
	}
	if row.BlockedAt != 0 {
		p.count.skipped.Add(float64(len(items)))
		return nil
	}
	err = p.apply(ctx, row, items)
	var poisoned *poisonError
	if errors.As(err, &poisoned) {
		poisoned.rev = row.rev
	}
	return err
}

// apply is the work of an attempt, on the row as it was read.
func (p *Projection[S]) apply(ctx context.Context, row Row[S], items []item) (err error) {
	for _, it := range items {
		if row, err = p.advance(ctx, row, it); err != nil {
			return err
		}
		if row, err = p.relieve(ctx, row); err != nil {
			return err
		}
	}
	if row.unsaved > 0 {
		if row, err = p.save(ctx, row); err != nil {
			return err
		}
	}
	_, err = p.send(ctx, row)
	return err
}

// relieve writes a row that has become long in work before its time, so that no write and no
// repetition is without bound.
func (p *Projection[S]) relieve(ctx context.Context, row Row[S]) (Row[S], error) {
	if len(row.Pending) < pendingMost && row.unsaved < unsavedMost {
		return row, nil
	}
	row, err := p.save(ctx, row)
	if err != nil {
		return row, err
	}
	return p.send(ctx, row)
}

// row is the account's row, from memory where it is there. A blocked row is always read, as a
// redrive may have lifted the block.
func (p *Projection[S]) row(ctx context.Context, account string) (Row[S], error) {
	if row, ok := p.cache.get(account); ok {
		return row, nil
	}
	return p.Rows.load(ctx, p.Generation, rowAccount(account))
}

// advance is the version rule: what follows the row is folded, what it has is dropped, what lies
// between is read from the journal, and what contradicts it is poison.
func (p *Projection[S]) advance(ctx context.Context, row Row[S], it item) (Row[S], error) {
	e := it.entry
	switch {
	case e.Last < row.Version, e.Last == row.Version && e.Hash == row.Hash:
		p.count.duplicate.Inc()
		return row, nil
	case e.First > row.Version+1:
		var err error
		if row, err = p.fill(ctx, row, e.First-1); err != nil {
			return row, err
		}
	}
	if e.First != row.Version+1 || e.Prev != row.Hash {
		return row, p.conflict(ctx, row, e)
	}
	next, err := p.fold(row, e)
	if err != nil {
		return row, err
	}
	p.count.applied.Inc()
	next.Source = it.source
	return next, nil
}

// fill brings the row up to a version from the journal; 0 is the journal's head.
func (p *Projection[S]) fill(ctx context.Context, row Row[S], to int64) (Row[S], error) {
	for e, err := range p.Journal.Entries(ctx, row.Account, row.Version+1, to) {
		if err != nil {
			return row, beyondReading(row.Version+1, fmt.Errorf("fill %s from v%d: %w", row.Account.ID, row.Version+1, err))
		}
		if row, err = p.follow(row, e); err != nil {
			return row, err
		}
		if row, err = p.relieve(ctx, row); err != nil {
			return row, err
		}
	}
	if row.Version < to {
		return row, poison(row.Version+1, "the journal ends at v%d, and the stream is beyond v%d", row.Version, to)
	}
	return row, nil
}

// conflict asks the journal which of two histories is the account's: the row's, or that of an entry
// which contradicts it.
func (p *Projection[S]) conflict(ctx context.Context, row Row[S], e *event.Entry) error {
	for kept, err := range p.Journal.Entries(ctx, row.Account, e.First, e.Last) {
		if err != nil {
			return beyondReading(row.Version+1, fmt.Errorf("compare %s v%d with the journal: %w", row.Account.ID, e.First, err))
		}
		if kept.First == e.First && kept.Hash == e.Hash {
			return poison(e.First, "the row at v%d (%s) is not of the journal's history, and the entry v%d to v%d (%s) is: a redrive folds the "+
				"account from the journal again", row.Version, row.Hash, e.First, e.Last, e.Hash)
		}
		break
	}
	return poison(e.First, "the entry v%d to v%d (%s) contradicts the row at v%d and is not in the journal", e.First, e.Last, e.Hash, row.Version)
}

// fold folds one entry into the row in memory. A fold that panics is a fold that fails.
func (p *Projection[S]) fold(row Row[S], e *event.Entry) (next Row[S], err error) {
	version := e.First
	defer func() {
		if r := recover(); r != nil {
			next, err = row, poison(version, "fold panicked: %v", r)
		}
	}()
	if e.RecordedAt.Before(row.AsOf) {
		return row, poison(version, "recorded at %v, before the entry before it at %v", e.RecordedAt, row.AsOf)
	}
	next = row
	for _, ev := range e.Events {
		version = ev.Version
		if next.State, err = p.model.Fold(next.State, ev); err != nil {
			return row, &poisonError{version: version, err: err}
		}
		if after := p.model.After(next.State); after != ev.After {
			return row, poison(version, "the fold arrives at %+v, the event says %+v", after, ev.After)
		}
	}
	if p.model.Settle != nil {
		next.State = p.model.Settle(next.State, e.Last)
	}
	if p.model.Crossings != nil {
		next.notice(p.model.Crossings(row.State, next.State, e.Last), e.Last, p.Silent())
	}
	next.Version, next.Hash, next.AsOf = e.Last, e.Hash, e.RecordedAt
	next.unsaved++
	return next, nil
}

// notice keeps an entry's crossings in the row until they are sent, or notes that they were not to
// be.
func (r *Row[S]) notice(crossings []string, version int64, silent bool) {
	switch {
	case len(crossings) == 0:
	case silent:
		r.Quiet = version
	default:
		r.Pending = append(slices.Clip(r.Pending), crossings...)
	}
}

// save writes the row if it is still as it was read, and wakes its readers.
func (p *Projection[S]) save(ctx context.Context, row Row[S]) (Row[S], error) {
	was := row.rev
	row.rev, row.unsaved, row.ProjectedAt = was+1, 0, time.Now().UTC()
	if row.Version > 0 {
		row.LastEventID = row.Account.EventID(row.Version)
	}
	put := table.Put{Table: p.model.Name, Row: p.model.encode(p.Generation, row), If: table.Absent()}
	if was > 0 {
		put.If = table.Equals("rev", table.N(was))
	}
	err := p.Rows.table.Put(ctx, put)
	switch {
	case errors.Is(err, table.ErrConditionFailed):
		return row, errStale
	case errors.Is(err, table.ErrInvalid):
		return row, &poisonError{version: row.Version, err: err}
	case err != nil:
		return row, fmt.Errorf("write %s of %s v%d: %w", p.model.Name, row.Account.ID, row.Version, err)
	}
	p.count.rowWrites.Inc()
	account := row.Account.String()
	if row.BlockedAt == 0 {
		p.cache.put(account, row, weight(put.Row))
	} else {
		p.cache.forget(account)
	}
	p.Rows.arrivals.wake(account)
	return row, nil
}

// weight is about what a row takes in memory: what every row has, and its state where that is one
// text. The exact size would cost as much as the rest of a write.
func weight(row table.Row) int { return 1<<10 + len(row.Attrs.Text("state")) }

// rowAccount reads a partition key, in memory of its own: a row that kept a part of a record would
// keep the whole of it.
func rowAccount(key string) event.Account {
	a, _ := event.ParseAccount(strings.Clone(key))
	return a
}
