package readmodel

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/account"
	"passbook/shared/archive/archivetest"
	"passbook/shared/table"
)

// slowDeletes is a table whose deletions take a second, and fail if they are told to.
type slowDeletes struct {
	table.Table
	fails error
}

// Delete implements table.Table.
func (s slowDeletes) Delete(ctx context.Context, name string, key table.Key, cond table.Condition) error {
	time.Sleep(time.Second)
	if s.fails != nil {
		return s.fails
	}
	return s.Table.Delete(ctx, name, key, cond)
}

// Many rows are deleted at once, and all of them. What fails ends the call, which may be repeated.
func TestRowsAreDiscardedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBank(t, 1)
		entries := archivetest.Bank(1, 50, 500)
		b.journal.commit(entries...)
		_, err := StartCandidate(t.Context(), b.table, testModel.Name, nil)
		b.must(err)
		p := NewProjection(ProjectionConfig[account.State]{
			Generation: 2, Rows: NewRows(b.table, testModel, 0), Journal: b.journal, Further: &testFurther, Log: quietLog,
		})
		b.handle(p, deliveries(t, entries...))
		b.checkFurther(t, 2)
		broken := errors.New("broken")
		d := DiscardConfig{Model: testModel.Name, Stream: testStream, Further: testFurther.Table, Generation: 2, Lease: testLease}
		d.Table = slowDeletes{b.table, broken}
		if err := Discard(t.Context(), d); !errors.Is(err, broken) {
			t.Errorf("discarded by deletions that fail: %v", err)
		}
		began := time.Now()
		d.Table = slowDeletes{b.table, nil}
		b.must(Discard(t.Context(), d))
		if took := time.Since(began); took > 40*time.Second {
			t.Errorf("550 deletions of a second each took %v", took)
		}
		for _, name := range []string{testModel.Name, testFurther.Table} {
			for row, err := range table.ScanRows(t.Context(), b.table, table.Scan{Table: name, Of: 1}) {
				b.must(err)
				if generation, _, ok := ParseRowKey(row.PK); name == testFurther.Table || ok && generation == 2 {
					t.Fatalf("%s still has %s %s", name, row.PK, row.SK)
				}
			}
		}
	})
}
