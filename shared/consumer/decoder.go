package consumer

import (
	"fmt"
	"sync"

	"passbook/shared/event"
	"passbook/shared/stream"
)

// decodedKept is how many of a shard's newest entries a Decoder keeps: more than readers of one process are apart while they follow.
const decodedKept = 4096

// Decoder decodes records, and keeps the newest so that the consumers of one process decode each record once. It may be used
// concurrently.
type Decoder struct {
	mu     sync.Mutex
	shards map[string]*decoded
}

// decoded are a shard's newest entries, in a ring.
type decoded struct {
	mu      sync.Mutex
	entries map[string]*event.Entry
	order   [decodedKept]string
	next    int
}

// NewDecoder makes a decoder.
func NewDecoder() *Decoder { return &Decoder{shards: map[string]*decoded{}} }

// decode turns records into deliveries. A record that cannot be decoded has its error in its delivery.
func (d *Decoder) decode(s Shard, records []stream.Delivered) []Delivery {
	if len(records) == 0 {
		return nil
	}
	kept := d.shard(s)
	deliveries := make([]Delivery, len(records))
	for i, r := range records {
		entry := kept.get(r.Sequence)
		var err error
		if entry == nil {
			if entry, err = decodeRecord(r); err == nil {
				kept.put(r.Sequence, entry)
			}
		}
		deliveries[i] = Delivery{Sequence: r.Sequence, Arrived: r.Arrived, PartitionKey: r.PartitionKey, Entry: entry, Err: err, Data: r.Data}
	}
	return deliveries
}

// decodeRecord decodes one record and holds it against its partition key, by which it was placed.
func decodeRecord(r stream.Delivered) (*event.Entry, error) {
	e, err := event.DecodeRecord(r.Data)
	if err != nil {
		return nil, err
	}
	if key := e.Tenant + "#" + e.AccountID; key != r.PartitionKey {
		return nil, fmt.Errorf("entry of %s under the partition key %q", key, r.PartitionKey)
	}
	return e, nil
}

func (d *Decoder) shard(s Shard) *decoded {
	key := fmt.Sprintf("%s#%d#%s", s.Stream, s.Created.Unix(), s.ID)
	d.mu.Lock()
	defer d.mu.Unlock()
	kept := d.shards[key]
	if kept == nil {
		kept = &decoded{entries: make(map[string]*event.Entry, decodedKept)}
		d.shards[key] = kept
	}
	return kept
}

func (k *decoded) get(sequence string) *event.Entry {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.entries[sequence]
}

func (k *decoded) put(sequence string, e *event.Entry) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, there := k.entries[sequence]; there {
		return
	}
	delete(k.entries, k.order[k.next])
	k.order[k.next] = sequence
	k.entries[sequence] = e
	k.next = (k.next + 1) % decodedKept
}
