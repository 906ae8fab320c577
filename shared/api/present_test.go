package api

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/readmodel"
	"passbook/shared/storetest"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/table"
	"passbook/shared/web"
)

// readTable counts the reads of a table.
type readTable struct {
	table.Table
	reads atomic.Int64
}

func (t *readTable) Query(ctx context.Context, q table.Query) (table.Page, error) {
	t.reads.Add(1)
	return t.Table.Query(ctx, q)
}

func (t *readTable) Get(ctx context.Context, name string, key table.Key, consistent bool) (table.Row, error) {
	t.reads.Add(1)
	return t.Table.Get(ctx, name, key, consistent)
}

// The journal need not say that an account exists which has a row, before the row is waited for.
func TestARowThatIsThereIsWaitedForWithoutTheJournal(t *testing.T) {
	store := &readTable{Table: storetest.Memory(t, pebblestream.Options{}, journal.Schemas...).Table}
	at := int64(3)
	rows := Rows[int]{Journal: journal.NewReader(store), Wait: func(_ context.Context, a event.Account, wanted int64, wait time.Duration) (readmodel.Row[int], error) {
		if wait > 0 && at > 0 {
			return readmodel.Row[int]{Account: a, Version: wanted}, nil
		}
		return readmodel.Row[int]{Account: a, Version: at}, &readmodel.BehindError{Version: at, Wanted: wanted}
	}}
	of := event.Account{Tenant: "main", ID: "A-1"}
	row, err := rows.At(t.Context(), of, Moment{MinVersion: 4, Wait: time.Second}, time.Now())
	if err != nil || row.Version != 4 || store.reads.Load() != 0 {
		t.Errorf("v%d after %d reads of the journal, %v", row.Version, store.reads.Load(), err)
	}
	at = 0
	var problem *web.Problem
	if _, err := rows.At(t.Context(), of, Moment{MinVersion: 4, Wait: time.Second}, time.Now()); !errors.As(err, &problem) || problem.Code != AccountNotFound.Code || store.reads.Load() == 0 {
		t.Errorf("an account that is nowhere, after %d reads of the journal: %v", store.reads.Load(), err)
	}
}
