package jobs

import (
	"context"
	"errors"
	"time"

	"passbook/shared/backoff"
	"passbook/shared/table"
)

// patience is how long a write that the table refuses for load is repeated. A new table on demand doubles what it takes within
// minutes.
const patience = 2 * time.Minute

// patientTable repeats writes that were refused for load or met a transaction: in both cases nothing was written. Services have
// their own ways to wait; a job would end in the middle of its work.
type patientTable struct{ table.Table }

// Put is table.Table's.
func (t patientTable) Put(ctx context.Context, p table.Put) error {
	return t.again(ctx, func() error { return t.Table.Put(ctx, p) })
}

// Delete is table.Table's.
func (t patientTable) Delete(ctx context.Context, name string, k table.Key, c table.Condition) error {
	return t.again(ctx, func() error { return t.Table.Delete(ctx, name, k, c) })
}

// Transact is table.Table's.
func (t patientTable) Transact(ctx context.Context, puts []table.Put) error {
	return t.again(ctx, func() error { return t.Table.Transact(ctx, puts) })
}

func (t patientTable) again(ctx context.Context, call func() error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	wait := backoff.Backoff{First: 20 * time.Millisecond, Most: 5 * time.Second}
	for {
		err := call()
		if !errors.Is(err, table.ErrThrottled) && !errors.Is(err, table.ErrConflict) || wait.Pause(ctx) != nil {
			return err
		}
	}
}
