package readmodel

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/account"
	"passbook/shared/archive/archivetest"
	"passbook/shared/event"
	"passbook/shared/table"
)

// counted counts the reads of rows.
type counted struct {
	table.Table
	gets atomic.Int64
}

func (c *counted) Get(ctx context.Context, name string, k table.Key, consistent bool) (table.Row, error) {
	if name == testModel.Name {
		c.gets.Add(1)
	}
	return c.Table.Get(ctx, name, k, consistent)
}

func TestWaitIsWokenByAProjectionOfTheSameProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBank(t, 1)
		entries := archivetest.Bank(1, 1, 10)
		b.journal.commit(entries...)
		reads := &counted{Table: b.table}
		rows := NewRows(reads, testModel)
		p := NewProjection(ProjectionConfig[account.State]{Generation: 1, Rows: rows, Journal: b.journal, Log: quietLog})
		b.handle(p, nil)
		done := make(chan time.Duration)
		began := time.Now()
		go func() {
			row, err := rows.Wait(t.Context(), entries[0].Account(), entries[9].Last, 10*time.Second)
			if err != nil || row.Version != entries[9].Last {
				t.Errorf("waited for v%d, got v%d, %v", entries[9].Last, row.Version, err)
			}
			done <- time.Since(began)
		}()
		time.Sleep(300 * time.Millisecond)
		b.handle(p, deliveries(t, entries[:5]...))
		synctest.Wait()
		b.handle(p, deliveries(t, entries[5:]...))
		if took := <-done; took != 300*time.Millisecond {
			t.Errorf("woken after %v, written after 300ms", took)
		}
		if n := reads.gets.Load(); n > 9 {
			t.Errorf("the row was read %d times", n)
		}
	})
}

func TestWaitPollsForAProjectionOfAnotherProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBank(t, 1)
		entries := archivetest.Bank(1, 1, 3)
		rows := NewRows(b.table, testModel)
		go func() {
			time.Sleep(time.Second)
			b.handle(b.projection(testModel, 1), deliveries(t, entries...))
		}()
		began := time.Now()
		row, err := rows.Wait(t.Context(), entries[0].Account(), 1, 10*time.Second)
		if took := time.Since(began); err != nil || row.Version == 0 || took > time.Second+pollMost {
			t.Errorf("v%d after %v, %v", row.Version, took, err)
		}
	})
}

func TestWaitReturnsTheVersionThatIsThereWhenItsTimeIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBank(t, 1)
		entries := archivetest.Bank(1, 1, 3)
		b.handle(b.projection(testModel, 1), deliveries(t, entries...))
		rows := NewRows(b.table, testModel)
		began := time.Now()
		_, err := rows.Wait(t.Context(), entries[0].Account(), 1000, 2*time.Second)
		var behind *BehindError
		if !errors.As(err, &behind) || !errors.Is(err, ErrBehind) || behind.Version != entries[2].Last || behind.Wanted != 1000 {
			t.Errorf("error %v", err)
		}
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("waited %v", took)
		}
		began = time.Now()
		if row, err := rows.Wait(t.Context(), entries[0].Account(), 1000, 0); !errors.As(err, &behind) || behind.Wanted != 1000 || row.Version != entries[2].Last || time.Since(began) != 0 {
			t.Errorf("without a wait: v%d after %v, %v", row.Version, time.Since(began), err)
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := rows.Wait(gone, entries[0].Account(), 1000, 0); !errors.Is(err, ErrBehind) {
			t.Errorf("of a caller that is gone: %v", err)
		}
		missing := event.Account{Tenant: "main", ID: "nobody"}
		if _, err := rows.Wait(t.Context(), missing, 1, time.Second); !errors.As(err, &behind) || behind.Version != 0 {
			t.Errorf("a missing row: %v", err)
		}
		if _, err := rows.Get(t.Context(), missing); !errors.Is(err, ErrNoRow) {
			t.Errorf("a missing row: %v", err)
		}
	})
}

// stamped counts the reads of rows of a table that only this process writes.
type stamped struct {
	counted
	table.Stamped
}

func (s *stamped) Get(ctx context.Context, name string, k table.Key, consistent bool) (table.Row, error) {
	return s.counted.Get(ctx, name, k, consistent)
}

func TestARowIsReadAgainOnlyAfterAWrite(t *testing.T) {
	b := newBank(t, 1)
	entries := archivetest.Bank(1, 1, 10)
	b.journal.commit(entries...)
	inner, ok := b.table.Table.(table.Stamped)
	if !ok {
		t.Fatal("the engine's table has no stamps")
	}
	reads := &stamped{counted: counted{Table: inner}, Stamped: inner}
	rows := NewRows[account.State](reads, testModel)
	NewProjector(Config[account.State]{Rows: rows})
	a := entries[0].Account()
	for i := range entries {
		b.handle(b.projection(testModel, 1), deliveries(t, entries[i])) // of other Rows, as a job's
		before := reads.gets.Load()
		for range 3 {
			row, err := rows.Get(t.Context(), a)
			if err != nil || row.Version != entries[i].Last || row.State.Version != row.Version {
				t.Fatalf("v%d (state v%d) after v%d was folded, %v", row.Version, row.State.Version, entries[i].Last, err)
			}
		}
		if n := reads.gets.Load() - before; n != 1 {
			t.Errorf("three readers of v%d read the table %d times", entries[i].Last, n)
		}
	}
	key := RowKey(1, a)
	if err := b.table.Delete(t.Context(), testModel.Name, key, table.Equals("version", table.N(entries[9].Last))); err != nil {
		t.Fatal(err)
	}
	if _, err := rows.Get(t.Context(), a); !errors.Is(err, ErrNoRow) {
		t.Errorf("a row that was removed: %v", err)
	}
}
