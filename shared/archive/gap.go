package archive

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"passbook/shared/segment"
)

// Gap is a part of a source that the archive does not give: a segment that is damaged, missing, or
// another than the one that was sealed.
type Gap struct {
	Source segment.Source
	// Key is the segment at the gap's end; "" where nothing tells it.
	Key string
	// After is the whole segment before the gap; the zero Link when it begins the source.
	After segment.Link
	// Last is the sequence number up to which the gap goes; "" where nothing tells it.
	Last string
	// Until bounds when the records of the gap arrived, in microseconds; math.MaxInt64 where
	// nothing tells it.
	Until int64
	// What tells a person what is wrong.
	What string
	// sourceBegan is when the source had its first record, or later.
	sourceBegan int64
}

// unbounded is a time that nothing bounds.
const unbounded = math.MaxInt64

// String tells a person what is wrong.
func (g Gap) String() string { return g.What }

// contains says whether a sequence number of the gap's source lies in the gap.
func (g Gap) contains(sequence string) bool {
	return isAfter(sequence, g.After.Last) && (g.Last == "" || !isAfter(sequence, g.Last))
}

// Position is where the archive has an entry, at the earliest.
type Position struct {
	Source  segment.Source
	Arrived time.Time
}

// GapAfter names a gap that may hold more of an account than is known of it, given where its last
// known entry is; ok is false when none can. An account's records arrive in the order of its
// versions, on the one shard whose range of hashes its name falls into: what follows the entry
// arrived after it, on its own shard or on one that began when that had ended.
func (p Plan) GapAfter(last Position) (g Gap, ok bool) {
	for _, g := range p.Gaps {
		if last.Arrived.UnixMicro() < g.Until && (g.Source == last.Source || g.sourceBegan >= p.ends[last.Source]) {
			return g, true
		}
	}
	return Gap{}, false
}

// Without is the plan with a segment that turned out to be damaged as a gap.
func (p Plan) Without(damage map[string]error) Plan {
	for i := range p.Segments {
		s := &p.Segments[i]
		err, damaged := damage[s.Key]
		if !damaged {
			continue
		}
		p.Gaps = append(p.Gaps[:len(p.Gaps):len(p.Gaps)], Gap{
			Source: s.Name.Source, Key: s.Key, After: s.Footer.Previous, Last: s.Footer.Last, Until: s.Footer.Arrived.To + 1,
			What: err.Error(), sourceBegan: p.begins[s.Name.Source],
		})
		p.Ends = slices.Clone(p.Ends)
		for i := range p.Ends {
			if e := &p.Ends[i]; e.Source == s.Name.Source {
				e.CompleteUpTo = earlier(e.CompleteUpTo, p.arrivedUpTo(s.Name.Source, s.Footer.Previous.Last))
			}
		}
	}
	return p
}

// arrivedUpTo is when the segment of a source that ends at a sequence number ended; zero when there
// is none.
func (p Plan) arrivedUpTo(source segment.Source, last string) time.Time {
	for i := range p.Segments {
		if s := &p.Segments[i]; s.Name.Source == source && s.Footer.Last == last {
			return microTime(s.Footer.Arrived.To)
		}
	}
	return time.Time{}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// isAfter compares sequence numbers, of which "" is before all.
func isAfter(a, b string) bool { return b == "" && a != "" || a != "" && compareSequence(a, b) > 0 }

// gapBefore tells of a gap in a chain before the segment s.
func gapBefore(s *Planned, before segment.Link) Gap {
	g := Gap{Source: s.Name.Source, Key: s.Footer.Previous.Key, After: before, Last: s.Footer.Previous.Last, Until: s.Footer.Arrived.From}
	switch {
	case g.Key == "":
		g.Last = ""
		g.What = fmt.Sprintf("archive: %s says that it is the first of its shard, but before it is %s", s.Key, before)
	case !isAfter(g.Last, before.Last):
		g.What = fmt.Sprintf("archive: %s comes after %s, but what is there before it is %s", s.Key, s.Footer.Previous, before)
	default:
		g.What = fmt.Sprintf("archive: %s is missing: %s comes after it", g.Key, s.Key)
	}
	return g
}

// gapAtEnd is the gap of a damaged segment that nothing follows.
func gapAtEnd(d damagedSegment, after segment.Link) Gap {
	return Gap{Source: d.Name.Source, Key: d.Key, After: after, Until: unbounded, What: d.Err.Error()}
}

// withoutDay is a segment's key without its day: a segment that lies under another day is still the
// one that a chain names.
func withoutDay(key string) string {
	rest, _ := strings.CutPrefix(key, segment.Root+"date=")
	_, name, _ := strings.Cut(rest, "/")
	return name
}

// sameSegment reports whether two links are of one segment, under any day.
func sameSegment(a, b segment.Link) bool {
	return a.Last == b.Last && withoutDay(a.Key) == withoutDay(b.Key)
}
