package consumer

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/archive/archivetest"
	"passbook/shared/event"
)

// A decoder bounds the entries that it keeps by number and by bytes, drops the oldest first, and
// forgets a finished shard.
func TestDecoderBoundsWhatItKeeps(t *testing.T) {
	for _, c := range []struct{ size, want int }{{1, keptEntries}, {1 << 20, keptBytes >> 20}} {
		d, shard := NewDecoder(), Shard{Stream: testStream, ID: "s"}
		remove := d.addReader(shard)
		kept := d.recent(shard)
		for i := range keptEntries + 10 {
			kept.put(fmt.Sprint(i), &event.Entry{}, c.size)
		}
		if len(kept.entries) != c.want || kept.bytes != c.want*c.size {
			t.Errorf("by %d bytes: %d entries of %d bytes, want %d", c.size, len(kept.entries), kept.bytes, c.want)
		}
		first := keptEntries + 10 - c.want
		if kept.get(fmt.Sprint(first)) == nil || kept.get(fmt.Sprint(first-1)) != nil {
			t.Errorf("by %d bytes: not the newest are kept", c.size)
		}
		remove()
		if len(d.shards) != 0 {
			t.Error("a finished shard is kept")
		}
	}
}

// kept returns of how many shards a decoder keeps entries.
func (d *Decoder) kept() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.shards)
}

// Two consumers of a process hand their shards over, one after the other: the decoder drops the
// entries with the second.
func TestDecoderForgetsShardsThatWereHandedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTeam(t, 2)
		d := NewDecoder()
		c.start("a", func(config *Config) { config.Runtime.Decoder = d })
		c.start("other", func(config *Config) { config.Name, config.Runtime.Decoder = "other", d })
		c.publish(archivetest.Bank(1, 10, 40)...)
		c.within(time.Second, "both read", c.delivered(80))
		if n := d.kept(); n != 2 {
			t.Errorf("%d shards kept, both are read", n)
		}
		c.halt("other")
		if n := d.kept(); n != 2 {
			t.Errorf("%d shards kept after one of two consumers ended", n)
		}
		c.start("b", nil)
		c.within(3*time.Second, "shared", func() bool { return c.owned()["a"] == 1 && c.owned()["b"] == 1 })
		if n := d.kept(); n != 1 {
			t.Errorf("%d shards kept, a has handed one over", n)
		}
		c.halt("a")
		if n, readers := d.kept(), len(d.readers); n != 0 || readers != 0 {
			t.Errorf("%d shards kept of %d readers, no worker reads", n, readers)
		}
	})
}
