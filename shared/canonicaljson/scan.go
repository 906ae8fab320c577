package canonicaljson

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// field writes or expects the name of a field that must be there.
func (c *Codec) field(name string) {
	switch {
	case c.err != nil:
	case !c.reading:
		c.name(name)
	case !c.match(name):
		c.Fail(name, "must come next, not "+strconv.Quote(c.nextName()))
	}
}

// optional writes the name of a field unless the field is empty, or reads the name if it comes
// next. It reports whether the field is there.
func (c *Codec) optional(name string, empty bool) bool {
	switch {
	case c.err != nil:
		return false
	case c.reading:
		return c.match(name)
	case empty:
		return false
	}
	c.name(name)
	return true
}

// name writes a field's name, and a comma unless it is the object's first.
func (c *Codec) name(name string) {
	if c.out[len(c.out)-1] != '{' {
		c.out = append(c.out, ',')
	}
	c.out = append(c.out, '"')
	c.out = append(c.out, name...)
	c.out = append(c.out, '"', ':')
}

// match reads a field's name, and the comma before it unless it is the object's first, and reports
// whether that is what came next.
func (c *Codec) match(name string) bool {
	in, start := c.in, c.pos
	if start > 0 && in[start-1] != '{' {
		if start == len(in) || in[start] != ',' {
			return false
		}
		start++
	}
	end := start + len(name) + len(`"":`)
	if end > len(in) || in[start] != '"' || in[end-2] != '"' || in[end-1] != ':' || in[start+1:end-2] != name {
		return false
	}
	c.pos = end
	return true
}

// next reports whether the next field has the name. It reads nothing.
func (c *Codec) next(name string) bool {
	start := c.pos
	found := c.err == nil && c.match(name)
	c.pos = start
	return found
}

// nextName returns the text at the place where a field's name is expected, for messages.
func (c *Codec) nextName() string {
	rest := strings.TrimLeft(c.in[min(c.pos, len(c.in)):], ",\"")
	if i := strings.IndexAny(rest, "\"}"); i >= 0 {
		rest = rest[:i]
	}
	if len(rest) > 40 {
		rest = rest[:40]
	}
	return strings.ToValidUTF8(rest, "\uFFFD")
}

func (c *Codec) peek() byte {
	if c.pos < len(c.in) {
		return c.in[c.pos]
	}
	return 0
}

func (c *Codec) expect(b byte, field string) {
	if c.err != nil {
		return
	}
	if c.peek() != b {
		c.Fail(field, "want "+string(rune(b))+" at byte "+strconv.Itoa(c.pos))
		return
	}
	c.pos++
}

// integer writes or reads a number: no sign but a minus, no superfluous digits, no fraction, no
// exponent.
func (c *Codec) integer(name string, v *int64, least, most int64) {
	if c.err != nil {
		return
	}
	if c.reading {
		n, end, ok := parseInt(c.in, c.pos)
		if !ok {
			c.Fail(name, "must be an integer")
			return
		}
		*v, c.pos = n, end
	}
	if *v < least || *v > most {
		c.Fail(name, "must be "+strconv.FormatInt(least, 10)+" to "+strconv.FormatInt(most, 10))
		return
	}
	if !c.reading {
		c.out = strconv.AppendInt(c.out, *v, 10)
	}
}

// parseInt reads up to 18 digits: they cannot overflow, and no field here may have more.
func parseInt(in string, pos int) (v int64, end int, ok bool) {
	negative := pos < len(in) && in[pos] == '-'
	if negative {
		pos++
	}
	start := pos
	for ; pos < len(in) && in[pos]-'0' <= 9; pos++ {
		v = v*10 + int64(in[pos]-'0')
		if pos-start >= 18 {
			return 0, pos, false
		}
	}
	switch {
	case pos == start, in[start] == '0' && (pos > start+1 || negative):
		return 0, pos, false
	case negative:
		v = -v
	}
	return v, pos, true
}

// text writes or reads a string of 1 to most bytes.
func (c *Codec) text(name string, v *string, most int) {
	if c.err != nil {
		return
	}
	if c.reading {
		s, end, ok := parseString(c.in, c.pos)
		if !ok {
			c.Fail(name, "must be a string in valid UTF-8, minimally escaped")
			return
		}
		*v, c.pos = s, end
	}
	switch {
	case *v == "" || len(*v) > most:
		c.Fail(name, "must have 1 to "+strconv.Itoa(most)+" bytes")
	case c.reading:
	case !utf8.ValidString(*v):
		c.Fail(name, "must be valid UTF-8")
	default:
		c.out = AppendString(c.out, *v)
	}
}

const hexDigits = "0123456789abcdef"

// AppendString appends s, which is valid UTF-8, as a JSON string. Only quote, backslash and control
// characters are escaped.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); i++ {
		b := s[i]
		if b >= ' ' && b != '"' && b != '\\' {
			continue
		}
		dst = append(dst, s[start:i]...)
		start = i + 1
		if short := strings.IndexByte(shortEscaped, b); short >= 0 {
			dst = append(dst, '\\', shortEscapes[short])
			continue
		}
		dst = append(dst, '\\', 'u', '0', '0', hexDigits[b>>4], hexDigits[b&15])
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

// The characters with an escape of two characters, and its second one.
const (
	shortEscaped = "\"\\\b\f\n\r\t"
	shortEscapes = "\"\\bfnrt"
)

// parseString reads the string that starts at pos, if it is what AppendString would have written. A
// string without escapes shares the memory of in.
func parseString(in string, pos int) (s string, end int, ok bool) {
	if pos >= len(in) || in[pos] != '"' {
		return "", pos, false
	}
	var seen byte
	for i := pos + 1; i < len(in); i++ {
		b := in[i]
		if b == '"' {
			s = in[pos+1 : i]
			return s, i + 1, seen < utf8.RuneSelf || utf8.ValidString(s)
		}
		if b == '\\' {
			return parseEscaped(in, pos+1, i)
		}
		if b < ' ' {
			break
		}
		seen |= b
	}
	return "", pos, false
}

// parseEscaped reads the rest of a string that starts at start and whose first backslash is at i.
func parseEscaped(in string, start, i int) (s string, end int, ok bool) {
	out := append(make([]byte, 0, 2*(i-start)+16), in[start:i]...)
	for i < len(in) {
		switch b := in[i]; {
		case b == '"':
			return string(out), i + 1, utf8.Valid(out)
		case b < ' ':
			return "", i, false
		case b != '\\':
			out = append(out, b)
			i++
		default:
			r, size := unescape(in[i:])
			if size == 0 {
				return "", i, false
			}
			out = append(out, r)
			i += size
		}
	}
	return "", i, false
}

// unescape reads one escape. Its size is 0 when AppendString would not have written it.
func unescape(in string) (b byte, size int) {
	if len(in) < 2 {
		return 0, 0
	}
	if i := strings.IndexByte(shortEscapes, in[1]); i >= 0 {
		return shortEscaped[i], 2
	}
	if len(in) < 6 || in[1:4] != "u00" {
		return 0, 0
	}
	high, low := strings.IndexByte(hexDigits, in[4]), strings.IndexByte(hexDigits, in[5])
	b = byte(high<<4 | low)
	if high < 0 || low < 0 || b >= ' ' || strings.IndexByte(shortEscaped, b) >= 0 {
		return 0, 0
	}
	return b, 6
}
