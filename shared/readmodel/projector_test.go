package readmodel

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/archive/archivetest"
	"passbook/shared/table"
)

// hangingTable does not answer one read of the generations after it was armed.
type hangingTable struct {
	table.Table
	armed, hung atomic.Int64
}

func (h *hangingTable) Get(ctx context.Context, name string, k table.Key, consistent bool) (table.Row, error) {
	if k.PK == "generation" && h.armed.CompareAndSwap(1, 0) {
		h.hung.Add(1)
		<-ctx.Done()
		return table.Row{}, ctx.Err()
	}
	return h.Table.Get(ctx, name, k, consistent)
}

func TestProjectorLearnsOfAGenerationAlthoughAReadHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTeam(t, 1)
		entries := archivetest.Bank(1, 3, 30)
		c.journal.commit(entries...)
		c.publish(entries...)
		hanging := &hangingTable{Table: c.table}
		c.project(testModel, hanging)
		time.Sleep(2 * time.Second)
		hanging.armed.Store(1)
		time.Sleep(time.Second)
		_, err := StartCandidate(t.Context(), c.table, testModel.Name, nil)
		c.must(err)
		c.within(testLease+2*time.Second, "the candidate is filled", func() bool {
			return c.row(2, entries[29].Account()).Version >= entries[29].Last
		})
		if n := hanging.hung.Load(); n != 1 {
			t.Errorf("%d reads hung, want 1", n)
		}
	})
}
