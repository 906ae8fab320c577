package consumer

import (
	"fmt"
	"testing"

	"passbook/shared/event"
)

// What a decoder remembers is bounded by number and by bytes, the oldest goes first, and a finished shard is forgotten.
func TestDecoderBoundsWhatItKeeps(t *testing.T) {
	for _, c := range []struct{ size, want int }{{1, decodedKept}, {1 << 20, decodedBytes >> 20}} {
		d, shard := NewDecoder(), Shard{Stream: testStream, ID: "s"}
		kept := d.shard(shard)
		for i := range decodedKept + 10 {
			kept.put(fmt.Sprint(i), &event.Entry{}, c.size)
		}
		if len(kept.entries) != c.want || kept.bytes != c.want*c.size {
			t.Errorf("by %d bytes: %d entries of %d bytes, want %d", c.size, len(kept.entries), kept.bytes, c.want)
		}
		first := decodedKept + 10 - c.want
		if kept.get(fmt.Sprint(first)) == nil || kept.get(fmt.Sprint(first-1)) != nil {
			t.Errorf("by %d bytes: not the newest are kept", c.size)
		}
		d.forget(shard)
		if len(d.shards) != 0 {
			t.Error("a finished shard is remembered")
		}
	}
}
