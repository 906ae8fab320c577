package eventtable

import (
	"cmp"
	"slices"
	"time"

	"passbook/shared/event"
	"passbook/shared/segment"
)

// mark is how far the table has an account: its newest entry.
type mark struct {
	last int64
	hash event.Hash
}

// arrival is an entry as a segment has it. Of one that is damaged only the versions are known.
type arrival struct {
	*event.Entry
	key     string // of the segment
	source  segment.Source
	arrived time.Time
	damage  error
	// unproven is why nothing shows yet that the entry is the bank's.
	unproven error
}

// verdict is what follows from the entries that came of an account.
type verdict struct {
	taken, waiting []arrival
	// older are those at versions that the table has from before: repeats, unless it has others.
	older []arrival
	// forks are the entries that contradict what the table has: they are left out.
	forks []arrival
}

// follow takes the entries that follow, in the order of their versions, and moves the mark. Of two
// that follow the same entry it takes the one of the older incarnation of the stream, or that came
// first.
func (m *mark) follow(came []arrival) (v verdict) {
	slices.SortStableFunc(came, func(a, b arrival) int {
		return cmp.Or(cmp.Compare(a.First, b.First), a.source.Created.Compare(b.source.Created), a.arrived.Compare(b.arrived))
	})
	begin, known := m.last, map[int64]event.Hash{m.last: m.hash} // by the last version of an entry
	for _, e := range came {
		doubtful := e.damage != nil || e.unproven != nil
		switch {
		case e.Last <= m.last && doubtful, known[e.Last] == e.Hash && !doubtful:
			// those at its versions are in the table
		case e.Last < begin:
			v.older = append(v.older, e)
		case e.First <= m.last:
			v.forks = append(v.forks, e)
		case doubtful || e.First > m.last+1 || e.Prev != m.hash:
			v.waiting = append(v.waiting, e)
		default:
			m.last, m.hash = e.Last, e.Hash
			known[e.Last] = e.Hash
			v.taken = append(v.taken, e)
		}
	}
	v.waiting = slices.DeleteFunc(v.waiting, func(e arrival) bool {
		passed := e.First <= m.last
		if passed && e.damage == nil && e.unproven == nil && known[e.Last] != e.Hash {
			v.forks = append(v.forks, e)
		}
		return passed
	})
	return v
}
