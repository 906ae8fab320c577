package canonicaljson

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Codec writes a value as JSON, or reads one, by the calls that list its fields. After the first
// error every call does nothing; Err returns it. A Codec is for one value and is not safe for
// concurrent use.
type Codec struct {
	reading bool
	out     []byte
	in      string
	pos     int
	err     *Error
	path    [maxDepth]frame
	depth   int
}

// maxDepth is the deepest nesting of objects and lists.
const maxDepth = 6

// frame is a step of the path to a field: an object, or with index >= 0 an element of a list.
type frame struct {
	name  string
	index int
}

// Error names the field of the JSON that breaks a rule, and the rule.
type Error struct {
	// Field is the path, such as events[2].data.amount; empty for the value as a whole.
	Field  string
	Reason string
}

func (e *Error) Error() string {
	if e.Field == "" {
		return e.Reason
	}
	return e.Field + ": " + e.Reason
}

// NewWriter returns a Codec that appends to dst.
func NewWriter(dst []byte) Codec { return Codec{out: dst} }

// NewReader returns a Codec that reads in. The strings that it reads share the memory of in.
func NewReader(in string) Codec { return Codec{reading: true, in: in} }

// Reading reports whether the codec reads, rather than writes.
func (c *Codec) Reading() bool { return c.reading }

// Err returns the first error, or nil.
func (c *Codec) Err() error {
	if c.err == nil {
		return nil
	}
	return c.err
}

// Written returns what was written so far, after what dst had before.
func (c *Codec) Written() []byte { return c.out }

// Reserve leaves so many bytes of the output to the caller, between two fields.
func (c *Codec) Reserve(n int) {
	c.out = slices.Grow(c.out, n)
	c.out = c.out[:len(c.out)+n]
}

// Here returns how far the input was read, or the output written, in bytes.
func (c *Codec) Here() int {
	if c.reading {
		return c.pos
	}
	return len(c.out)
}

// Read returns what was read from a place that Here returned up to this place.
func (c *Codec) Read(start int) string { return c.in[start:c.pos] }

// Finish returns the first error of the whole value. Input that is left over is one.
func (c *Codec) Finish() error {
	if c.reading && c.err == nil && c.pos != len(c.in) {
		c.Fail("", "bytes after its end")
	}
	return c.Err()
}

// Check fails the field when ok is false.
func (c *Codec) Check(ok bool, field, reason string) {
	if !ok {
		c.Fail(field, reason)
	}
}

// Fail records the first error, at a field of the object that the codec is in.
func (c *Codec) Fail(field, reason string) {
	if c.err != nil {
		return
	}
	var path strings.Builder
	for _, f := range c.path[:c.depth] {
		if path.Len() > 0 {
			path.WriteByte('.')
		}
		path.WriteString(f.name)
		if f.index >= 0 {
			path.WriteString("[" + strconv.Itoa(f.index) + "]")
		}
	}
	if field != "" && path.Len() > 0 {
		path.WriteByte('.')
	}
	c.err = &Error{Field: path.String() + field, Reason: reason}
}

// Begin starts an object that is not a field: the value itself, or an element of a list.
func (c *Codec) Begin() {
	if c.reading {
		c.expect('{', "")
		return
	}
	c.out = append(c.out, '{')
}

// End ends what Begin started.
func (c *Codec) End() {
	if !c.reading {
		c.out = append(c.out, '}')
		return
	}
	if c.err != nil {
		return
	}
	if c.peek() != '}' {
		c.Fail(c.nextName(), "unknown, repeated or out of place")
		return
	}
	c.pos++
}

// Object starts an object that is a field.
func (c *Codec) Object(name string) {
	c.field(name)
	c.push(name, -1)
	c.Begin()
}

// AtObject reports, in a reader, whether the next field has the name and an object as its value.
func (c *Codec) AtObject(name string) bool {
	start := c.pos
	found := c.err == nil && c.match(name) && c.peek() == '{'
	c.pos = start
	return found
}

// EndObject ends what Object started.
func (c *Codec) EndObject() {
	c.End()
	c.pop()
}

// OpenList starts a field that is a list of objects. A loop over Element follows, and CloseList.
func (c *Codec) OpenList(name string) {
	c.field(name)
	c.push(name, -1)
	if c.reading {
		c.expect('[', "")
	} else if c.err == nil {
		c.out = append(c.out, '[')
	}
}

// Element reports whether the list has an element i, counted from 0, whose fields come next. A list
// has 1 to most elements. A writer writes n of them; a reader ignores n.
func (c *Codec) Element(i, n, most int) bool {
	more := i < n
	if c.reading {
		more = i == 0 || c.peek() == ','
	}
	c.path[c.depth-1].index = -1
	c.Check(i > 0 || more, "", "must have an element")
	c.Check(i < most || !more, "", "has too many elements")
	if c.err != nil || !more {
		return false
	}
	c.path[c.depth-1].index = i
	switch {
	case i == 0:
	case c.reading:
		c.pos++
	default:
		c.out = append(c.out, ',')
	}
	return true
}

// CloseList ends what OpenList started.
func (c *Codec) CloseList() {
	if c.reading {
		c.expect(']', "")
	} else if c.err == nil {
		c.out = append(c.out, ']')
	}
	c.pop()
}

// Raw writes or reads a field whose value is any JSON object, as its bytes.
func (c *Codec) Raw(name string, value *string) {
	c.field(name)
	if c.err != nil {
		return
	}
	if c.reading {
		*value = c.in[c.pos:objectEnd(c.in, c.pos)]
		c.pos += len(*value)
	}
	if !strings.HasPrefix(*value, "{") || !json.Valid([]byte(*value)) || !utf8.ValidString(*value) {
		c.Fail(name, "must be a JSON object in valid UTF-8")
		return
	}
	if !c.reading {
		c.out = append(c.out, *value...)
	}
}

// Skip reads past a field without checking its value. Only a reader may skip.
func (c *Codec) Skip(name string) {
	c.field(name)
	if c.err != nil {
		return
	}
	switch c.peek() {
	case '{':
		c.pos = objectEnd(c.in, c.pos)
	case '"':
		c.pos = textEnd(c.in, c.pos)
	default:
		for c.peek() != ',' && c.peek() != '}' && c.pos < len(c.in) {
			c.pos++
		}
	}
}

// textEnd returns where the string that starts at pos ends, or the end of the input.
func textEnd(in string, pos int) int {
	for pos++; pos < len(in); pos++ {
		switch in[pos] {
		case '\\':
			pos++
		case '"':
			return pos + 1
		}
	}
	return len(in)
}

// objectEnd returns where the object that starts at pos ends, or the end of the input. It only
// finds the brace; the caller checks that the bytes are JSON.
func objectEnd(in string, pos int) int {
	depth, quoted := 0, false
	for ; pos < len(in); pos++ {
		switch b := in[pos]; {
		case quoted && b == '\\':
			pos++
		case b == '"':
			quoted = !quoted
		case quoted:
		case b == '{':
			depth++
		case b == '}':
			depth--
			if depth == 0 {
				return pos + 1
			}
		}
		if depth == 0 {
			return min(pos, len(in))
		}
	}
	return len(in)
}

func (c *Codec) push(name string, index int) {
	c.path[c.depth] = frame{name, index}
	c.depth++
}

func (c *Codec) pop() { c.depth-- }
