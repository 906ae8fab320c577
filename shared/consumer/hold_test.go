package consumer

import (
	"testing"
	"time"
)

// The position at a shard's end is saved only with the end: a handler that keeps a chain may not be able to go on from it.
func TestPositionAtTheEndIsSavedWithTheEnd(t *testing.T) {
	b := newBank(t, 1)
	leases := leasesOf(b.table, testStream, "tape")
	l, err := leases.write(t.Context(), lease{shard: "s", owner: "a"})
	if err != nil {
		t.Fatal(err)
	}
	h := newHold(leases, l, testLease, time.Now())
	saved := func() string {
		t.Helper()
		l, err := leases.get(t.Context(), "s")
		if err != nil {
			t.Fatal(err)
		}
		return l.checkpoint
	}
	h.progress("5", 0)
	h.finished("9")
	if err := h.write(t.Context(), func(*lease) {}); err != nil {
		t.Fatal(err)
	}
	if got := saved(); got != "5" || h.position() != "9" {
		t.Errorf("saved %q, position %q", got, h.position())
	}
	if err := h.end(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := saved(); got != shardEnd {
		t.Errorf("at the end %q is saved", got)
	}
}
