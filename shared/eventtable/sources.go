package eventtable

import (
	"maps"
	"slices"
	"strings"

	"passbook/shared/archive"
	"passbook/shared/segment"
	"passbook/shared/stream"
)

// The names in the summary of a snapshot. The sequence numbers that each source was read up to are
// under readName and the source; waitingName has the keys of segments with entries that wait, a
// line each; marksName has the key of the marks, which the last snapshot of a run names.
const (
	formatName  = "passbook.format"
	bankName    = "passbook.bank"
	readName    = "passbook.read."
	waitingName = "passbook.waiting"
	marksName   = "passbook.marks"
)

// format is that of the table: its columns, and the names in the summary.
const format = "1"

// sources are how far the table has read the archive.
type sources struct {
	read    map[string]string // by source
	waiting map[string]bool   // by key
	// limit is how far a source may be read for good: to its first gap, which may be repaired.
	limit map[string]string
}

func newSources(summary map[string]string) sources {
	s := sources{map[string]string{}, map[string]bool{}, map[string]string{}}
	for name, value := range summary {
		if source, ok := strings.CutPrefix(name, readName); ok {
			s.read[source] = value
		}
	}
	for key := range strings.Lines(summary[waitingName]) {
		s.waiting[strings.TrimSpace(key)] = true
	}
	return s
}

// bound has a source read for good no further than a sequence number, "" before all.
func (s sources) bound(of segment.Source, last string) {
	if at, ok := s.limit[of.String()]; !ok || after(at, last) {
		s.limit[of.String()] = last
	}
}

// isNew reports whether no earlier run has read a segment for good.
func (s sources) isNew(p archive.Planned) bool {
	return after(p.Footer.Last, s.read[p.Name.Source.String()])
}

// Passed reports whether a snapshot's summary says that a segment was read for good: none of its
// entries waits.
func Passed(summary map[string]string, p archive.Planned) bool {
	s := newSources(summary)
	return !s.isNew(p) && !s.waiting[p.Key]
}

// passed notes that a segment was read.
func (s sources) passed(p archive.Planned) {
	source := p.Name.Source.String()
	if limit, bounded := s.limit[source]; bounded && after(p.Footer.Last, limit) {
		return
	}
	if s.isNew(p) {
		s.read[source] = p.Footer.Last
	}
}

// after reports whether a sequence number is greater than another one, or there is no other.
func after(sequence, than string) bool {
	switch {
	case sequence == "":
		return false
	case than == "":
		return true
	}
	return stream.CompareSequence(sequence, than) > 0
}

// summary returns what a snapshot says.
func (s sources) summary(bank string) map[string]string {
	out := map[string]string{formatName: format, bankName: bank}
	for source, last := range s.read {
		out[readName+source] = last
	}
	if len(s.waiting) > 0 {
		out[waitingName] = strings.Join(slices.Sorted(maps.Keys(s.waiting)), "\n")
	}
	return out
}

// saidBy reports whether a summary says the same.
func (s sources) saidBy(summary map[string]string) bool {
	said := newSources(summary)
	return maps.Equal(said.read, s.read) && maps.Equal(said.waiting, s.waiting)
}

// inOrder returns the segments that are to be read, by when they arrived, and those of a source in
// the order of its chain.
func (s sources) inOrder(plan archive.Plan) (all []archive.Planned) {
	runs := plan.Filter(s.isNew).Runs()
	for {
		var next *archive.Run
		for i := range runs {
			r := &runs[i]
			if len(r.Segments) > 0 && (next == nil || r.Segments[0].Footer.Arrived.From < next.Segments[0].Footer.Arrived.From) {
				next = r
			}
		}
		if next == nil {
			return all
		}
		all, next.Segments = append(all, next.Segments[0]), next.Segments[1:]
	}
}
