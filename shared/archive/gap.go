package archive

import (
	"fmt"
	"math"
	"slices"
	"time"

	"passbook/shared/segment"
)

// Gap is a part of a source that the archive lacks: a segment that is damaged, missing, or not the
// one that was sealed.
type Gap struct {
	Source segment.Source
	// Key is the segment at the gap's end; "" if unknown.
	Key string
	// After is the readable segment before the gap; the zero Link if the gap begins the source.
	After segment.Link
	// Last is the last sequence number of the gap; "" if unknown.
	Last string
	// Until is a time before which the records of the gap arrived, in microseconds; math.MaxInt64
	// if unknown.
	Until int64
	// What describes the gap to a person.
	What string
	// sourceBegan is when the source had its first record, or later.
	sourceBegan int64
}

// unbounded is the time of a gap whose end is unknown.
const unbounded = math.MaxInt64

// String describes the gap to a person.
func (g Gap) String() string { return g.What }

// contains reports whether a sequence number of the gap's source is in the gap.
func (g Gap) contains(sequence string) bool {
	return isAfter(sequence, g.After.Last) && (g.Last == "" || !isAfter(sequence, g.Last))
}

// Position is where the archive has an entry first.
type Position struct {
	Source  segment.Source
	Arrived time.Time
}

// GapAfter returns a gap that may contain later entries of an account, given the position of its
// last known entry; ok is false if no gap can. An account's records arrive in the order of its
// versions, in the one shard whose range of hash keys includes its own. So later entries arrived
// after this one, in its shard or in one that began after that shard had ended.
func (p Plan) GapAfter(last Position) (g Gap, ok bool) {
	for _, g := range p.Gaps {
		if last.Arrived.UnixMicro() < g.Until && (g.Source == last.Source || g.sourceBegan >= p.ends[last.Source]) {
			return g, true
		}
	}
	return Gap{}, false
}

// Without returns the plan with segments that turned out to be damaged as gaps, by their keys.
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

// arrivedUpTo returns when the segment of a source that ends at a sequence number ended; zero if
// there is none.
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

// isAfter reports whether one sequence number is after another. "" is before all.
func isAfter(a, b string) bool { return b == "" && a != "" || a != "" && compareSequence(a, b) > 0 }

// gapBefore returns the gap in a chain before the segment s.
func gapBefore(s *Planned, before segment.Link) Gap {
	g := Gap{Source: s.Name.Source, Key: s.Footer.Previous.Key, After: before, Last: s.Footer.Previous.Last, Until: s.Footer.Arrived.From}
	switch {
	case g.Key == "":
		g.Last = ""
		g.What = fmt.Sprintf("archive: %s names no segment before it, but follows %s", s.Key, before)
	case !isAfter(g.Last, before.Last):
		g.What = fmt.Sprintf("archive: %s should follow %s, but follows %s", s.Key, s.Footer.Previous, before)
	default:
		g.What = fmt.Sprintf("archive: %s is missing: %s should follow it", g.Key, s.Key)
	}
	return g
}

// gapAtEnd returns the gap of a damaged segment that no other follows.
func gapAtEnd(d damagedSegment, after segment.Link) Gap {
	return Gap{Source: d.Name.Source, Key: d.Key, After: after, Until: unbounded, What: d.Err.Error()}
}

// sameSegment reports whether two links are of one segment, under any day.
func sameSegment(a, b segment.Link) bool {
	return a.Last == b.Last && segment.ChainName(a.Key) == segment.ChainName(b.Key)
}
