package canonicaljson

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Int writes or reads an integer field from least to most.
func (c *Codec) Int(name string, v *int64, least, most int64) {
	c.field(name)
	c.integer(name, v, least, most)
}

// OptInt writes or reads an integer field from 1 to most that is left out when it is 0, such as a
// version that does not exist.
func (c *Codec) OptInt(name string, v *int64, most int64) {
	if c.optional(name, *v == 0) {
		c.integer(name, v, 1, most)
	} else if c.reading {
		*v = 0
	}
}

// Has reports whether a field that may be left out is there: in a writer, when it has a value; in a
// reader, when it comes next.
func (c *Codec) Has(name string, value bool) bool {
	if c.reading {
		return c.next(name)
	}
	return value
}

// SmallInt writes or reads an int as Int does.
func (c *Codec) SmallInt(name string, v *int, least, most int) {
	wide := int64(*v)
	c.Int(name, &wide, int64(least), int64(most))
	*v = int(wide)
}

// Bool writes or reads a boolean field.
func (c *Codec) Bool(name string, v *bool) {
	c.field(name)
	if c.err != nil {
		return
	}
	if !c.reading {
		c.out = strconv.AppendBool(c.out, *v)
		return
	}
	rest := c.in[c.pos:]
	switch {
	case strings.HasPrefix(rest, "true"):
		*v, c.pos = true, c.pos+len("true")
	case strings.HasPrefix(rest, "false"):
		*v, c.pos = false, c.pos+len("false")
	default:
		c.Fail(name, "must be true or false")
	}
}

// String writes or reads a string field of 1 to most bytes.
func (c *Codec) String(name string, v *string, most int) {
	c.field(name)
	c.text(name, v, most)
}

// OptString writes or reads a string field of up to most bytes that is left out when it is empty.
func (c *Codec) OptString(name string, v *string, most int) {
	if c.optional(name, *v == "") {
		c.text(name, v, most)
	} else if c.reading {
		*v = ""
	}
}

// Enum writes or reads a string field that is one of the words. A reader sets v to the word itself,
// which does not share the memory of the input.
func (c *Codec) Enum(name string, v *string, words []string) {
	c.field(name)
	if c.err != nil {
		return
	}
	if c.reading {
		c.text(name, v, 64)
	}
	for _, word := range words {
		if *v == word {
			*v = word
			if !c.reading {
				c.text(name, v, 64)
			}
			return
		}
	}
	c.Fail(name, "must be one of "+strings.Join(words, ", "))
}

// Strings writes or reads a field that is a list of 1 to most strings of 1 to bytes bytes each.
func (c *Codec) Strings(name string, v *[]string, most, bytes int) {
	n := len(*v)
	c.OpenList(name)
	for i := 0; c.Element(i, n, most); i++ {
		var s string
		if !c.reading {
			s = (*v)[i]
		}
		c.text("", &s, bytes)
		if c.reading {
			*v = append(*v, s)
		}
	}
	c.CloseList()
}

// OptEnum writes or reads an Enum that is left out when it is empty.
func (c *Codec) OptEnum(name string, v *string, words []string) {
	if c.reading && !c.next(name) || !c.reading && *v == "" {
		*v = ""
		return
	}
	c.Enum(name, v, words)
}

// Bytes writes or reads a field of exactly len(v) bytes, as unpadded base64url.
func (c *Codec) Bytes(name string, v []byte) {
	c.field(name)
	if c.err != nil {
		return
	}
	if !c.reading {
		c.out = append(c.out, '"')
		c.out = base64.RawURLEncoding.AppendEncode(c.out, v)
		c.out = append(c.out, '"')
		return
	}
	var raw string
	c.text(name, &raw, 64)
	if c.err != nil {
		return
	}
	if !DecodeURL(v, raw) {
		c.Fail(name, fmt.Sprintf("must be %d bytes in unpadded base64url", len(v)))
	}
}

// DecodeURL reads up to 64 characters of unpadded base64url into dst, and reports whether they are
// the one spelling of len(dst) bytes.
func DecodeURL(dst []byte, text string) bool {
	var room [64]byte
	if len(text) != base64.RawURLEncoding.EncodedLen(len(dst)) || len(text) > len(room) {
		return false
	}
	n, err := strictURL.Decode(dst, room[:copy(room[:], text)])
	return err == nil && n == len(dst)
}

// strictURL refuses encodings whose spare bits are set: they would be a second spelling of the same
// bytes.
var strictURL = base64.RawURLEncoding.Strict()

// Time writes or reads a time in UTC, in whole microseconds, of the years 1970 to 9999.
func (c *Codec) Time(name string, v *time.Time) {
	c.field(name)
	c.stamp(name, v, timeForm)
}

// OptTime writes or reads a Time that is left out when it is zero.
func (c *Codec) OptTime(name string, v *time.Time) {
	if c.optional(name, v.IsZero()) {
		c.stamp(name, v, timeForm)
	} else if c.reading {
		*v = time.Time{}
	}
}

// Date writes or reads a date, as midnight UTC, of the years 1970 to 9999.
func (c *Codec) Date(name string, v *time.Time) {
	c.field(name)
	c.stamp(name, v, dateForm)
}

// stamp is the form of a time: timeForm or dateForm.
type stamp string

// append appends a time.
func (s stamp) append(dst []byte, t time.Time) []byte {
	if s == dateForm {
		return AppendDate(dst, t)
	}
	return AppendTime(dst, t)
}

// parse reads what append writes.
func (s stamp) parse(text string) (time.Time, bool) {
	if s == dateForm {
		return parseDate(text)
	}
	return parseTime(text)
}

// exact reports whether parse returns a time as append wrote it.
func (s stamp) exact(t time.Time) bool {
	unit := time.Microsecond
	if s == dateForm {
		unit = 24 * time.Hour
	}
	return t.Unix() >= 0 && t.Year() <= 9999 && t == t.Truncate(unit).UTC()
}

func (c *Codec) stamp(name string, v *time.Time, s stamp) {
	if c.err != nil {
		return
	}
	if !c.reading {
		if !s.exact(*v) {
			c.Fail(name, "must be UTC, "+string(s)+", years 1970 to 9999")
			return
		}
		c.out = append(s.append(append(c.out, '"'), *v), '"')
		return
	}
	end := c.pos + len(s) + 2
	if end <= len(c.in) && c.in[c.pos] == '"' && c.in[end-1] == '"' {
		if at, ok := s.parse(c.in[c.pos+1 : end-1]); ok {
			*v, c.pos = at, end
			return
		}
	}
	c.Fail(name, "must be a string of the form "+string(s))
}
