package archive

import (
	"cmp"
	"fmt"
	"slices"

	"passbook/shared/segment"
	"passbook/shared/stream"
)

var compareSequence = stream.CompareSequence

// damagedSegment is an object with the key of a segment whose footer does not prove it to be one.
type damagedSegment struct {
	Object
	Err error
}

// chains puts the segments of each source in order, and finds what its chain lacks and what it has
// no place for.
type chains struct {
	whole   map[segment.Source][]Planned
	damaged map[segment.Source][]damagedSegment
	// markers are the newest first.
	markers map[segment.Source][]EndMarker
	retired retirements
	plan    *Plan
}

// link holds the chains together, each in its turn.
func (c chains) link() {
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
		c.source(source)
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

// source links the chain of one source.
func (c chains) source(source segment.Source) {
	segments := c.distinct(source)
	c.judge(source, segments)
	var gaps []Gap
	var end segment.Link
	for i := range segments {
		s := &segments[i]
		switch {
		case sameSegment(s.Footer.Previous, end):
		case s.foreign():
			c.plan.Strays.add(s.Key, "a copy of another shard's segment: nothing of its chain is here")
			continue
		case i+1 < len(segments) && sameSegment(segments[i+1].Footer.Previous, end):
			c.plan.Strays.add(s.Key, "the shard's chain has no place for it")
			continue
		default:
			gaps = append(gaps, missing(s, end))
		}
		c.plan.span(s)
		before := end
		end = segment.Link{Key: s.Key, Last: s.Footer.Last}
		if c.retired.retires(source, s.Key) {
			continue
		}
		if s.doubted() {
			gaps = append(gaps, Gap{
				Source: source, Key: s.Key, After: before, Last: s.Footer.Last, Until: s.Footer.Arrived.To + 1, What: s.Suspicion,
			})
		}
		c.plan.Segments = append(c.plan.Segments, *s)
	}
	gaps = append(gaps, c.damages(source, gaps, end)...)
	gaps = c.retired.fill(c.lost(source, segments, gaps))
	c.end(source, end, gaps)
	for i := range gaps {
		gaps[i].begun = cmp.Or(c.plan.begins[source], c.firstMarked(source), unknown)
	}
	c.plan.Gaps = append(c.plan.Gaps, gaps...)
}

// distinct are the whole segments of a source in sequence order, each once: a copy of one under
// another day is a stray.
func (c chains) distinct(source segment.Source) []Planned {
	segments := c.whole[source]
	slices.SortFunc(segments, func(a, b Planned) int {
		return cmp.Or(compareSequence(a.Name.First, b.Name.First), cmp.Compare(b.inPlace(), a.inPlace()), cmp.Compare(a.Key, b.Key))
	})
	distinct := segments[:0]
	for _, s := range segments {
		if n := len(distinct); n > 0 && distinct[n-1].Name.First == s.Name.First && distinct[n-1].Footer.Sum == s.Footer.Sum {
			c.plan.Strays.add(s.Key, "a copy of "+distinct[n-1].Key)
			continue
		}
		distinct = append(distinct, s)
	}
	return distinct
}

// damages gives what the chain needs of the damaged objects to the gaps. What it has no place for
// is a stray.
func (c chains) damages(source segment.Source, gaps []Gap, end segment.Link) (more []Gap) {
	for _, d := range c.damaged[source] {
		at := slices.IndexFunc(gaps, func(g Gap) bool { return undated(g.Key) == undated(d.Key) })
		within := slices.IndexFunc(gaps, func(g Gap) bool { return g.covers(d.Name.First) })
		switch {
		case at >= 0:
			gaps[at].What = d.Err.Error()
		case c.retired.reaches(source, d.Name.First):
		case within >= 0:
			g := gaps[within]
			g.Key, g.Last, g.What = d.Key, "", d.Err.Error()
			more = append(more, g)
		case above(d.Name.First, end.Last):
			more = append(more, damagedEnd(d, end))
		default:
			c.plan.Strays.add(d.Key, fmt.Sprintf("the shard's chain has no place for it: %v", d.Err))
		}
	}
	return more
}

// foreign says that the segment's chain is another source's.
func (s *Planned) foreign() bool {
	previous, err := segment.ParseKey(s.Footer.Previous.Key)
	return err == nil && previous.Source != s.Name.Source
}

// inPlace is 1 for a segment that lies under the day when its first record arrived, else 0.
func (s *Planned) inPlace() int {
	if s.Key == (segment.Name{Source: s.Name.Source, Date: microTime(s.Footer.Arrived.From), First: s.Name.First}).Key() {
		return 1
	}
	return 0
}
