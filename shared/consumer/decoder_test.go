package consumer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"passbook/shared/archive/archivetest"
	"passbook/shared/event"
	"passbook/shared/stream"
)

// Two consumers of a process hand their shards over, one after the other: the decoder drops the
// entries with the second.
func TestDecoderForgetsShardsThatWereHandedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTeam(t, 2)
		d := NewDecoder(0)
		c.start("a", func(config *Config) { config.Runtime.Decoder = d })
		c.start("other", func(config *Config) { config.Name, config.Runtime.Decoder = "other", d })
		c.publish(archivetest.Bank(1, 10, 40)...)
		c.within(time.Second, "both read", c.delivered(80))
		if n := d.newest.Shards(); n != 2 {
			t.Errorf("%d shards kept, both are read", n)
		}
		c.halt("other")
		if n := d.newest.Shards(); n != 2 {
			t.Errorf("%d shards kept after one of two consumers ended", n)
		}
		c.start("b", nil)
		c.within(3*time.Second, "shared", func() bool { return c.owned()["a"] == 1 && c.owned()["b"] == 1 })
		if n := d.newest.Shards(); n != 1 {
			t.Errorf("%d shards kept, a has handed one over", n)
		}
		c.halt("a")
		if n := d.newest.Shards(); n != 0 {
			t.Errorf("%d shards kept, no worker reads", n)
		}
	})
}

// doorkeeper is an Origin. Its errors, by account, are the answers; the bank is at format 2.
type doorkeeper map[string]error

func (k doorkeeper) Check(_ context.Context, e *event.Entry) error { return k[e.AccountID] }

func (k doorkeeper) CheckFormat(_ context.Context, format int) error {
	if format > 2 {
		return fmt.Errorf("format %d: %w", format, event.ErrForeign)
	}
	return nil
}

func (doorkeeper) BankFormat() int { return 2 }

// A foreign record is delivered without an entry and the records beside it with theirs; a record of
// a format that the bank does not write is foreign too, and not a reason to stop its account. When
// an origin cannot be checked, the batch is not delivered.
func TestDecoderRefusesForeignRecords(t *testing.T) {
	unreachable := errors.New("the journal cannot be reached")
	for _, signed := range []bool{true, false} {
		t.Run(fmt.Sprint("signed ", signed), func(t *testing.T) {
			var records []stream.Delivered
			for i, id := range []string{"A-1", "A-2", "A-3"} {
				e := archivetest.Bank(1, 1, 1)[0]
				e.AccountID = id
				if signed {
					e.Format = 2
				}
				records = append(records, stream.Delivered{Record: record(t, e), Sequence: fmt.Sprint(i)})
			}
			newer := stream.Delivered{Record: stream.Record{PartitionKey: "main#A-4", Data: []byte(`{"format":3,"x":1}`)}, Sequence: "3"}
			shard := Shard{Stream: testStream, ID: "s"}
			d, door := NewDecoder(0), doorkeeper{"A-2": event.ErrForeign}
			got, err := d.Decode(t.Context(), shard, append(records, newer), door)
			if err != nil || len(got) != 4 {
				t.Fatalf("%d deliveries, %v", len(got), err)
			}
			for i, d := range got {
				if foreign := i%2 == 1; errors.Is(d.Err, event.ErrForeign) != foreign || (d.Entry == nil) != foreign || len(d.Data) == 0 {
					t.Errorf("delivery %d: %+v", i, d)
				}
			}
			door["A-3"] = unreachable
			if _, err := NewDecoder(0).Decode(t.Context(), shard, records, door); !errors.Is(err, unreachable) {
				t.Errorf("unchecked: %v", err)
			}
			if got, err := d.Decode(t.Context(), shard, records, door); err != nil || got[2].Entry == nil {
				t.Errorf("an entry that was checked is checked again: %v", err)
			}
		})
	}
}

// A foreign record is counted once it was processed, and a batch whose origin cannot be checked is
// read again until it can.
func TestWorkerRepeatsAnOriginThatItCouldNotCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTeam(t, 1)
		entries := archivetest.Bank(1, 3, 6)
		door := &flakyDoor{fails: 2, foreign: entries[1].Hash}
		metrics := NewMetrics(nil)
		c.start("a", func(config *Config) { config.Runtime.Origin, config.Runtime.Metrics = door, metrics })
		c.publish(entries...)
		c.within(10*time.Second, "the others are delivered", c.delivered(5))
		if n := testutil.ToFloat64(metrics.foreign); n != 1 {
			t.Errorf("%v foreign records counted", n)
		}
	})
}

// flakyDoor is an Origin that cannot check the first times it is asked.
type flakyDoor struct {
	mu      sync.Mutex
	fails   int
	foreign event.Hash
}

func (k *flakyDoor) Check(_ context.Context, e *event.Entry) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fails--; k.fails >= 0 {
		return errors.New("unreachable")
	}
	if e.Hash == k.foreign {
		return event.ErrForeign
	}
	return nil
}

func (k *flakyDoor) CheckFormat(context.Context, int) error { return nil }

func (k *flakyDoor) BankFormat() int { return 2 }
