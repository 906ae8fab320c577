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
	"passbook/shared/readmodel/quarantined"
	"passbook/shared/table"
	"passbook/shared/telemetry/trace"
)

var (
	// errStale is the error of a write of a row that another process wrote since it was read. The
	// row is read again, and the entries are compared with it.
	errStale = errors.New("read model: the row was written by another process")
	// errMoved is the error of a quarantine whose row another process wrote since the failure was
	// found.
	errMoved = errors.New("read model: the row was written by another process since the failure was found")
	// errUnreadable is the error of a row of the read model that this program did not write.
	errUnreadable = errors.New("read model: the row cannot be read")
)

// anyRev is the rev of an unprocessableError that does not depend on a row.
const anyRev = -1

// unprocessableError is the error of an account that cannot be folded at a version, where a retry
// would not help. It was found on the row with a rev: another process, perhaps of a newer program,
// may have passed the version since.
type unprocessableError struct {
	version int64
	err     error
	rev     int64
}

func (e *unprocessableError) Error() string { return fmt.Sprintf("v%d: %v", e.version, e.err) }
func (e *unprocessableError) Unwrap() error { return e.err }

func unprocessable(version int64, format string, args ...any) error {
	return &unprocessableError{version: version, err: fmt.Errorf(format, args...)}
}

// unprocessableJournal returns an error of the journal as an unprocessableError if it means that
// the entry at a version is damaged or of a newer format, which no retry changes. It returns any
// other error as it is.
func unprocessableJournal(version int64, err error) error {
	var newer *event.FormatError
	if errors.Is(err, journal.ErrDamaged) || errors.As(err, &newer) {
		return &unprocessableError{version: version, err: err}
	}
	return err
}

// project folds the entries of one account into its row. It retries a failure that may pass, and
// then returns it. A failure that cannot pass is narrowed down by halves to the entry that causes
// it, and the account is quarantined there; no other account waits for it. If the row has changed
// before the account is quarantined, the entry is tried again.
func (p *Projection[S]) project(ctx context.Context, account string, items []workItem) (err error) {
	slices.SortStableFunc(items, func(a, b workItem) int { return cmp.Compare(a.entry.First, b.entry.First) })
	for range maxAttempts {
		err = p.persist(ctx, account, items)
		var failed *unprocessableError
		switch {
		case !errors.As(err, &failed), len(items) == 0:
			return err
		case len(items) > 1 && !errors.Is(err, errUnreadable):
			half := len(items) / 2
			if err := p.project(ctx, account, items[:half]); err != nil {
				return err
			}
			return p.project(ctx, account, items[half:])
		}
		first := items[0]
		ctx := trace.OfEntry(ctx, first.entry) // for the log
		if resolved, failed := p.resolveByJournal(ctx, account, first.entry); failed != nil || resolved {
			return failed
		}
		err = p.quarantineAccount(ctx, rowAccount(account), failed.rev, quarantined.Item{
			ID: account, Account: rowAccount(account), Version: failed.version, Cause: quarantined.Cause(err),
			Shard: first.source.Shard, Sequence: first.source.Sequence, Data: first.data,
		})
		if !errors.Is(err, errMoved) {
			return err
		}
	}
	return err
}

// persist repeats attempt until the entries are in the row, or cannot be. Even an unprocessable
// entry is tried a second time, on the row as it is stored.
func (p *Projection[S]) persist(ctx context.Context, account string, items []workItem) error {
	wait := backoff.Backoff{First: 10 * time.Millisecond, Most: time.Second}
	for try := 1; ; try++ {
		err := p.attempt(ctx, account, items)
		if err == nil {
			return nil
		}
		p.cache.Forget(account)
		var failed *unprocessableError
		switch {
		case errors.As(err, &failed) && try > 1, try == maxAttempts:
			return err
		case errors.As(err, &failed), errors.Is(err, errStale) && try == 1:
			continue
		}
		if wait.Pause(ctx) != nil {
			return err
		}
	}
}

// attempt folds the entries into the row once and writes it. It sends every message of the row
// before it returns.
func (p *Projection[S]) attempt(ctx context.Context, account string, items []workItem) error {
	row, err := p.row(ctx, account)
	if err != nil {
		return err
	}
	if row.QuarantinedAt != 0 {
		p.count.skipped.Add(float64(len(items)))
		return nil
	}
	err = p.apply(ctx, row, items)
	var failed *unprocessableError
	if errors.As(err, &failed) {
		failed.rev = row.rev
	}
	return err
}

