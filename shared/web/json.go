package web

import (
	"strconv"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"passbook/shared/canonicaljson"
)

// JSON is the answer to a command, a balance or a problem document in the making: what is answered
// ten thousand times a second. Other queries answer with ReplyJSON. Calls append members in the
// order in which they are made. JSON only places commas; the caller's calls must make one object.
type JSON []byte

// Begin starts an object: the answer itself, or an element of a list.
func (j *JSON) Begin() {
	j.comma()
	*j = append(*j, '{')
}

// End ends an object.
func (j *JSON) End() { *j = append(*j, '}') }

// BeginObject starts an object that is a member.
func (j *JSON) BeginObject(name string) {
	j.Name(name)
	*j = append(*j, '{')
}

// BeginList starts a list that is a member.
func (j *JSON) BeginList(name string) {
	j.Name(name)
	*j = append(*j, '[')
}

// EndList ends a list.
func (j *JSON) EndList() { *j = append(*j, ']') }

// String adds a string.
func (j *JSON) String(name, value string) {
	j.Name(name)
	*j = canonicaljson.AppendString(*j, value)
}

// OptString adds a string unless it is empty.
func (j *JSON) OptString(name, value string) {
	if value != "" {
		j.String(name, value)
	}
}

// Int adds a whole number.
func (j *JSON) Int(name string, value int64) {
	j.Name(name)
	*j = strconv.AppendInt(*j, value, 10)
}

// OptInt adds a whole number unless it is 0.
func (j *JSON) OptInt(name string, value int64) {
	if value != 0 {
		j.Int(name, value)
	}
}

// Time adds an instant.
func (j *JSON) Time(name string, value time.Time) {
	j.Name(name)
	*j = append(canonicaljson.AppendTime(append(*j, '"'), value.UTC()), '"')
}

// OptTime adds an instant unless it is zero.
func (j *JSON) OptTime(name string, value time.Time) {
	if !value.IsZero() {
		j.Time(name, value)
	}
}

// Bool adds a boolean.
func (j *JSON) Bool(name string, value bool) {
	j.Name(name)
	*j = strconv.AppendBool(*j, value)
}

// Raw adds a value that is JSON already.
func (j *JSON) Raw(name string, value []byte) {
	j.Name(name)
	*j = append(*j, value...)
}

// Name starts a member, whose value the caller appends.
func (j *JSON) Name(name string) {
	j.comma()
	*j = append(*j, '"')
	*j = append(*j, name...)
	*j = append(*j, '"', ':')
}

func (j *JSON) comma() {
	if n := len(*j); n > 0 && (*j)[n-1] != '{' && (*j)[n-1] != '[' && (*j)[n-1] != ':' && (*j)[n-1] != '\n' {
		*j = append(*j, ',')
	}
}

// answers is the memory of answers, reused for others.
var answers = sync.Pool{New: func() any { return &JSON{} }}

// keptBytes is the largest memory of an answer that is reused.
const keptBytes = 8 << 10

// ReplyWith answers with what render makes.
func ReplyWith(c echo.Context, status int, render func(*JSON)) {
	j := answers.Get().(*JSON)
	*j = (*j)[:0]
	render(j)
	Reply(c, status, *j)
	if cap(*j) <= keptBytes {
		answers.Put(j)
	}
}
