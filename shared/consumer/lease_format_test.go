package consumer

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/archive/archivetest"
	"passbook/shared/event"
	"passbook/shared/table"
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

// anyOrigin is an Origin that takes every entry, in a bank of a format.
type anyOrigin struct{ format atomic.Int64 }

func (*anyOrigin) Check(context.Context, *event.Entry) error { return nil }
func (*anyOrigin) CheckFormat(context.Context, int) error    { return nil }
func (o *anyOrigin) BankFormat() int                         { return int(o.format.Load()) }

// rows returns the leases as the table has them, by shard.
func (b *bank) rows(consumer string) map[string]table.Map {
	b.t.Helper()
	all := map[string]table.Map{}
	for row, err := range leasesOf(b.table, testStream, consumer).rows.List(b.t.Context()) {
		b.must(err)
		all[row.SK] = row.Attrs
	}
	return all
}

// From the switch on, a program from before format 2 finds every shard read to its end, whether a
// worker has its lease or none does, while a program of today continues where the shard is.
func TestLeasesOfAnUpgradedBankKeepOlderProgramsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTeam(t, 2)
		door := &anyOrigin{}
		door.format.Store(1)
		c.start("a", func(config *Config) { config.Runtime.Origin = door })
		c.publish(archivetest.Bank(1, 10, 20)...)
		c.within(5*time.Second, "read", c.delivered(20))
		pass := func(what string, fenced bool) {
			t.Helper()
			c.within(testLease, what, func() bool {
				for _, attrs := range c.rows("tape") {
					ended := attrs.Text("checkpoint") == shardEnd
					if ended != fenced || ended != (attrs["position"] != nil) {
						return false
					}
				}
				return true
			})
		}
		pass("not fenced before the switch", false)
		door.format.Store(2)
		pass("the owner fences its leases", true)
		c.halt("a")
		c.start("b", func(config *Config) { config.Runtime.Origin = door })
		c.publish(archivetest.Bank(2, 10, 20)...)
		c.within(5*time.Second, "the next worker continues", c.delivered(40))
		for shard, l := range c.leases() {
			if l.ended() {
				t.Errorf("%s is read to its end", shard)
			}
		}
	})
}

// Fence fences every lease where it is, that of a dead worker too, and takes nothing away from a
// worker: it continues as after a claim.
func TestFenceLeavesALeaseToItsOwner(t *testing.T) {
	b := newBank(t, 2)
	leases := leasesOf(b.table, testStream, "tape")
	var owned lease
	for _, l := range []lease{{shard: "free", checkpoint: "7", created: 1}, {shard: "owned", owner: "a", checkpoint: "8", created: 1}} {
		written, err := leases.write(t.Context(), l)
		b.must(err)
		owned = written
	}
	h := newLeaseKeeper(leases, owned, testLease, time.Now())
	b.must(Fence(t.Context(), b.table, testStream, "tape"))
	rows := b.rows("tape")
	for shard, position := range map[string]string{"free": "7", "owned": "8"} {
		if rows[shard].Text("checkpoint") != shardEnd || rows[shard].Text("position") != position {
			t.Errorf("row %v", rows[shard])
		}
		if l, err := leases.get(t.Context(), shard); err != nil || l.checkpoint != position || l.ended() {
			t.Errorf("%s is %+v, %v", shard, l, err)
		}
	}
	h.recordProgress("9", 0)
	b.must(h.write(t.Context(), func(*lease) {}))
	if l, err := leases.get(t.Context(), "owned"); err != nil || l.owner != "a" || l.checkpoint != "9" {
		t.Errorf("the owner wrote %+v, %v", l, err)
	}
}

// A consumer whose shards were reserved is read to its end for a program from before format 2, and
// at the trim horizon for one of today. Leases that are there stay as they are.
func TestReservedShardsAreNothingToAnOlderProgram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTeam(t, 2)
		first := c.shards()[0].ID
		_, err := leasesOf(c.table, testStream, "tape").write(t.Context(), lease{shard: first, owner: "gone", checkpoint: "", created: 1})
		c.must(err)
		for range 2 { // a repetition changes nothing
			c.must(Reserve(t.Context(), c.table, c.streams, testStream, "tape"))
		}
		rows := c.rows("tape")
		if len(rows) != len(c.shards()) || rows[first].Text("owner") != "gone" || rows[first]["position"] != nil {
			t.Errorf("%v", rows)
		}
		for shard, attrs := range rows {
			if shard != first && (attrs.Text("checkpoint") != shardEnd || attrs["position"] == nil || attrs.Number("epoch") != 1) {
				t.Errorf("%s: %v", shard, attrs)
			}
		}
		c.publish(archivetest.Bank(1, 10, 20)...)
		door := &anyOrigin{}
		door.format.Store(2)
		c.start("a", func(config *Config) { config.Runtime.Origin = door })
		c.within(2*testLease, "a worker of today reads everything", c.delivered(20))
	})
}
