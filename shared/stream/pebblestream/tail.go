package pebblestream

import (
	"sort"
	"sync"

	"passbook/shared/stream"
)

// DefaultTailBytes bounds the newest records that are kept in memory.
const DefaultTailBytes = 16 << 20

// keptBytes is the memory of a kept record besides its data, key and sequence number.
const keptBytes = 200

// kept is a record in memory.
type kept struct {
	at       shardKey
	sequence uint64
	record   stream.Delivered
}

func (k *kept) bytes() int {
	return keptBytes + len(k.record.PartitionKey) + len(k.record.Sequence) + len(k.record.Data)
}

// tail is the newest records of all shards, for the readers that follow them: they need neither a
// view nor a copy of the data. The committer adds the records of a put when they are durable and in
// every new view, in the order of their numbers. So a reader that changes from the database to the
// tail, or back, misses nothing and gets nothing twice.
type tail struct {
	mu     sync.RWMutex
	most   int
	bytes  int
	shards map[shardKey]*shardTail
	puts   [][]kept // oldest first
}

// shardTail is the newest records of a shard.
type shardTail struct {
	// since is the number from which on no durable record of the shard is missing in records.
	since   uint64
	records []*kept // oldest first
}

// begin has the tail of a shard that is there already begin after its newest record. Of a shard
// that is made later all records are added.
func (t *tail) begin(at shardKey, newest uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.shards[at] = &shardTail{since: newest + 1}
}

// add adds the records of a put that became durable, and drops the oldest ones over the bound.
func (t *tail) add(records []kept) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range records {
		k := &records[i]
		of := t.shards[k.at]
		if of == nil {
			of = &shardTail{}
			t.shards[k.at] = of
		}
		of.records = append(of.records, k)
		t.bytes += k.bytes()
	}
	t.puts = append(t.puts, records)
	for t.bytes > t.most {
		t.dropOldest()
	}
}

// dropOldest drops the records of the oldest put.
func (t *tail) dropOldest() {
	oldest := t.puts[0]
	t.puts[0] = nil
	t.puts = t.puts[1:]
	for i := range oldest {
		k := &oldest[i]
		of := t.shards[k.at]
		of.since = k.sequence + 1
		of.records[0] = nil
		of.records = of.records[1:]
		t.bytes -= k.bytes()
	}
}

// read reads the next records of a shard into r, and reports whether the tail has all of them.
func (t *tail) read(r *reader) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	of := t.shards[r.at]
	if of == nil || r.next < of.since {
		return false
	}
	from := sort.Search(len(of.records), func(i int) bool { return of.records[i].sequence >= r.next })
	next := of.records[from:]
	r.records = make([]stream.Delivered, 0, min(len(next), r.limit))
	for _, k := range next {
		if !r.fits(len(k.record.PartitionKey) + len(k.record.Data)) {
			break
		}
		r.add(k.sequence, k.record)
	}
	return true
}
