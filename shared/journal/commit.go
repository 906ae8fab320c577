package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"passbook/shared/backoff"
	"passbook/shared/event"
	"passbook/shared/table"
)

// The pauses before an unanswered write is repeated: the first, and what they double up to.
const (
	repeatFirst = 5 * time.Millisecond
	repeatMost  = time.Second
)

// staging is a sealed entry, ready to be put.
type staging struct {
	entry  *event.Entry
	record []byte
	put    table.Put
}

// stage seals the plan into an entry and takes a counter of the writer for it.
func (l *lane) stage(pl *plan) (*staging, error) {
	writer, n, err := l.journal.writer.Next(l.journal.ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	e := &event.Entry{
		Format: event.Format, Tenant: l.account.Tenant, AccountID: l.account.ID,
		First: l.state.Version + 1, Last: pl.state.Version, Currency: pl.state.Currency, RecordedAt: pl.now,
		Prev: l.head, Commands: pl.commands, Events: pl.events, Writer: writer, N: n,
	}
	enc, err := event.Seal(e)
	if err != nil {
		l.journal.writer.Done(writer, n) // never put
		return nil, fmt.Errorf("seal %s v%d: %w", e.AccountID, e.First, err)
	}
	return &staging{entry: e, record: enc.Record, put: table.Put{Table: Table, Row: entryRow(e, enc, pl.state), If: table.Absent()}}, nil
}

// write commits one entry, or several puts all or nothing: the entries, and then the guard, if any.
// An unanswered write is repeated, byte for byte, until it is known to have happened or not:
// errConflict says that it did not, for good; errGuardTaken that the guard stood in the way,
// ErrUnavailable that the table refuses this writer. Only the end of the journal itself leaves it
// unknown.
func (j *Journal) write(entries []*staging, guard *table.Put) error {
	puts := make([]table.Put, 0, 3)
	for _, st := range entries {
		puts = append(puts, st.put)
	}
	if guard != nil {
		puts = append(puts, *guard)
	}
	started, unanswered := time.Now(), false
	for attempt := 0; ; attempt++ {
		err := j.writeOnce(puts)
		if errors.Is(err, table.ErrConditionFailed) {
			err = j.settle(entries, err)
		}
		switch {
		case err == nil:
			j.trouble.over()
			j.metrics.append.Observe(time.Since(started).Seconds())
			return nil
		case errors.Is(err, errConflict), errors.Is(err, errGuardTaken), errors.Is(err, table.ErrInvalid):
			j.trouble.over()
			j.abandon(entries)
			return err
		case errors.Is(err, table.ErrRefused) && !unanswered:
			j.trouble.note(err)
			j.abandon(entries)
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		unanswered = unanswered || !errors.Is(err, table.ErrThrottled) && !errors.Is(err, table.ErrConflict)
		if j.ctx.Err() != nil {
			return ErrOutcomeUnknown
		}
		j.trouble.note(err)
		// its end shows in the next attempt
		_ = backoff.Sleep(j.ctx, backoff.Of(repeatFirst, repeatMost, attempt))
	}
}

// abandon settles the counters of entries that are proven not to be committed.
func (j *Journal) abandon(entries []*staging) {
	for _, st := range entries {
		j.writer.Done(st.entry.Writer, st.entry.N)
	}
}

func (j *Journal) writeOnce(puts []table.Put) error {
	ctx, cancel := context.WithTimeout(j.ctx, putDeadline)
	defer cancel()
	if len(puts) == 1 {
		return j.table.Put(ctx, puts[0])
	}
	return j.table.Transact(ctx, puts)
}

// errGuardTaken: the original was reversed by somebody else first.
var errGuardTaken = errors.New("journal: guard taken")

// settle says what a failed condition means: our own entry in place is an earlier attempt that did
// happen; anything else there is another writer's. All entries of a transaction share their fate,
// so the first tells for all.
func (j *Journal) settle(entries []*staging, failed error) error {
	ctx, cancel := context.WithTimeout(j.ctx, readDeadline)
	defer cancel()
	for _, st := range entries {
		row, err := j.table.Get(ctx, Table, st.put.Row.Key, true)
		switch {
		case errors.Is(err, table.ErrNotFound):
			continue
		case err != nil:
			return fmt.Errorf("settle %s v%d: %w", st.entry.AccountID, st.entry.First, err)
		case row.Attrs["writer"] == table.S(st.entry.Writer) && row.Attrs["n"] == table.N(st.entry.N):
			return nil
		default:
			return errConflict
		}
	}
	var which *table.TransactError
	if errors.As(failed, &which) && which.Index >= len(entries) {
		return errGuardTaken
	}
	return errConflict
}
