package consumer

import (
	"fmt"
	"sync"

	"passbook/shared/event"
	"passbook/shared/stream"
)

const (
	// keptEntries bounds the newest entries of a shard that a Decoder keeps: more than the readers
	// of one process are apart while they follow the stream.
	keptEntries = 4096
	// keptBytes bounds the records of those entries: a record has up to 1 MiB, and most have less
	// than 1 KiB.
	keptBytes = 4 << 20
)

// Decoder decodes records. It keeps the newest entries, so that the consumers of a process decode
// each record once. It may be used concurrently.
type Decoder struct {
	mu      sync.Mutex
	shards  map[string]*recentEntries
	readers map[string]int // how many consumers of the process read a shard
}

// recentEntries keeps the newest entries of a shard, and their sequence numbers in a ring from
// oldest to next.
type recentEntries struct {
	mu           sync.Mutex
	entries      map[string]keptEntry
	order        [keptEntries]string
	oldest, next int
	bytes        int
}

// keptEntry is an entry, and the size of the record that it was decoded from.
type keptEntry struct {
	entry *event.Entry
	bytes int
}

// NewDecoder returns a decoder that keeps nothing yet.
func NewDecoder() *Decoder {
	return &Decoder{shards: map[string]*recentEntries{}, readers: map[string]int{}}
}

// decode returns the deliveries of records. The delivery of a record that cannot be decoded has the
// error.
func (d *Decoder) decode(s Shard, records []stream.Delivered) []Delivery {
	if len(records) == 0 {
		return nil
	}
	recent := d.recent(s)
	deliveries := make([]Delivery, len(records))
	for i, r := range records {
		entry := recent.get(r.Sequence)
		var err error
		if entry == nil {
			if entry, err = decodeRecord(r); err == nil {
				recent.put(r.Sequence, entry, len(r.Data))
			}
		}
		deliveries[i] = Delivery{Sequence: r.Sequence, Arrived: r.Arrived, PartitionKey: r.PartitionKey, Entry: entry, Err: err, Data: r.Data}
	}
	return deliveries
}

// decodeRecord decodes one record and checks that it was put under the partition key of its
// account.
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

func recentKey(s Shard) string { return fmt.Sprintf("%s#%d#%s", s.Stream, s.Created.Unix(), s.ID) }

// addReader counts a reader of a shard until remove is called. The last one to be removed drops the
// shard's entries, as no worker of this process reads it any more.
func (d *Decoder) addReader(s Shard) (remove func()) {
	key := recentKey(s)
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

func (d *Decoder) recent(s Shard) *recentEntries {
	key := recentKey(s)
	d.mu.Lock()
	defer d.mu.Unlock()
	recent := d.shards[key]
	if recent == nil {
		recent = &recentEntries{entries: map[string]keptEntry{}}
		d.shards[key] = recent
	}
	return recent
}

func (k *recentEntries) get(sequence string) *event.Entry {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.entries[sequence].entry
}

// put keeps an entry, and drops the oldest ones until it fits.
func (k *recentEntries) put(sequence string, e *event.Entry, size int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, there := k.entries[sequence]; there {
		return
	}
	for len(k.entries) > 0 && (len(k.entries) == keptEntries || k.bytes+size > keptBytes) {
		old := k.order[k.oldest]
		k.bytes -= k.entries[old].bytes
		delete(k.entries, old)
		k.oldest = (k.oldest + 1) % keptEntries
	}
	k.order[k.next] = sequence
	k.entries[sequence] = keptEntry{e, size}
	k.bytes += size
	k.next = (k.next + 1) % keptEntries
}
