package pebbletable_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"passbook/shared/embedded"
	"passbook/shared/table"
)

// stall is a disk whose next sync blocks.
type stall struct {
	on            atomic.Bool
	stands, going chan struct{}
}

func (s *stall) String() string { return "stall" }

func (s *stall) MaybeError(op errorfs.Op) error {
	sync := op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData
	if sync && s.on.CompareAndSwap(true, false) {
		close(s.stands)
		<-s.going
	}
	return nil
}

// TestStalledDisk blocks a write in its sync: no read sees it, no other write of the row passes it,
// and no caller waits beyond its deadline.
func TestStalledDisk(t *testing.T) {
	disk := &stall{stands: make(chan struct{}), going: make(chan struct{})}
	db := openDB(t, embedded.Options{FS: errorfs.Wrap(vfs.NewMem(), disk)})
	tab := openTable(t, db)
	if err := tab.Put(t.Context(), put(1, table.Absent())); err != nil {
		t.Fatal(err)
	}
	disk.on.Store(true)
	answer := make(chan error, 1)
	go func() { answer <- tab.Put(context.Background(), put(2, table.Equals("v", table.N(1)))) }()
	<-disk.stands
	row, err := tab.Get(t.Context(), "suite-rows", table.Key{PK: "a", SK: "-"}, true)
	if err != nil || row.Attrs["v"] != table.Value(table.N(1)) || indexed(t, tab) != 1 {
		t.Errorf("while the disk is stalled: %v, %v, index %d", row, err, indexed(t, tab))
	}
	if stamp := tab.Stamp("suite-rows", row.Key); stamp != 0 {
		t.Errorf("stamp %d while the row is being written", stamp)
	}
	ctx, cancel := context.WithCancel(t.Context())
	overtaken := make(chan error, 1)
	go func() { overtaken <- tab.Put(ctx, put(3, table.Equals("v", table.N(1)))) }()
	cancel()
	if err := <-overtaken; !errors.Is(err, context.Canceled) {
		t.Errorf("a second write of the row: %v", err)
	}
	// It must wait for the first, and then find that its condition is false.
	go func() { overtaken <- tab.Put(context.Background(), put(3, table.Equals("v", table.N(1)))) }()
	close(disk.going)
	if err := <-answer; err != nil || indexed(t, tab) != 2 {
		t.Errorf("put: %v, index %d", err, indexed(t, tab))
	}
	if err := <-overtaken; !errors.Is(err, table.ErrConditionFailed) {
		t.Errorf("a second write of the row: %v", err)
	}
}
