package readmodel

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/account"
	"passbook/shared/archive/archivetest"
	"passbook/shared/event"
	"passbook/shared/readmodel/rowcache"
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
		rows := NewRows(reads, testModel, 0)
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
		rows := NewRows(b.table, testModel, 0)
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
		rows := NewRows(b.table, testModel, 0)
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
	rows := NewRows[account.State](reads, testModel, 0)
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
	own := NewProjection(ProjectionConfig[account.State]{Generation: 1, Rows: rows, Journal: b.journal, Log: quietLog})
	other := archivetest.Bank(2, 2, 10)
	b.journal.commit(other...)
	for i := range other {
		if other[i].Account() == a {
			continue
		}
		b.handle(own, deliveries(t, other[i])) // the first one is new, the others replace it
		before := reads.gets.Load()
		row, err := rows.Get(t.Context(), other[i].Account())
		if n := reads.gets.Load() - before; err != nil || row.Version != other[i].Last || n != 0 {
			t.Errorf("v%d after v%d was folded by the projection of these rows, %d reads, %v", row.Version, other[i].Last, n, err)
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

// The rows that are kept take the memory that they are allowed, and no more.
func TestKeptRowsTakeTheirMemory(t *testing.T) {
	const most = 8 << 20
	kept := rowcache.NewGenerations[Row[account.State]](nil, testModel.Name, most).Of(1)
	began := heapInUse()
	for i := range 4 * most >> 10 {
		a := event.Account{Tenant: "main", ID: fmt.Sprintf("account-%08d", i)}
		s := account.State{Version: 3, Status: account.StatusOpen, Currency: "EUR", HolderRef: fmt.Sprintf("holder-%08d", i)}
		for v := range i % 4 {
			s.Holds = append(s.Holds, account.Hold{Version: int64(v + 1), Amount: 100})
		}
		row := Row[account.State]{Account: a, Version: 3, State: s, Source: Source{Shard: "shardId-000000000001", Sequence: fmt.Sprint(1_000_000_000 + i)}, rev: 7}
		row, err := testModel.decode(testModel.encode(1, &row))
		if err != nil {
			t.Fatal(err)
		}
		kept.Put(a.String(), row, 0, testModel.bytes(&row))
	}
	if took := heapInUse() - began; took < most*3/4 || took > most*9/8 {
		t.Errorf("%d KiB for rows of %d KiB", took>>10, most>>10)
	}
	if _, ok := kept.Get("main#account-00032767"); !ok {
		t.Error("the newest row is not kept")
	}
}

// heapInUse returns the bytes of the heap that are in use.
func heapInUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what finalizers and pools held
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
