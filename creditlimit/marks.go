package creditlimit

import (
	"slices"
	"strconv"
	"strings"
)

// maxMarks bounds the marks of a row, which then take some 400 bytes.
const maxMarks = 64

// count is how many declines there were up to a version.
type count struct{ version, declines int64 }

// A row's marks are counts at declines, by rising version, as the text
//
//	<versions since the mark before>[.<declines since then, if not 1>] …
//
// with numbers of base 36. A row has the marks of all its declines or, if an earlier release folded
// some of them, none.

// mark returns the marks with those of one more decline, at a version.
func (s State) mark(version int64) string {
	if s.Declines > 1 && s.Marks == "" {
		return ""
	}
	all := append(marksOf(s.Marks), count{version, s.Declines})
	if len(all) > maxMarks {
		all = thinned(all)
	}
	return textOf(all)
}

// thinned returns the marks without the one between whose neighbours there are the fewest versions,
// so that the declines between two marks are never far to look for. The last mark stays.
func thinned(all []count) []count {
	least, at := int64(0), -1
	before := int64(0)
	for i := range len(all) - 1 {
		if between := all[i+1].version - before; at < 0 || between < least {
			least, at = between, i
		}
		before = all[i].version
	}
	return slices.Delete(all, at, at+1)
}

// textOf returns marks as a row has them.
func textOf(all []count) string {
	var text strings.Builder
	before := count{}
	for i, c := range all {
		if i > 0 {
			text.WriteByte(' ')
		}
		text.WriteString(strconv.FormatInt(c.version-before.version, 36))
		if n := c.declines - before.declines; n != 1 {
			text.WriteString("." + strconv.FormatInt(n, 36))
		}
		before = c
	}
	return text.String()
}

// marksOf returns the marks of a row, nil where it has none or they cannot be read.
func marksOf(text string) (all []count) {
	at := count{}
	for _, part := range strings.Fields(text) {
		versions, declines, several := strings.Cut(part, ".")
		v, err := strconv.ParseInt(versions, 36, 64)
		n := int64(1)
		if err == nil && several {
			n, err = strconv.ParseInt(declines, 36, 64)
		}
		if err != nil || v < 1 || n < 1 {
			return nil
		}
		at.version, at.declines = at.version+v, at.declines+n
		all = append(all, at)
	}
	return all
}

// known returns the counts that a row knows, by rising version: before and after each decline that
// has a mark, before the first version, and at the row's own.
func known(row Row) []count {
	all, marks := []count{{}}, marksOf(row.State.Marks)
	if n := len(marks); n > 0 && (marks[n-1].version > row.Version || marks[n-1].declines != row.State.Declines) {
		marks = nil // they are not this row's
	}
	for _, m := range marks {
		if last := all[len(all)-1]; m.version-1 > last.version {
			all = append(all, count{m.version - 1, m.declines - 1})
		}
		all = append(all, m)
	}
	if last := all[len(all)-1]; row.Version > last.version {
		all = append(all, count{row.Version, row.State.Declines})
	}
	return all
}
