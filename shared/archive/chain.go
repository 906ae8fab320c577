package archive

import (
	"cmp"
	"fmt"
	"slices"

	"passbook/shared/segment"
	"passbook/shared/stream"
)

var compareSequence = stream.CompareSequence

// damagedSegment is an object with the key of a segment that cannot be read.
type damagedSegment struct {
	Object
	Err error
}

// chains puts the segments of each source in order. It finds the gaps of each chain, and the
// segments that belong to none.
type chains struct {
	whole   map[segment.Source][]Planned
	damaged map[segment.Source][]damagedSegment
	// markers has the end markers of each source, the newest first.
	markers map[segment.Source][]EndMarker
	retired retirements
	// from has the first sequence number of the part of a source that is read, if not all of it is.
	from map[segment.Source]string
	plan *Plan
}

// linkAll links the chains of all sources into the plan.
func (c chains) linkAll() {
	sources := map[segment.Source]bool{}
	for s := range c.whole {
		sources[s] = true
	}
	for s := range c.damaged {
		sources[s] = true
	}
	for s := range c.markers {
		sources[s] = true
	}
	c.plan.begins, c.plan.ends = map[segment.Source]int64{}, map[segment.Source]int64{}
	for _, source := range sortedSources(sources) {
		c.linkSource(source)
	}
}

func sortedSources(set map[segment.Source]bool) []segment.Source {
	sources := make([]segment.Source, 0, len(set))
	for s := range set {
		sources = append(sources, s)
	}
	slices.SortFunc(sources, func(a, b segment.Source) int { return cmp.Compare(a.String(), b.String()) })
	return sources
}

// linkSource links the chain of one source.
func (c chains) linkSource(source segment.Source) {
	segments := c.withoutCopies(source)
	c.markSuspects(source, segments)
	var gaps []Gap
	end := c.begin(source, segments)
	for i := range segments {
		s := &segments[i]
		switch {
		case sameSegment(s.Footer.Previous, end):
		case s.ofOtherSource():
			c.plan.Strays.add(s.Key, "a copy of another shard's segment, whose chain is not here")
			continue
		case i+1 < len(segments) && sameSegment(segments[i+1].Footer.Previous, end):
			c.plan.Strays.add(s.Key, "it does not belong to the shard's chain")
			continue
		default:
			gaps = append(gaps, gapBefore(s, end))
		}
		c.plan.widen(s)
		before := end
		end = segment.Link{Key: s.Key, Last: s.Footer.Last, Sum: s.Footer.Sum}
		if c.retired.contains(source, s.Key) {
			continue
		}
		if s.suspect() {
			gaps = append(gaps, Gap{
				Source: source, Key: s.Key, After: before, Last: s.Footer.Last, Until: s.Footer.Arrived.To + 1, What: s.Suspicion,
			})
		}
		c.plan.Segments = append(c.plan.Segments, *s)
	}
	gaps = append(gaps, c.damagedGaps(source, gaps, end)...)
	gaps = c.retired.withoutRetired(c.markedGaps(source, segments, gaps))
	c.addEnd(source, end, gaps)
	for i := range gaps {
		gaps[i].sourceBegan = cmp.Or(c.plan.begins[source], c.firstMarked(source), unbounded)
	}
	c.plan.Gaps = append(c.plan.Gaps, gaps...)
}

// withoutCopies returns the readable segments of a source in sequence order. A copy of one under
// another day is a stray. So is one of two that begin with the same record in different formats, as
// when a second archiver took the shard and the first did not know yet that the format had changed:
// the one that no segment follows, else the shorter one.
func (c chains) withoutCopies(source segment.Source) []Planned {
	segments := c.whole[source]
	followed := map[string]bool{}
	for _, s := range segments {
		followed[s.Footer.Previous.Key] = true
	}
	slices.SortFunc(segments, func(a, b Planned) int {
		return cmp.Or(compareSequence(a.Name.First, b.Name.First), cmp.Compare(b.underItsDay(), a.underItsDay()), cmp.Compare(a.Key, b.Key))
	})
	distinct := segments[:0]
	for _, s := range segments {
		if n := len(distinct); n > 0 && distinct[n-1].Name.First == s.Name.First && distinct[n-1].Footer.Sum == s.Footer.Sum {
			c.plan.Strays.add(s.Key, "a copy of "+distinct[n-1].Key)
			continue
		}
		if n := len(distinct); n > 0 && distinct[n-1].Name.First == s.Name.First && distinct[n-1].Name.Format != s.Name.Format {
			other := &distinct[n-1]
			if followed[s.Key] || !followed[other.Key] && isAfter(s.Footer.Last, other.Footer.Last) {
				s, *other = *other, s
			}
			c.plan.Strays.add(s.Key, "made of the same records as "+other.Key)
			continue
		}
		distinct = append(distinct, s)
	}
	return distinct
}

// damagedGaps returns the gaps that damaged objects make, or describes them in gaps that are known.
// A damaged object that the chain does not need is a stray.
func (c chains) damagedGaps(source segment.Source, gaps []Gap, end segment.Link) (more []Gap) {
	for _, d := range c.damaged[source] {
		at := slices.IndexFunc(gaps, func(g Gap) bool { return segment.ChainName(g.Key) == segment.ChainName(d.Key) })
		within := slices.IndexFunc(gaps, func(g Gap) bool { return g.contains(d.Name.First) })
		switch {
		case at >= 0:
			gaps[at].What = d.Err.Error()
		case c.retired.containsSequence(source, d.Name.First):
		case within >= 0:
			g := gaps[within]
			g.Key, g.Last, g.What = d.Key, "", d.Err.Error()
			more = append(more, g)
		case isAfter(d.Name.First, end.Last):
			more = append(more, gapAtEnd(d, end))
		default:
			c.plan.Strays.add(d.Key, fmt.Sprintf("it does not belong to the shard's chain: %v", d.Err))
		}
	}
	return more
}

// ofOtherSource reports whether the segment continues another source's chain.
func (s *Planned) ofOtherSource() bool {
	previous, err := segment.ParseKey(s.Footer.Previous.Key)
	return err == nil && previous.Source != s.Name.Source
}

// underItsDay returns 1 for a segment whose key has the day when its first record arrived, else 0.
func (s *Planned) underItsDay() int {
	if s.Key == (segment.Name{Source: s.Name.Source, Format: s.Name.Format, Date: microTime(s.Footer.Arrived.From), First: s.Name.First}).Key() {
		return 1
	}
	return 0
}