// apply folds the entries into a row as it was read.
func (p *Projection[S]) apply(ctx context.Context, row Row[S], items []workItem) (err error) {
	for _, it := range items {
		if row, err = p.advance(ctx, row, it); err != nil {
			return err
		}
		if row, err = p.flushIfLarge(ctx, row); err != nil {
			return err
		}
	}
	switch {
	case row.unsaved > 0:
		row, err = p.save(ctx, row)
	case row.repeated:
		err = p.writeFurtherAgain(ctx, row)
	}
	if err != nil {
		return err
	}
	_, err = p.send(ctx, row)
	return err
}

// isLarge reports whether a row is to be written before more is folded into it.
func (r *Row[S]) isLarge() bool {
	return len(r.Pending) >= maxPending || r.unsaved >= maxUnsaved || len(r.further) >= maxFurther
}

// flushIfLarge writes a row before its time if much was folded into it, which bounds its size and
// the work that is repeated.
func (p *Projection[S]) flushIfLarge(ctx context.Context, row Row[S]) (Row[S], error) {
	if !row.isLarge() {
		return row, nil
	}
	row, err := p.save(ctx, row)
	if err != nil {
		return row, err
	}
	return p.send(ctx, row)
}

// row returns the account's row, from memory if it is there. The row of a quarantined account is
// always read, as another process may have released the account.
func (p *Projection[S]) row(ctx context.Context, account string) (Row[S], error) {
	if row, ok := p.cache.Get(account); ok && row.QuarantinedAt == 0 {
		return row, nil
	}
	return p.rows.load(ctx, p.generation, rowAccount(account))
}

// advance applies the version rule: an entry that follows the row is folded, one that the row has
// is dropped, missing versions are read from the journal, and a contradiction is unprocessable.
func (p *Projection[S]) advance(ctx context.Context, row Row[S], it workItem) (Row[S], error) {
	e := it.entry
	switch {
	case e.Last < row.Version, e.Last == row.Version && e.Hash == row.Hash:
		p.count.duplicate.Inc()
		return p.again(row, e), nil
	case e.First > row.Version+1:
		var err error
		if row, err = p.fillGap(ctx, row, e.First-1); err != nil {
			return row, err
		}
	}
	if e.First != row.Version+1 || e.Prev != row.Hash {
		return row, p.contradiction(ctx, row, e)
	}
	next, err := p.fold(row, e)
	if err != nil {
		return row, err
	}
	p.count.applied.Inc()
	next.Source = it.source
	return next, nil
}

// fillGap folds the journal's entries into the row up to a version; 0 is the journal's head.
func (p *Projection[S]) fillGap(ctx context.Context, row Row[S], to int64) (Row[S], error) {
	for e, err := range p.journal.Entries(ctx, row.Account, row.Version+1, to) {
		if err != nil {
			return row, unprocessableJournal(row.Version+1, fmt.Errorf("fill the gap of %s from v%d: %w", row.Account, row.Version+1, err))
		}
		if row, err = p.foldNext(row, e); err != nil {
			return row, err
		}
		if row, err = p.flushIfLarge(ctx, row); err != nil {
			return row, err
		}
	}
	if row.Version < to {
		return row, unprocessable(row.Version+1, "the journal ends at v%d, and the stream is beyond v%d", row.Version, to)
	}
	return row, nil
}

// contradiction returns the error of an entry that does not follow the row. It reads the journal to
// tell which of the two is of the account's history.
func (p *Projection[S]) contradiction(ctx context.Context, row Row[S], e *event.Entry) error {
	for kept, err := range p.journal.Entries(ctx, row.Account, e.First, e.Last) {
		if err != nil {
			return unprocessableJournal(row.Version+1, fmt.Errorf("compare %s v%d with the journal: %w", row.Account, e.First, err))
		}
		if kept.First == e.First && kept.Hash == e.Hash {
			return unprocessable(e.First, "the row at v%d (%s) is not of the journal's history, and the entry v%d to v%d (%s) is: a redrive folds the "+
				"account from the journal again", row.Version, row.Hash, e.First, e.Last, e.Hash)
		}
		break
	}
	return unprocessable(e.First, "the entry v%d to v%d (%s) contradicts the row at v%d and is not in the journal", e.First, e.Last, e.Hash, row.Version)
}

