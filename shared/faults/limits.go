package faults

import (
	"sync"
	"time"
)

// Limits are the units that a store grants a second. Unused units are kept for one second.
type Limits struct {
	// PartitionWrites and PartitionReads are the units of one partition key of a table or an index.
	// DynamoDB: 1,000 and 3,000.
	PartitionWrites, PartitionReads float64
	// ShardRecords and ShardBytes are what one shard takes. Kinesis: 1,000 records and 1 MiB.
	ShardRecords, ShardBytes float64
	// ShardGets and ShardGetBytes are the reads that all readers of a shard share. Kinesis: 5
	// GetRecords and 2 MiB.
	ShardGets, ShardGetBytes float64
	// ShardIterators are the iterators made on one shard. Kinesis: 5 GetShardIterator.
	ShardIterators float64
}

// AWS are the limits of DynamoDB and of Kinesis Data Streams.
var AWS = Limits{
	PartitionWrites: 1000, PartitionReads: 3000,
	ShardRecords: 1000, ShardBytes: 1 << 20, ShardGets: 5, ShardGetBytes: 2 << 20, ShardIterators: 5,
}

// Times returns the limits multiplied by a factor, for a test whose clock is the real one.
func (l Limits) Times(factor float64) Limits {
	for _, f := range []*float64{
		&l.PartitionWrites, &l.PartitionReads, &l.ShardRecords, &l.ShardBytes, &l.ShardGets, &l.ShardGetBytes, &l.ShardIterators,
	} {
		*f *= factor
	}
	return l
}

// budget is a token bucket of one second of its rate. A call that needs more, such as a transaction
// of 4 MB on one partition or a read of 10 MiB, is granted when the bucket is full, and the bucket
// then stays empty for as many seconds.
type budget struct {
	rate, left float64
	at         time.Time
}

func newBudget(rate float64) *budget { return &budget{rate: rate, left: rate, at: time.Now()} }

func (b *budget) refill() {
	now := time.Now()
	b.left = min(b.rate, b.left+b.rate*now.Sub(b.at).Seconds())
	b.at = now
}

// grants reports whether n could be taken now.
func (b *budget) grants(n float64) bool {
	b.refill()
	return b.left >= min(n, b.rate)
}

// budgets are the token buckets of one kind of limit, by what they limit. It is safe for concurrent
// use.
type budgets struct {
	mu sync.Mutex
	by map[string]*budget
}

// charge is what a call takes from one budget.
type charge struct {
	of    string
	rate  float64
	units float64
}

// take takes all of the charges or none. It returns the index of the charge that was refused, and
// -1 where none was.
func (b *budgets) take(charges ...charge) (refused int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	need := make(map[string]float64, len(charges))
	for i, c := range charges {
		need[c.of] += c.units
		if !b.of(c).grants(need[c.of]) {
			return i
		}
	}
	for of, units := range need {
		b.by[of].left -= units
	}
	return -1
}

// refund puts units back that were taken too many, or, with negative units, takes more: the size of
// a read is known only after it.
func (b *budgets) refund(charges ...charge) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range charges {
		b.of(c).left += c.units
	}
}

func (b *budgets) of(c charge) *budget {
	if b.by == nil {
		b.by = make(map[string]*budget)
	}
	if b.by[c.of] == nil {
		b.by[c.of] = newBudget(c.rate)
	}
	return b.by[c.of]
}
