package table

import (
	"strings"
	"time"
)

// timeLayout is the layout of times in rows: UTC, microseconds, of fixed length, so that times sort
// as text.
const timeLayout = "2006-01-02T15:04:05.000000Z"

// Time returns t as an attribute, in UTC and to the microsecond. The zero time is an empty string.
func Time(t time.Time) S {
	if t.IsZero() {
		return ""
	}
	return S(t.UTC().Format(timeLayout))
}

// Text returns the S of that name, "" if there is none.
func (m Map) Text(name string) string {
	s, _ := m[name].(S)
	return string(s)
}

// OwnText returns what Text does as a copy: the texts of a row that was read may share its memory.
func (m Map) OwnText(name string) string { return strings.Clone(m.Text(name)) }

// Number returns the N of that name, 0 if there is none.
func (m Map) Number(name string) int64 {
	n, _ := m[name].(N)
	return int64(n)
}

// Bytes returns the B of that name, nil if there is none.
func (m Map) Bytes(name string) []byte {
	b, _ := m[name].(B)
	return b
}

// Texts returns the strings of the List of that name, nil if there is none. An element that is not
// an S is "".
func (m Map) Texts(name string) []string {
	list, _ := m[name].(List)
	if len(list) == 0 {
		return nil
	}
	texts := make([]string, len(list))
	for i, v := range list {
		s, _ := v.(S)
		texts[i] = string(s)
	}
	return texts
}

// Time returns the time of that name, in the layout of the function Time. It returns the zero time
// if there is none or if it cannot be parsed.
func (m Map) Time(name string) time.Time {
	t, err := time.Parse(timeLayout, m.Text(name))
	if err != nil {
		return time.Time{}
	}
	return t
}

// Reader reads attributes that must exist, and remembers the first that is missing or has another
// type. The methods of Map read attributes that may be missing.
type Reader struct {
	attrs Map
	bad   string
}

// NewReader returns a Reader of a row's attributes.
func NewReader(attrs Map) *Reader { return &Reader{attrs: attrs} }

// Bad returns the name of the first attribute that could not be read, "" if there is none.
func (r *Reader) Bad() string { return r.bad }

// Fail records that the attribute of that name could not be read. Callers use it for a value that
// has the right type and the wrong form.
func (r *Reader) Fail(name string) {
	if r.bad == "" {
		r.bad = name
	}
}

// Text reads an S.
func (r *Reader) Text(name string) string {
	v, ok := r.attrs[name].(S)
	if !ok {
		r.Fail(name)
	}
	return string(v)
}

// Number reads an N.
func (r *Reader) Number(name string) int64 {
	v, ok := r.attrs[name].(N)
	if !ok {
		r.Fail(name)
	}
	return int64(v)
}

// Bytes reads a B, or the bytes of an S.
func (r *Reader) Bytes(name string) []byte {
	switch v := r.attrs[name].(type) {
	case S:
		return []byte(v)
	case B:
		return v
	}
	r.Fail(name)
	return nil
}

// Time reads a time in the layout of the function Time. The zero time counts as missing.
func (r *Reader) Time(name string) time.Time {
	t, err := time.Parse(timeLayout, r.Text(name))
	if err != nil {
		r.Fail(name)
	}
	return t
}
