package pebbletable

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"passbook/shared/table"
)

// A stored row is a version byte and the attributes, encoded like a map. A value is a tag and its
// content; lengths and counts are unsigned varints, numbers zigzag varints. The key and the indexes
// are not in the value.
const (
	rowFormat byte = 1

	tagS     byte = 'S'
	tagN     byte = 'N'
	tagB     byte = 'B'
	tagTrue  byte = 'T'
	tagFalse byte = 'F'
	tagList  byte = 'L'
	tagMap   byte = 'M'
)

var errDamaged = errors.New("stored row is damaged")

func appendRow(to []byte, attrs table.Map) []byte {
	return appendPairs(append(to, rowFormat), attrs)
}

func appendPairs(to []byte, m table.Map) []byte {
	to = binary.AppendUvarint(to, uint64(len(m)))
	for name, v := range m {
		to = appendText(to, name)
		to = appendValue(to, v)
	}
	return to
}

func appendText(to []byte, s string) []byte {
	return append(binary.AppendUvarint(to, uint64(len(s))), s...)
}

func appendValue(to []byte, v table.Value) []byte {
	switch v := v.(type) {
	case table.S:
		return appendText(append(to, tagS), string(v))
	case table.N:
		return binary.AppendVarint(append(to, tagN), int64(v))
	case table.B:
		return append(binary.AppendUvarint(append(to, tagB), uint64(len(v))), v...)
	case table.Bool:
		if v {
			return append(to, tagTrue)
		}
		return append(to, tagFalse)
	case table.List:
		to = binary.AppendUvarint(append(to, tagList), uint64(len(v)))
		for _, e := range v {
			to = appendValue(to, e)
		}
		return to
	case table.Map:
		return appendPairs(append(to, tagMap), v)
	}
	panic(fmt.Sprintf("pebbletable: value of type %T passed the check", v))
}

// decodeRow returns a copy of a stored row. All its strings share one copy of the value.
func decodeRow(value []byte) (table.Map, error) {
	d := decoder{text: string(value)}
	if d.byte() != rowFormat {
		return nil, errDamaged
	}
	m := d.pairs()
	if d.bad || d.text != "" {
		return nil, errDamaged
	}
	return m, nil
}

// decoder reads values from the front of text. Once it is bad it returns zeros.
type decoder struct {
	text string
	bad  bool
}

func (d *decoder) byte() byte {
	if d.text == "" {
		d.bad = true
		return 0
	}
	b := d.text[0]
	d.text = d.text[1:]
	return b
}

func (d *decoder) uvarint() uint64 {
	var x uint64
	for shift := uint(0); shift < 64; shift += 7 {
		b := d.byte()
		x |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return x
		}
	}
	d.bad = true
	return 0
}

// count reads a number of elements. Each element has at least one byte, which bounds the memory
// that a damaged count can ask for.
func (d *decoder) count() int {
	n := d.uvarint()
	if n > uint64(len(d.text)) {
		d.bad = true
		return 0
	}
	return int(n)
}

func (d *decoder) take() string {
	n := d.count()
	s := d.text[:n]
	d.text = d.text[n:]
	return s
}

func (d *decoder) pairs() table.Map {
	n := d.count()
	m := make(table.Map, n)
	for i := 0; i < n && !d.bad; i++ {
		name := d.take()
		m[name] = d.value()
	}
	return m
}

func (d *decoder) value() table.Value {
	switch d.byte() {
	case tagS:
		return table.S(d.take())
	case tagN:
		u := d.uvarint()
		return table.N(int64(u>>1) ^ -int64(u&1))
	case tagB:
		return table.B(d.take())
	case tagTrue:
		return table.Bool(true)
	case tagFalse:
		return table.Bool(false)
	case tagList:
		n := d.count()
		l := make(table.List, 0, n)
		for i := 0; i < n && !d.bad; i++ {
			l = append(l, d.value())
		}
		return l
	case tagMap:
		return d.pairs()
	}
	d.bad = true
	return nil
}

// lookup returns the encoded value of one attribute of a stored row, or of what is kept of one, and
// skips the others without decoding them.
func lookup(row []byte, attr string) (value []byte, found bool, err error) {
	if len(row) == 0 || row[0] != rowFormat {
		return nil, false, errDamaged
	}
	n, rest, err := cutUvarint(row[1:])
	for ; n > 0 && err == nil; n-- {
		var name []byte
		if name, rest, err = cutText(rest); err != nil {
			break
		}
		var after []byte
		if after, err = skip(rest); err != nil {
			break
		}
		if string(name) == attr {
			return rest[:len(rest)-len(after)], rest[0] != tagNone, nil
		}
		rest = after
	}
	return nil, false, err
}

func cutUvarint(b []byte) (uint64, []byte, error) {
	n, size := binary.Uvarint(b)
	if size <= 0 {
		return 0, nil, errDamaged
	}
	return n, b[size:], nil
}

func cutText(b []byte) (text, rest []byte, err error) {
	n, b, err := cutUvarint(b)
	if err != nil || n > uint64(len(b)) {
		return nil, nil, errDamaged
	}
	return b[:n], b[n:], nil
}

// skip returns what follows the value at the front of b.
func skip(b []byte) (rest []byte, err error) {
	if len(b) == 0 {
		return nil, errDamaged
	}
	tag, b := b[0], b[1:]
	switch tag {
	case tagTrue, tagFalse, tagNone:
		return b, nil
	case tagN:
		_, b, err = cutUvarint(b)
		return b, err
	case tagS, tagB:
		_, b, err = cutText(b)
		return b, err
	case tagList, tagMap:
		n, b, err := cutUvarint(b)
		for ; n > 0 && err == nil; n-- {
			if tag == tagMap {
				if _, b, err = cutText(b); err != nil {
					return nil, err
				}
			}
			b, err = skip(b)
		}
		return b, err
	}
	return nil, errDamaged
}

// equals reports whether an encoded value is v, an S, N, B or Bool. It is false of other values.
func equals(encoded []byte, v table.Value) bool {
	if len(encoded) == 0 {
		return false
	}
	tag, rest := encoded[0], encoded[1:]
	switch v := v.(type) {
	case table.S:
		text, _, err := cutText(rest)
		return tag == tagS && err == nil && string(text) == string(v)
	case table.B:
		text, _, err := cutText(rest)
		return tag == tagB && err == nil && bytes.Equal(text, v)
	case table.N:
		n, size := binary.Varint(rest)
		return tag == tagN && size > 0 && n == int64(v)
	case table.Bool:
		return tag == tagTrue && bool(v) || tag == tagFalse && !bool(v)
	}
	return false
}
