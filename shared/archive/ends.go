package archive

import (
	"fmt"
	"slices"

	"passbook/shared/event"
	"passbook/shared/segment"
)

// markSuspects marks the segments of a source that are not the ones named by its end markers, or by
// the segments that follow them.
func (c chains) markSuspects(source segment.Source, segments []Planned) {
	for i := range segments[:max(0, len(segments)-1)] {
		s, next := &segments[i], &segments[i+1]
		named := next.Footer.Previous
		if named.Sum != (event.Hash{}) && named.Sum != s.Footer.Sum && sameSegment(named, segment.Link{Key: s.Key, Last: s.Footer.Last}) {
			s.Suspicion = fmt.Sprintf("archive: %s is not the segment that was archived: %s, which follows it, names another checksum", s.Key, next.Key)
		}
	}
	places := indexByFirst(segments)
	for _, m := range c.markers[source] {
		i, ok := places[m.Name.First]
		if !ok {
			continue
		}
		if s := &segments[i]; m.Last != s.Footer.Last || m.Sum != s.Footer.Sum {
			s.Suspicion = fmt.Sprintf("archive: %s is not the segment that was archived: its end marker has another checksum", s.Key)
		}
	}
}

// indexByFirst returns the indexes of segments by their first sequence numbers.
func indexByFirst(segments []Planned) map[string]int {
	places := make(map[string]int, len(segments))
	for i, s := range segments {
		places[s.Name.First] = i
	}
	return places
}

// markedGaps completes the gaps from the end markers, and adds gaps for segments that only a marker
// names.
func (c chains) markedGaps(source segment.Source, segments []Planned, gaps []Gap) []Gap {
	places := indexByFirst(segments)
	named := make(map[string]int, len(gaps))
	for i, g := range gaps {
		named[segment.ChainName(g.Key)] = i
	}
	for _, m := range c.markers[source] {
		i, inGap := named[segment.ChainName(m.Name.Key())]
		if _, ok := places[m.Name.First]; ok {
			continue
		}
		switch {
		case inGap:
			g := &gaps[i]
			if g.Last == "" {
				g.Last = m.Last
			}
			g.Until = min(g.Until, m.At+1)
		case !slices.ContainsFunc(gaps, func(g Gap) bool { return g.contains(m.Last) }):
			gaps = append(gaps, Gap{
				Source: source, Key: m.Name.Key(), After: linkBefore(segments, m.Last), Last: m.Last, Until: m.At + 1,
				What: fmt.Sprintf("archive: %s is missing: its end marker shows that it was archived", m.Name.Key()),
			})
		}
	}
	return gaps
}

// linkBefore returns the last of a source's segments that ends before a sequence number.
func linkBefore(segments []Planned, last string) segment.Link {
	i, _ := slices.BinarySearchFunc(segments, last, func(s Planned, last string) int { return compareSequence(s.Footer.Last, last) })
	if i == 0 {
		return segment.Link{}
	}
	return segment.Link{Key: segments[i-1].Key, Last: segments[i-1].Footer.Last, Sum: segments[i-1].Footer.Sum}
}

// firstMarked returns when the segment of the source's oldest marker ended; 0 without markers.
func (c chains) firstMarked(source segment.Source) int64 {
	if n := len(c.markers[source]); n > 0 {
		return c.markers[source][n-1].At
	}
	return 0
}

// addEnd adds to the plan how far a source was archived.
func (c chains) addEnd(source segment.Source, last segment.Link, gaps []Gap) {
	e := End{Source: source, Shard: source.String(), Last: c.retired.last(source, last.Last), Proven: len(c.markers[source]) > 0}
	if last.Key != "" {
		e.Arrived = microTime(c.plan.ends[source])
	}
	for _, m := range c.markers[source] {
		e.Ended = e.Ended || m.Ended
	}
	e.CompleteUpTo = e.Arrived
	for _, g := range gaps {
		e.CompleteUpTo = earlier(e.CompleteUpTo, c.plan.arrivedUpTo(source, g.After.Last))
	}
	c.plan.Ends = append(c.plan.Ends, e)
}
