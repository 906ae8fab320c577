package newest

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"passbook/shared/archive/archivetest"
	"passbook/shared/event"
	"passbook/shared/stream"
)

func records(from, n, size int) (out []stream.Delivered) {
	for i := range n {
		out = append(out, stream.Delivered{Record: stream.Record{Data: make([]byte, size)}, Sequence: fmt.Sprint(from + i)})
	}
	return out
}

// The bound is by bytes over all shards. The oldest are dropped first, also those of another shard;
// a slot that was dropped can still be used, and a shard whose last reader ended takes nothing.
func TestTheNewestOfAllShardsAreKept(t *testing.T) {
	for _, size := range []int{1, 100 << 10} {
		each := Bytes(records(0, 1, size)[0])
		e := New(10 * each)
		removes := []func(){e.AddReader("a"), e.AddReader("a"), e.AddReader("b")}
		first := e.Slots("a", records(0, 8, size))
		b := e.Slots("b", records(0, 6, size))
		if e.bytes != 10*each || len(e.shards["a"].slots) != 4 || len(e.shards["b"].slots) != 6 {
			t.Fatalf("%d of %d bytes, %d and %d slots", e.bytes, 10*each, len(e.shards["a"].slots), len(e.shards["b"].slots))
		}
		if again := e.Slots("a", records(4, 4, size)); again[0] != first[4] || again[3] != first[7] {
			t.Error("not the newest are kept")
		}
		if !first[0].Begin() {
			t.Error("a dropped slot cannot be taken")
		}
		first[0].End(&event.Entry{})
		if first[0].Entry() == nil || e.Slots("a", records(0, 1, size))[0] == first[0] {
			t.Error("a dropped slot is kept, or has lost its entry")
		}
		removes[0]()
		if e.Shards() != 2 {
			t.Errorf("%d shards, both are read", e.Shards())
		}
		removes[1]()
		if e.Shards() != 1 || e.bytes != e.shards["b"].bytes || len(e.order) != len(e.shards["b"].slots) {
			t.Errorf("%d shards of %d bytes in %d places, one of %d is read", e.Shards(), e.bytes, len(e.order), e.shards["b"].bytes)
		}
		if again := e.Slots("b", records(1, 5, size)); again[4] != b[5] {
			t.Error("the other shard lost its entries")
		}
		e.Slots("b", records(6, 100, size))
		removes[2]()
		if e.Shards() != 0 || e.bytes != 0 || len(e.order) != 0 {
			t.Errorf("%d shards, %d bytes in %d places, and nobody reads", e.Shards(), e.bytes, len(e.order))
		}
	}
}

func TestASlotIsTakenByOne(t *testing.T) {
	slot := New(0).Slots("a", records(0, 1, 1))[0]
	if !slot.Begin() || slot.Begin() {
		t.Error("the slot is taken by none or by two")
	}
	slot.End(nil)
	if slot.Entry() != nil || !slot.Begin() {
		t.Error("the slot is not free after it got no entry")
	}
}

// Entries take no more memory than is counted for them, and not much less.
func TestAnEntryTakesTheMemoryThatIsCounted(t *testing.T) {
	checkCounted(t, archivetest.Bank(1, 100, 3000), func(record []byte) ([]byte, error) { return record, nil })
}

// That holds for large records that are compressed on the stream too.
func TestAnEntryOfACompressedRecordTakesTheMemoryThatIsCounted(t *testing.T) {
	var large []*event.Entry
	for range 50 {
		large = append(large, largeEntry())
	}
	checkCounted(t, large, event.CompressRecord)
}

func checkCounted(t *testing.T, entries []*event.Entry, encode func([]byte) ([]byte, error)) {
	t.Helper()
	var raw []stream.Delivered
	counted := 0
	for i, e := range entries {
		sealed, err := event.Seal(e, nil)
		if err == nil {
			sealed.Record, err = encode(sealed.Record)
		}
		if err != nil {
			t.Fatal(err)
		}
		raw = append(raw, stream.Delivered{Record: stream.Record{Data: sealed.Record}, Sequence: fmt.Sprint(i)})
		counted += Bytes(raw[i])
	}
	kept := New(1 << 30)
	before := heap()
	for i, slot := range kept.Slots("a", raw) {
		e, err := event.DecodeRecord(raw[i].Data)
		if err != nil {
			t.Fatal(err)
		}
		slot.Begin()
		slot.End(e)
	}
	if took := heap() - before; took > counted || took < counted/3 {
		t.Errorf("%d entries take %d bytes each, and %d are counted", len(raw), took/len(raw), counted/len(raw))
	} else {
		t.Logf("%d entries of %d bytes take %d each, and %d are counted", len(raw), len(raw[0].Data), took/len(raw), counted/len(raw))
	}
	runtime.KeepAlive(kept)
}

func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// largeEntry returns an entry of 300 credits.
func largeEntry() *event.Entry {
	e := &event.Entry{Format: 1, Tenant: "main", AccountID: "A-1", First: 1, Last: 300, Currency: "EUR", RecordedAt: archivetest.Start}
	for i := range int64(300) {
		v := i + 1
		e.Commands = append(e.Commands, event.Command{
			Key: fmt.Sprint("key-", v), Request: "AAAAAAAAAAAAAAAAAAAAAA", CorrelationID: fmt.Sprintf("%016x", v),
			Actor: event.Text{Plain: "withdraw"}, First: v, Last: v, Status: 201,
		})
		ev := event.New(event.MoneyCredited{Amount: 1, Kind: event.KindDeposit, Reference: event.Text{Plain: "salary"}})
		ev.Version, ev.Command, ev.Currency, ev.RecordedAt, ev.EffectiveAt = v, int(i), e.Currency, e.RecordedAt, e.RecordedAt.Truncate(24*time.Hour)
		ev.After.Posted = v
		e.Events = append(e.Events, ev)
	}
	return e
}
