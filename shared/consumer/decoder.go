package consumer

import (
	"fmt"
	"sync"

	"passbook/shared/event"
	"passbook/shared/stream"
)

// decodedKept is how many of a shard's newest entries a Decoder keeps: more than readers of one
// process are apart while they follow.
const decodedKept = 4096

// decodedBytes bounds the records whose entries a Decoder keeps of a shard: a record holds up to 1
// MiB, and most hold less than 1 KiB.
const decodedBytes = 4 << 20

// Decoder decodes records, and keeps the newest so that the consumers of one process decode each
// record once. It may be used concurrently.
type Decoder struct {
	mu      sync.Mutex
	shards  map[string]*decoded
	readers map[string]int // how many consumers of the process read a shard
}

// decoded are a shard's newest entries, in a ring of their sequence numbers from oldest to next.
type decoded struct {
	mu           sync.Mutex
	entries      map[string]keptEntry
	order        [decodedKept]string
	oldest, next int
	bytes        int
}

// keptEntry is an entry, and the size of the record that it came in.
type keptEntry struct {
	entry *event.Entry
	bytes int
}

// NewDecoder makes a decoder.
func NewDecoder() *Decoder {
	return &Decoder{shards: map[string]*decoded{}, readers: map[string]int{}}
}

// decode turns records into deliveries. A record that cannot be decoded has its error in its
// delivery.
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
				kept.put(r.Sequence, entry, len(r.Data))
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

func decodedKey(s Shard) string { return fmt.Sprintf("%s#%d#%s", s.Stream, s.Created.Unix(), s.ID) }

// enter notes a reader of a shard, until it calls leave. With the last one goes what is kept of the
// shard, which is another process's to read from then on, or nobody's.
func (d *Decoder) enter(s Shard) (leave func()) {
	key := decodedKey(s)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.readers[key]++
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.readers[key]--; d.readers[key] == 0 {
			delete(d.readers, key)
			delete(d.shards, key)
		}
	}
}

func (d *Decoder) shard(s Shard) *decoded {
	key := decodedKey(s)
	d.mu.Lock()
	defer d.mu.Unlock()
	kept := d.shards[key]
	if kept == nil {
		kept = &decoded{entries: map[string]keptEntry{}}
		d.shards[key] = kept
	}
	return kept
}

func (k *decoded) get(sequence string) *event.Entry {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.entries[sequence].entry
}

// put keeps an entry, and lets go of the oldest until it fits.
func (k *decoded) put(sequence string, e *event.Entry, size int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, there := k.entries[sequence]; there {
		return
	}
	for len(k.entries) > 0 && (len(k.entries) == decodedKept || k.bytes+size > decodedBytes) {
		old := k.order[k.oldest]
		k.bytes -= k.entries[old].bytes
		delete(k.entries, old)
		k.oldest = (k.oldest + 1) % decodedKept
	}
	k.order[k.next] = sequence
	k.entries[sequence] = keptEntry{e, size}
	k.bytes += size
	k.next = (k.next + 1) % decodedKept
}
