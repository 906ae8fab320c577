package table

import "time"

// timeLayout is how rows spell a time: UTC, microseconds, always as long, so that it sorts as text.
const timeLayout = "2006-01-02T15:04:05.000000Z"

// Time returns t as an attribute, in UTC and to the microsecond. The zero time is an empty string.
func Time(t time.Time) S {
	if t.IsZero() {
		return ""
	}
	return S(t.UTC().Format(timeLayout))
}

// Text returns the S of that name, and "" where there is none.
func (m Map) Text(name string) string {
	s, _ := m[name].(S)
	return string(s)
}

// Number returns the N of that name, and 0 where there is none.
func (m Map) Number(name string) int64 {
	n, _ := m[name].(N)
	return int64(n)
}

// Bytes returns the B of that name, and nil where there is none.
func (m Map) Bytes(name string) []byte {
	b, _ := m[name].(B)
	return b
}

// Texts returns the strings of the List of that name, and nil where there is none. An element that
// is not an S is "".
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

// Time returns the time of that name that the function Time spelled, and the zero time where there
// is none or where it does not read as one.
func (m Map) Time(name string) time.Time {
	t, err := time.Parse(timeLayout, m.Text(name))
	if err != nil {
		return time.Time{}
	}
	return t
}

// Reader reads attributes that must be there, and remembers the first that is missing or of another
// type. Rows of the journal are read with it; where a missing attribute means zero, Map's own
// methods do.
type Reader struct {
	attrs Map
	bad   string
}

// NewReader returns a Reader of a row's attributes.
func NewReader(attrs Map) *Reader { return &Reader{attrs: attrs} }

// Bad returns the name of the first attribute that could not be read, and "" where all could.
func (r *Reader) Bad() string { return r.bad }

// Fail makes name the attribute that could not be read, unless another one was before. Callers use
// it for a value that has the right type and the wrong form.
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

// Time reads an S that the function Time spelled; the zero time does not read.
func (r *Reader) Time(name string) time.Time {
	t, err := time.Parse(timeLayout, r.Text(name))
	if err != nil {
		r.Fail(name)
	}
	return t
}
