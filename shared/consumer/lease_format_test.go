package consumer

import (
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/event"
)

// The owner of a lease declares the newest entry format that it reads. A claim of another worker
// leaves the owner's declaration, and who gives a lease up takes its own with it.
func TestLeaseDeclaresWhatItsOwnerReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTeam(t, 1)
		c.start("a", nil)
		c.within(time.Second, "a has it", func() bool { return c.owned()["a"] == 1 })
		status, err := Status(t.Context(), c.table, testStream, "tape")
		if err != nil || len(status) != 1 || status[0].Format != event.Format || status[0].Epoch == 0 {
			t.Errorf("%+v, %v", status, err)
		}
		c.halt("a")
		for shard, l := range c.leases() {
			if l.owner != "" || l.format != 0 {
				t.Errorf("%s: owner %q, format %d", shard, l.owner, l.format)
			}
		}
	})
	b := newBank(t, 1)
	leases := leasesOf(b.table, testStream, "tape")
	written, err := leases.write(t.Context(), lease{shard: "s", owner: "a", format: 2, created: 1})
	b.must(err)
	claimed := written
	claimed.claim = "b"
	claimed, err = leases.write(t.Context(), claimed)
	b.must(err)
	if now, err := leases.get(t.Context(), "s"); err != nil || now.format != 2 {
		t.Errorf("after a claim: %+v, %v", now, err)
	}
	h := newLeaseKeeper(leases, claimed, testLease, time.Now())
	b.must(h.release(t.Context()))
	if now, err := leases.get(t.Context(), "s"); err != nil || now.owner != "b" || now.format != 0 {
		t.Errorf("handed over: %+v, %v", now, err)
	}
}
