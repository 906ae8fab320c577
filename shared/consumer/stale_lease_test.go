package consumer

import (
	"context"
	"errors"
	"testing"
	"time"
)

// The worker that had a lease before never renews, releases or ends it once another worker wrote
// it, or once it is of a recreated stream.
func TestLeaseOfAnotherWorkerIsNotWritten(t *testing.T) {
	b := newBank(t, 1)
	leases := leasesOf(b.table, testStream, "tape")
	for name, c := range map[string]struct {
		taken func(*lease)
		does  func(context.Context, *leaseKeeper) error
	}{
		"renewed":          {func(l *lease) { l.owner = "b" }, func(ctx context.Context, h *leaseKeeper) error { return h.write(ctx, func(*lease) {}) }},
		"released":         {func(l *lease) { l.owner = "b" }, func(ctx context.Context, h *leaseKeeper) error { return h.release(ctx) }},
		"ended":            {func(l *lease) { l.owner = "b" }, func(ctx context.Context, h *leaseKeeper) error { return h.end(ctx) }},
		"rewound":          {func(l *lease) { l.owner = "b" }, func(ctx context.Context, h *leaseKeeper) error { return h.rewind(ctx, "") }},
		"without an owner": {func(l *lease) { l.owner = "" }, func(ctx context.Context, h *leaseKeeper) error { return h.end(ctx) }},
		"recreated":        {func(l *lease) { l.created = 9 }, func(ctx context.Context, h *leaseKeeper) error { return h.end(ctx) }},
	} {
		written, err := leases.write(t.Context(), lease{shard: name, owner: "a", created: 1, checkpoint: "5"})
		b.must(err)
		h := newLeaseKeeper(leases, written, testLease, time.Now())
		h.recordProgress("7", 0)
		other := written
		c.taken(&other)
		other.checkpoint = "6"
		other, err = leases.write(t.Context(), other)
		b.must(err)
		if err := c.does(t.Context(), h); !errors.Is(err, errLost) {
			t.Errorf("%s: %v", name, err)
		}
		if now, err := leases.get(t.Context(), name); err != nil || !now.same(other) {
			t.Errorf("%s: the lease is %+v, want %+v; %v", name, now, other, err)
		}
	}
}