// foldNext folds the journal's next entry into a row.
func (p *Projection[S]) foldNext(row Row[S], e *event.Entry) (Row[S], error) {
	if e.First != row.Version+1 || e.Prev != row.Hash {
		return row, unprocessable(row.Version+1, "the journal's v%d does not follow the row's v%d", e.First, row.Version)
	}
	next, err := p.fold(row, e)
	if err != nil {
		return row, err
	}
	next.Source = Source{}
	p.count.filled.Inc()
	return next, nil
}

// fold folds one entry into a row in memory. It returns a panic of the model's Fold as an error.
func (p *Projection[S]) fold(row Row[S], e *event.Entry) (next Row[S], err error) {
	version, began := e.First, p.tracer.Began()
	defer func() {
		if r := recover(); r != nil {
			next, err = row, unprocessable(version, "fold panicked: %v", r)
		}
	}()
	if e.RecordedAt.Before(row.AsOf) {
		return row, unprocessable(version, "recorded at %v, before the preceding entry at %v", e.RecordedAt, row.AsOf)
	}
	next = row
	for _, ev := range e.Events {
		version = ev.Version
		if next.State, err = p.model.Fold(next.State, ev); err != nil {
			return row, &unprocessableError{version: version, err: err}
		}
		if after := p.model.After(next.State); after != ev.After {
			return row, unprocessable(version, "the fold results in %+v, and the event has %+v", after, ev.After)
		}
	}
	if p.model.Settle != nil {
		next.State = p.model.Settle(next.State, e.Last)
	}
	if p.model.Crossings != nil {
		next.collectCrossings(p.model.Crossings(row.State, next.State, e.Last), e.Last, p.silent())
	}
	next.Version, next.Hash, next.AsOf = e.Last, e.Hash, e.RecordedAt
	next.unsaved++
	next.further, next.folds = p.named(row, e), p.tracer.Fold(row.folds, p.name, e.Hash, began)
	return next, nil
}

// collectCrossings keeps the crossings of an entry in the row until they are sent. A silent
// generation notes instead that they are not sent.
func (r *Row[S]) collectCrossings(crossings []string, version int64, silent bool) {
	switch {
	case len(crossings) == 0:
	case silent:
		r.Quiet = version
	default:
		r.Pending = append(slices.Clip(r.Pending), crossings...)
	}
}

// save writes the row if no other process wrote it since it was read, and wakes its readers.
func (p *Projection[S]) save(ctx context.Context, row Row[S]) (Row[S], error) {
	w := p.prepare(row)
	return p.written(&w, p.write(ctx, &w))
}

// prepare returns the write of a row that is conditional on that no other process wrote it since it
// was read.
func (p *Projection[S]) prepare(row Row[S]) rowWrite[S] {
	w := rowWrite[S]{was: row.rev, began: p.tracer.Began()}
	row.rev, row.unsaved, row.repeated, row.ProjectedAt = w.was+1, 0, false, time.Now().UTC()
	if row.refolded && p.further != nil { // past every further row of a write that was interrupted
		row.rev = w.was + 2
	}
	row.refolded = false
	w.row, w.put = row, table.Put{Table: p.model.Name, Row: p.model.encode(p.generation, &row), If: table.Absent()}
	if p.further != nil && p.further.OfEntry != nil {
		w.put.Row.Attrs["unindexed"] = table.N(row.unindexed)
	}
	if w.was > 0 {
		w.put.If = table.Equals("rev", table.N(w.was))
	}
	w.stamp = p.cache.Expect(w.put.Row.Key, w.was > 0)
	p.follow(&w)
	return w
}

// written returns the row of a write with an outcome, and wakes its readers if it was written.
func (p *Projection[S]) written(w *rowWrite[S], err error) (Row[S], error) {
	row, folds := w.row, w.row.folds
	row.further, row.folds = nil, nil
	switch {
	case errors.Is(err, table.ErrConditionFailed):
		return row, errStale
	case errors.Is(err, table.ErrInvalid):
		return row, &unprocessableError{version: row.Version, err: err}
	case err != nil:
		return row, fmt.Errorf("write %s of %s v%d: %w", p.model.Name, row.Account, row.Version, err)
	}
	p.count.rowWrites.Inc()
	p.tracer.Wrote(folds, p.name, row.Version, w.began)
	account := accountOf(w.put.Row.Key)
	p.cache.Put(account, row, w.stamp, p.model.bytes(&row))
	p.rows.waiting.Wake(account)
	return row, nil
}

// rowAccount returns the account of a partition key as a copy: a row that refers to a part of a
// record would keep the whole record in memory.
func rowAccount(key string) event.Account {
	a, _ := event.ParseAccount(strings.Clone(key))
	return a
}
