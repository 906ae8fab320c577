package writer

import (
	"context"
	"errors"
	"testing"
	"time"

	"passbook/shared/control"
	"passbook/shared/faults"
	"passbook/shared/storetest"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/table"
)

const lease = 10 * time.Second

var errLost = errors.New("the answer was lost")

// store returns a table that outlives the writers on it, with faults.
func store(t *testing.T) *faults.Table {
	t.Helper()
	return storetest.Memory(t, pebblestream.Options{}, control.Schema).Table
}

// start returns a writer in its first session.
func start(t *testing.T, tbl table.Table) *Writer {
	t.Helper()
	w := New(Config{Table: tbl, Lease: lease})
	if err := w.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return w
}

// beat renews a writer every second until the test ends.
func beat(t *testing.T, w *Writer) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(HeartbeatEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if err := w.Renew(ctx); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
}
