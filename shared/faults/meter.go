package faults

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Kind is a kind of request or unit that is counted.
type Kind string

// The kinds, and what their Key.Name is.
const (
	// Writes are calls that write a table's rows; WriteUnits their units of 1 KB, by table.
	Writes     Kind = "writes"
	WriteUnits Kind = "write units"
	// IndexUnits are the write units of indexes, by "table/index".
	IndexUnits Kind = "index units"
	// Reads are calls that read, and ReadUnits their units of 4 KB, half where the read may lag; by
	// table or "table/index".
	Reads     Kind = "reads"
	ReadUnits Kind = "read units"
	// Records are those that a stream accepted, PutUnits their units of 25 KB, Gets the reads of
	// its shards; by stream.
	Records  Kind = "records"
	PutUnits Kind = "put units"
	Gets     Kind = "gets"
	// BucketPuts, BucketGets and BucketLists are requests to S3, by "bucket".
	BucketPuts  Kind = "bucket puts"
	BucketGets  Kind = "bucket gets"
	BucketLists Kind = "bucket lists"
	// Throttled are calls, or records of a put, that were refused for load, by table, "table/index"
	// or stream.
	Throttled Kind = "throttled"
)

// Key names a count: a kind, and the table, index, stream or bucket.
type Key struct {
	Kind Kind
	Name string
}

// Counts are the counts at a time, or between two.
type Counts map[Key]float64

// Of returns one count.
func (c Counts) Of(kind Kind, name string) float64 { return c[Key{kind, name}] }

// All returns the sum of a kind.
func (c Counts) All(kind Kind) (sum float64) {
	for k, n := range c {
		if k.Kind == kind {
			sum += n
		}
	}
	return sum
}

// Sub returns what was counted since before.
func (c Counts) Sub(before Counts) Counts {
	since := make(Counts, len(c))
	for k, n := range c {
		if d := n - before[k]; d != 0 {
			since[k] = d
		}
	}
	return since
}

// Add returns the sum of both.
func (c Counts) Add(other Counts) Counts {
	sum := maps.Clone(c)
	for k, n := range other {
		sum[k] += n
	}
	return sum
}

// String returns the counts, one a line.
func (c Counts) String() string {
	var b strings.Builder
	keys := slices.SortedFunc(maps.Keys(c), func(x, y Key) int {
		return strings.Compare(string(x.Kind)+"\x00"+x.Name, string(y.Kind)+"\x00"+y.Name)
	})
	for _, k := range keys {
		fmt.Fprintf(&b, "%-12s %-24s %10.1f\n", k.Kind, k.Name, c[k])
	}
	return b.String()
}

// Meter counts requests and units. It is safe for concurrent use; the zero Meter has counted
// nothing.
type Meter struct {
	mu     sync.Mutex
	counts Counts
}

// Snapshot returns what was counted so far.
func (m *Meter) Snapshot() Counts {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.counts == nil {
		return Counts{}
	}
	return maps.Clone(m.counts)
}

func (m *Meter) count(kind Kind, name string, n float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.counts == nil {
		m.counts = Counts{}
	}
	m.counts[Key{kind, name}] += n
}
