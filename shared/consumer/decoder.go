package consumer

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

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

// originChecks is how many entries are checked at once that need a read for it.
const originChecks = 32

// Decode returns the deliveries of records. The delivery of a record that cannot be decoded, or
// whose entry is foreign, has the reason. An error means that an origin could not be checked.
func (d *Decoder) Decode(ctx context.Context, s Shard, records []stream.Delivered, origin Origin) ([]Delivery, error) {
	if len(records) == 0 {
		return nil, nil
	}
	recent := d.recent(s)
	deliveries := make([]Delivery, len(records))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(originChecks)
	for i, r := range records {
		delivery := &deliveries[i]
		*delivery = Delivery{Sequence: r.Sequence, Arrived: r.Arrived, PartitionKey: r.PartitionKey, Entry: recent.get(r.Sequence), Data: r.Data}
		if delivery.Entry != nil {
			continue
		}
		entry, err := decodeRecord(r)
		check := func() (failed error) {
			delivery.Err, failed = checkOrigin(ctx, origin, entry, err)
			if delivery.Err == nil && failed == nil {
				delivery.Entry = entry
			}
			return failed
		}
		if origin != nil && entry != nil && !entry.Signed() {
			group.Go(check)
		} else if failed := check(); failed != nil {
			return nil, errors.Join(failed, group.Wait())
		}
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for i := range deliveries {
		if e := deliveries[i].Entry; e != nil {
			recent.put(records[i].Sequence, e, len(records[i].Data))
		}
	}
	return deliveries, nil
}

// checkOrigin returns why an entry, or a record that was not decoded for the reason undecoded, is
// not processed, nil if it is; and why that could not be found out.
func checkOrigin(ctx context.Context, origin Origin, e *event.Entry, undecoded error) (refused, failed error) {
	var newer *event.FormatError
	var err error
	switch {
	case origin == nil:
		return undecoded, nil
	case errors.As(undecoded, &newer):
		err = origin.CheckFormat(ctx, newer.Format)
	case undecoded != nil:
		return undecoded, nil
	default:
		err = origin.Check(ctx, e)
	}
	if errors.Is(err, event.ErrForeign) {
		return err, nil
	}
	return nil, err
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

// AddReader counts a reader of a shard until remove is called. The last one to be removed drops the
// shard's entries, as no worker of this process reads it any more.
func (d *Decoder) AddReader(s Shard) (remove func()) {
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
