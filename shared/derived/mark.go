package derived

import (
	"context"
	"errors"
	"fmt"
	"time"

	"passbook/shared/event"
	"passbook/shared/readmodel"
	"passbook/shared/table"
)

// Mark says what a generation has of the further rows. The zero Mark is that of a generation whose
// further rows no program began.
type Mark struct {
	// From is the time from which the index has every event; the zero time if it has all.
	From time.Time
	// Off says that a program projects events without indexing them.
	Off bool
	// HoldersFrom is the time from which every account that is projected has a row under its
	// holder; the zero time if every account has one.
	HoldersFrom time.Time

	rev int64
}

// Known reports whether a program began the further rows of the generation.
func (m Mark) Known() bool { return m.rev > 0 }

// CompleteFrom returns the time from which the index has every event at a time: that time itself
// where nothing is known, or the index is off.
func (m Mark) CompleteFrom(now time.Time) time.Time {
	if !m.Known() || m.Off {
		return now
	}
	if oldest := now.Add(-Retention); m.From.Before(oldest) {
		return oldest
	}
	return m.From
}

// markKey returns the key of a generation's mark.
func markKey(generation int64) table.Key {
	return table.Key{PK: readmodel.GenerationPrefix(generation) + "index", SK: "-"}
}

// LoadMark returns the mark of a generation.
func LoadMark(ctx context.Context, t table.Table, generation int64) (Mark, error) {
	row, err := t.Get(ctx, Table, markKey(generation), true)
	if errors.Is(err, table.ErrNotFound) {
		return Mark{}, nil
	}
	if err != nil {
		return Mark{}, fmt.Errorf("read the mark of the index of generation %d: %w", generation, err)
	}
	off, _ := row.Attrs["off"].(table.Bool)
	return Mark{
		From: row.Attrs.Time("from"), HoldersFrom: row.Attrs.Time("holders_from"), Off: bool(off), rev: row.Attrs.Number("rev"),
	}, nil
}

// store writes a mark over the one that it was made of. It leaves the mark that another process
// wrote since, and returns table.ErrConditionFailed.
func (m Mark) store(ctx context.Context, t table.Table, generation int64) error {
	put := table.Put{Table: Table, If: table.Absent(), Row: table.Row{Key: markKey(generation), Attrs: table.Map{
		"format": table.N(rowFormat), "rev": table.N(m.rev + 1), "from": table.Time(m.From), "holders_from": table.Time(m.HoldersFrom),
		"off": table.Bool(m.Off),
	}}}
	if m.rev > 0 {
		put.If = table.Equals("rev", table.N(m.rev))
	}
	if err := t.Put(ctx, put); err != nil {
		return fmt.Errorf("write the mark of the index of generation %d: %w", generation, err)
	}
	return nil
}

// Begin marks a candidate that no program has folded anything into. Its index has all events if
// that of the live generation is kept, or, where nothing is known of that, if index is true.
func Begin(ctx context.Context, t table.Table, live, candidate int64, index bool) error {
	of, err := LoadMark(ctx, t, live)
	if err != nil {
		return err
	}
	if of.Known() {
		index = !of.Off
	}
	err = Mark{Off: !index}.store(ctx, t, candidate)
	if errors.Is(err, table.ErrConditionFailed) {
		return nil // it was marked before
	}
	return err
}

// Marks keeps the marks of the generations that the programs of one process project. Programs with
// the index and without it may run at the same time, and end without a word: one without it says so
// within MarkEvery, and then for as long as it runs. So when one with it finds that the index was
// off, it is complete from two such intervals later.
type Marks struct {
	Table table.Table
	// Model is the name of the read model of balances.
	Model string
	// Accounts lists the journal's accounts. The index of a bank without any has all events.
	Accounts readmodel.Directory
	// Index says that the process indexes events, and Exclusive that no other one projects.
	Index, Exclusive bool
	Now              func() time.Time
}

// MarkEvery is how often a process compares the marks with what it does.
const MarkEvery = time.Minute

// Keep compares the marks of the generations that are projected with what this process does, and
// corrects them.
func (m Marks) Keep(ctx context.Context) error {
	g, err := readmodel.LoadGenerations(ctx, m.Table, m.Model)
	if err != nil {
		return err
	}
	for _, generation := range []int64{g.Live, g.Previous, g.Candidate} {
		if generation == 0 || generation == g.Discarding {
			continue
		}
		err := m.keep(ctx, generation, generation == g.Candidate)
		if errors.Is(err, table.ErrConditionFailed) { // another process was first: it may do otherwise
			err = m.keep(ctx, generation, generation == g.Candidate)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (m Marks) keep(ctx context.Context, generation int64, candidate bool) error {
	mark, err := LoadMark(ctx, m.Table, generation)
	if err != nil || mark.Known() && mark.Off != m.Index {
		return err
	}
	if m.Index && candidate { // the job that fills it may not index
		return nil
	}
	complete := m.Now()
	if !m.Exclusive {
		complete = complete.Add(2 * MarkEvery)
	}
	if !mark.Known() {
		empty, err := m.empty(ctx)
		if err != nil {
			return err
		}
		if empty {
			complete = time.Time{}
		}
		mark.HoldersFrom = complete
	}
	mark.Off = !m.Index
	if m.Index {
		mark.From = complete
	}
	return mark.store(ctx, m.Table, generation)
}

// empty reports whether the journal has no account.
func (m Marks) empty(ctx context.Context) (bool, error) {
	for _, bucket := range []byte(event.HashBuckets) {
		accounts, _, err := m.Accounts.Accounts(ctx, bucket, "")
		if err != nil || len(accounts) > 0 {
			return false, err
		}
	}
	return true, nil
}
