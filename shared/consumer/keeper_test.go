package consumer

import (
	"testing"
	"time"

	"passbook/shared/stream"
)

// The position at a shard's end is saved only with the end: a handler that keeps a chain may not be
// able to continue from it.
func TestPositionAtTheEndIsSavedWithTheEnd(t *testing.T) {
	b := newBank(t, 1)
	w := New(Config{
		Name: "tape", Runtime: Runtime{Stream: testStream, Owner: "a", Lease: testLease, Table: b.table, Streams: b.streams, Log: quietLog},
	})
	l, err := w.leases.write(t.Context(), lease{shard: "s", owner: "a"})
	if err != nil {
		t.Fatal(err)
	}
	h := newLeaseKeeper(w.leases, l, testLease, time.Now())
	saved := func() string {
		t.Helper()
		l, err := w.leases.get(t.Context(), "s")
		if err != nil {
			t.Fatal(err)
		}
		return l.checkpoint
	}
	health := w.runtime.Health.add(w.config.Name, w.runtime.Lease)
	r := newReader(w, &shardRun{shard: Shard{Stream: testStream, ID: "s"}, keeper: h, health: health.shard("s")})
	r.handler = handlerFunc(func(b Batch) string { return b.Deliveries[0].Sequence })
	read := func(sequence, next string) {
		t.Helper()
		noEntry := stream.Delivered{Sequence: sequence, Record: stream.Record{Data: []byte("{")}}
		ended, err := r.handle(t.Context(), stream.Batch{Records: []stream.Delivered{noEntry}, Next: next})
		if err != nil || ended != (next == "") {
			t.Fatalf("ended %v, %v", ended, err)
		}
		if err := h.write(t.Context(), func(*lease) {}); err != nil {
			t.Fatal(err)
		}
	}
	read("5", "more")
	read("9", "")
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
