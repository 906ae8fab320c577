package web

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"passbook/shared/account"
)

// The bounds of a body's shape. Every command is a flat object; nested values are only skipped, so
// that they can be refused by name.
const (
	maxFields = 32
	maxDepth  = 16
)

// The kinds of a JSON value.
const (
	kindString byte = '"'
	kindNumber byte = '0'
	kindBool   byte = 't'
	kindNull   byte = 'n'
	kindNested byte = '{'
	// kindParam is a string from the path instead of the body.
	kindParam byte = 'g'
)

// field is one member of the object. raw is the value as it was written; it is a part of the body,
// and so is name unless it was escaped.
type field struct {
	name, raw []byte
	kind      byte
	taken     bool
}

// Texts takes a list of strings that is not a part of the canonical form; nil when it is absent.
func (f *Fields) Texts(name string) (list []string) {
	if v := f.take(name, kindNested, Optional); v != nil && json.Unmarshal(v.raw, &list) != nil {
		f.FailForm(name, FieldWrongType, kindForms[kindNested])
	}
	return list
}

// scanner reads JSON text strictly by RFC 8259.
type scanner struct {
	in  []byte
	pos int
	// fault is the code of the first error in the text, empty while there is none.
	fault string
}

// scanObject adds the members of the single object in body to list. fault is empty, or the code of
// what is wrong.
func scanObject(list []field, body []byte) (_ []field, fault string) {
	if !utf8.Valid(body) {
		return list, FieldNotUTF8
	}
	s := scanner{in: body}
	s.space()
	if s.peek() != '{' {
		if json.Valid(body) {
			return list, FieldNotAnObject
		}
		return list, account.FieldSyntax
	}
	list = s.object(list)
	s.space()
	if s.fault == "" && s.pos != len(body) {
		s.fault = FieldTrailingData
	}
	return list, s.fault
}

// object reads the outermost object.
func (s *scanner) object(list []field) []field {
	s.pos++
	s.space()
	if s.peek() == '}' {
		s.pos++
		return list
	}
	for first := len(list); ; {
		name := s.name()
		s.space()
		s.expect(':')
		s.space()
		kind, raw := s.value(1)
		if s.fault != "" {
			return list
		}
		if len(list)-first == maxFields {
			s.fault = FieldTooManyFields
			return list
		}
		list = append(list, field{name: name, kind: kind, raw: raw})
		s.space()
		if s.peek() == '}' {
			s.pos++
			return list
		}
		s.expect(',')
		s.space()
	}
}

// value reads one value, at a depth of nesting.
func (s *scanner) value(depth int) (kind byte, raw []byte) {
	start := s.pos
	switch c := s.peek(); {
	case c == '"':
		return kindString, s.str()
	case c == '-' || c-'0' <= 9:
		s.number()
		return kindNumber, s.in[start:s.pos]
	case c == '{' || c == '[':
		s.nested(depth)
		return kindNested, s.in[start:s.pos]
	case c == 't':
		s.literal("true")
		return kindBool, s.in[start:s.pos]
	case c == 'f':
		s.literal("false")
		return kindBool, s.in[start:s.pos]
	case c == 'n':
		s.literal("null")
		return kindNull, nil
	}
	s.fail()
	return 0, nil
}

// nested skips an object or an array within a field.
func (s *scanner) nested(depth int) {
	if depth == maxDepth {
		s.fault = FieldTooDeep
		return
	}
	object := s.peek() == '{'
	end := byte(']')
	if object {
		end = '}'
	}
	s.pos++
	s.space()
	if s.peek() == end {
		s.pos++
		return
	}
	for s.fault == "" {
		if object {
			s.str()
			s.space()
			s.expect(':')
			s.space()
		}
		s.value(depth + 1)
		s.space()
		if s.peek() == end {
			s.pos++
			return
		}
		s.expect(',')
		s.space()
	}
}

// name reads the name of a member and resolves its escapes. A name with a lone surrogate stays as
// it was written; no field has such a name.
func (s *scanner) name() []byte {
	raw := s.str()
	if !bytes.Contains(raw, []byte{'\\'}) {
		return raw
	}
	if name, ok := unescapeSlow(raw); ok {
		return []byte(name)
	}
	return raw
}

