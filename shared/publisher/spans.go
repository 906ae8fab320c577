package publisher

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// spans is a set of entry counters, as the ranges that they fill. The zero spans is empty.
type spans struct{ list []span }

type span struct{ from, to int64 }

// maxSpans is how many ranges of a set are stored. The entries of the others are sent once more.
const maxSpans = 1000

// has reports whether n is in the set.
func (s *spans) has(n int64) bool {
	i, found := s.find(n)
	return found || i > 0 && n <= s.list[i-1].to
}

// find returns the place of the range that begins at n, or the place where it would be.
func (s *spans) find(n int64) (int, bool) {
	return slices.BinarySearchFunc(s.list, n, func(x span, n int64) int { return cmp.Compare(x.from, n) })
}

// add adds n to the set.
func (s *spans) add(n int64) {
	if s.has(n) {
		return
	}
	i, _ := s.find(n)
	before, after := i > 0 && s.list[i-1].to == n-1, i < len(s.list) && s.list[i].from == n+1
	switch {
	case before && after:
		s.list[i-1].to = s.list[i].to
		s.list = slices.Delete(s.list, i, i+1)
	case before:
		s.list[i-1].to = n
	case after:
		s.list[i].from = n
	default:
		s.list = slices.Insert(s.list, i, span{n, n})
	}
}

// String returns the first maxSpans ranges of the set as text: "1-7 9-9".
func (s *spans) String() string {
	var b []byte
	for i, x := range s.list[:min(len(s.list), maxSpans)] {
		if i > 0 {
			b = append(b, ' ')
		}
		b = strconv.AppendInt(b, x.from, 10)
		b = append(b, '-')
		b = strconv.AppendInt(b, x.to, 10)
	}
	return string(b)
}

// parseSpans reads what String wrote. Of a damaged text it returns the empty set: what was sent is
// then sent again.
func parseSpans(text string) (s spans) {
	for part := range strings.FieldsSeq(text) {
		first, second, _ := strings.Cut(part, "-")
		from, err := strconv.ParseInt(first, 10, 64)
		to, err2 := strconv.ParseInt(second, 10, 64)
		if n := len(s.list); err != nil || err2 != nil || from > to || n > 0 && from <= s.list[n-1].to+1 {
			return spans{}
		}
		s.list = append(s.list, span{from, to})
	}
	return s
}
