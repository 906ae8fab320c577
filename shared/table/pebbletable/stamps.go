package pebbletable

import (
	"hash/maphash"
	"sync/atomic"

	"passbook/shared/table"
)

const (
	// stampCount is how many stamps there are: rows share them, and a row whose stamp changes for
	// another's write is only read once more.
	stampCount = 1 << 13
	// stampStep is what a finished write adds. The bits below it count the writes in progress.
	stampStep = 1 << 24
)

// stamps count the writes of rows that are replaced or removed, from before a commit shows them to
// the first reader until it has shown them to all. All handles on one database share them.
type stamps struct {
	seed   maphash.Seed
	counts [stampCount]atomic.Uint64
}

func newStamps() *stamps {
	s := &stamps{seed: maphash.MakeSeed()}
	for i := range s.counts {
		s.counts[i].Store(stampStep) // 0 tells nothing
	}
	return s
}

// of returns the stamp of the row at a key.
func (s *stamps) of(key []byte) *atomic.Uint64 {
	return &s.counts[maphash.Bytes(s.seed, key)%stampCount]
}

var _ table.Stamped = (*Table)(nil)

// Stamp implements table.Stamped.
func (t *Table) Stamp(name string, key table.Key) uint64 {
	var room [128]byte
	stamp := t.memory.stamps.of(appendRowKey(room[:0], name, key)).Load()
	if stamp%stampStep != 0 {
		return 0
	}
	return stamp
}

// NextStamp implements table.Stamped.
func (t *Table) NextStamp(stamp uint64) uint64 { return stamp + stampStep }

// begin begins the writes of changes: no reader has seen them yet. A put that needs a row to be
// absent, or the same, changes none.
func (s *stamps) begin(changes []change) {
	for i := range changes {
		c := &changes[i]
		if absent, _, _ := c.cond.Parts(); !absent && !c.cond.IsOnce() {
			c.stamp = s.of(c.key)
			c.stamp.Add(1)
		}
	}
}

// end ends what begin began: every new reader sees the changes, or none ever will.
func (s *stamps) end(changes []change) {
	for i := range changes {
		if stamp := changes[i].stamp; stamp != nil {
			stamp.Add(stampStep - 1)
		}
	}
}