// str reads a string and returns what is between its quotes, with the escapes as they are.
func (s *scanner) str() []byte {
	if s.fault != "" {
		return nil
	}
	s.expect('"')
	start := s.pos
	for s.pos < len(s.in) {
		switch c := s.in[s.pos]; {
		case c == '"':
			s.pos++
			return s.in[start : s.pos-1]
		case c == '\\':
			s.escape()
			if s.fault != "" {
				return nil
			}
		case c < ' ':
			s.fail()
			return nil
		default:
			s.pos++
		}
	}
	s.fail()
	return nil
}

// escape skips a backslash and what belongs to it.
func (s *scanner) escape() {
	s.pos++
	c := s.peek()
	s.pos++
	if c != 'u' {
		if c == 0 || !strings.ContainsRune(`"\/bfnrt`, rune(c)) {
			s.fail()
		}
		return
	}
	for range 4 {
		if c := s.peek(); c-'0' > 9 && (c|0x20)-'a' > 5 {
			s.fail()
			return
		}
		s.pos++
	}
}

// number skips a number: without a plus sign and without leading zeros.
func (s *scanner) number() {
	if s.peek() == '-' {
		s.pos++
	}
	if s.peek() == '0' {
		s.pos++
	} else {
		s.digits()
	}
	if s.peek() == '.' {
		s.pos++
		s.digits()
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.pos++
		if c := s.peek(); c == '+' || c == '-' {
			s.pos++
		}
		s.digits()
	}
}

// digits skips one or more digits.
func (s *scanner) digits() {
	start := s.pos
	for s.peek()-'0' <= 9 {
		s.pos++
	}
	if s.pos == start {
		s.fail()
	}
}

func (s *scanner) literal(word string) {
	if len(s.in)-s.pos < len(word) || string(s.in[s.pos:s.pos+len(word)]) != word {
		s.fail()
		return
	}
	s.pos += len(word)
}

// peek returns the next byte, or 0 at the end: a 0 byte is refused everywhere in the text.
func (s *scanner) peek() byte {
	if s.pos < len(s.in) {
		return s.in[s.pos]
	}
	return 0
}

func (s *scanner) space() {
	for s.pos < len(s.in) {
		switch s.in[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

func (s *scanner) expect(c byte) {
	if s.peek() != c || s.fault != "" {
		s.fail()
		return
	}
	s.pos++
}

func (s *scanner) fail() {
	if s.fault == "" {
		s.fault = account.FieldSyntax
	}
}

// unescape returns the text of a string that str returned. It reports false for a lone surrogate.
func unescape(raw []byte) (string, bool) {
	for _, c := range raw {
		if c == '\\' {
			return unescapeSlow(raw)
		}
	}
	return string(raw), true
}

func unescapeSlow(raw []byte) (string, bool) {
	if loneSurrogate(raw) {
		return "", false
	}
	quoted := make([]byte, 0, len(raw)+2)
	quoted = append(append(append(quoted, '"'), raw...), '"')
	var text string
	err := json.Unmarshal(quoted, &text)
	return text, err == nil
}

// loneSurrogate reports whether an escape names half of a character. The decoder would replace it
// with U+FFFD, which cannot be told from a U+FFFD that was sent.
func loneSurrogate(raw []byte) bool {
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			continue
		}
		unit := utf16Escape(raw[i:])
		switch {
		case unit < 0:
			i++
		case !utf16.IsSurrogate(unit):
			i += escapeLen - 1
		case utf16.DecodeRune(unit, utf16Escape(raw[i+escapeLen:])) == utf8.RuneError:
			return true
		default:
			i += 2*escapeLen - 1
		}
	}
	return false
}

// escapeLen is the length of a numeric escape: a backslash, u and four digits.
const escapeLen = 6

// utf16Escape returns the UTF-16 unit of the numeric escape that text starts with, −1 when it
// starts with something else.
func utf16Escape(text []byte) rune {
	if len(text) < escapeLen || text[0] != '\\' || text[1] != 'u' {
		return -1
	}
	unit, err := strconv.ParseUint(string(text[2:escapeLen]), 16, 16)
	if err != nil {
		return -1
	}
	return rune(unit)
}
