package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"passbook/shared/account"
	"passbook/shared/backoff"
	"passbook/shared/event"
	"passbook/shared/journal/rowkey"
	"passbook/shared/table"
	"passbook/shared/telemetry/trace"
	"passbook/shared/writer"
)

// The pause before an unanswered write is repeated: the first one, and what doubling ends at.
const (
	repeatFirst = 5 * time.Millisecond
	repeatMost  = time.Second
)

// staging is a sealed entry and its put.
type staging struct {
	entry  *event.Entry
	record []byte
	put    table.Put
	causes []*trace.Span
}

// stage seals the plan into an entry, and takes a counter of the writer's session for it.
func (l *lane) stage(pl *plan) (*staging, error) {
	next, err := l.journal.writer.Next(l.journal.ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return l.seal(pl, next)
}

// seal seals the plan into an entry with that counter, and gives the counter up where it cannot.
func (l *lane) seal(pl *plan, next writer.Next) (*staging, error) {
	e := &event.Entry{
		Format: next.Format, Tenant: l.account.Tenant, AccountID: l.account.ID,
		First: l.state.Version + 1, Last: pl.state.Version, Currency: pl.state.Currency, RecordedAt: pl.now,
		Prev: l.head, Commands: pl.commands, Events: pl.events, Writer: next.ID, N: next.N,
	}
	enc, err := event.Seal(e, l.journal.config.Origin)
	if err != nil {
		l.journal.writer.Done(next.ID, next.N) // never put
		return nil, fmt.Errorf("seal %s v%d: %w", e.Account(), e.First, err)
	}
	return &staging{entry: e, record: enc.Record, put: table.Put{Table: Table, Row: rowkey.Row(e, enc, account.AppendState(nil, pl.state)), If: table.Absent()}, causes: pl.causes}, nil
}

// write commits one entry, or all of several puts or none: the entries, and after them the guard,
// if there is one. It repeats an unanswered write, byte for byte, until it is known to have
// happened or not. errConflict and errGuardTaken mean that another writer's entry or guard is there
// and that this write will never happen; ErrUnavailable that the table refuses this writer. Only
// when the journal itself is given up is the outcome unknown.
func (j *Journal) write(entries []*staging, guard *table.Put) error {
	puts := make([]table.Put, 0, 3)
	for _, st := range entries {
		puts = append(puts, st.put)
	}
	if guard != nil {
		puts = append(puts, *guard)
	}
	started := time.Now()
	return j.settle(entries, puts, started, j.putOnce(puts))
}

// settle finds out what became of a write whose first attempt ended with err, and repeats it where
// that is needed. See write.
func (j *Journal) settle(entries []*staging, puts []table.Put, started time.Time, err error) error {
	unanswered := false
	for attempt := 0; ; attempt++ {
		if attempt > 0 {
			err = j.putOnce(puts)
		}
		if errors.Is(err, table.ErrConditionFailed) {
			err = j.resolve(entries, err)
		}
		switch {
		case err == nil:
			j.noteCommitted(started, entries...)
			return nil
		case errors.Is(err, errConflict), errors.Is(err, errGuardTaken), errors.Is(err, table.ErrInvalid):
			j.outage.End()
			j.noteUncommitted(entries)
			return err
		case errors.Is(err, table.ErrRefused) && !unanswered:
			j.outage.Note(err)
			j.noteUncommitted(entries)
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		unanswered = unanswered || !errors.Is(err, table.ErrThrottled) && !errors.Is(err, table.ErrConflict)
		if j.ctx.Err() != nil {
			return ErrOutcomeUnknown
		}
		j.outage.Note(err)
		// the next attempt sees its end
		_ = backoff.Sleep(j.ctx, backoff.Of(repeatFirst, repeatMost, attempt))
	}
}

// noteCommitted notes a write that began then and succeeded.
func (j *Journal) noteCommitted(started time.Time, entries ...*staging) {
	j.outage.End()
	j.metrics.append.Observe(time.Since(started).Seconds())
	for _, st := range entries {
		j.config.Tracer.Put(st.entry, st.causes, started)
	}
}

// noteUncommitted marks the counters of entries that are proven not to be committed as done.
func (j *Journal) noteUncommitted(entries []*staging) {
	for _, st := range entries {
		j.writer.Done(st.entry.Writer, st.entry.N)
	}
}

func (j *Journal) putOnce(puts []table.Put) error {
	ctx, cancel := context.WithTimeout(j.ctx, putDeadline)
	defer cancel()
	if len(puts) == 1 {
		return j.config.Table.Put(ctx, puts[0])
	}
	return j.config.Table.Transact(ctx, puts)
}

// errGuardTaken: another command has reversed the original first.
var errGuardTaken = errors.New("journal: guard taken")

// resolve finds out what a failed condition means. Our own entry in place is an earlier attempt
// that did happen; any other is another writer's. All entries of a transaction share their outcome,
// so the first one decides.
func (j *Journal) resolve(entries []*staging, failed error) error {
	ctx, cancel := context.WithTimeout(j.ctx, readDeadline)
	defer cancel()
	for _, st := range entries {
		row, err := j.config.Table.Get(ctx, Table, st.put.Row.Key, true)
		switch {
		case errors.Is(err, table.ErrNotFound):
			continue
		case err != nil:
			return fmt.Errorf("read back %s v%d: %w", st.entry.Account(), st.entry.First, err)
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
