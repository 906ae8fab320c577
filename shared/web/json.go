package web

import (
	"strconv"
	"time"

	"passbook/shared/canon"
	"passbook/shared/event"
)

// JSON is an answer in the making: calls append members in the order in which they are made. It
// does no more than place commas; that the calls make one object is for the caller to see to.
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
	*j = canon.AppendString(*j, value)
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

// Bool adds a boolean.
func (j *JSON) Bool(name string, value bool) {
	j.Name(name)
	*j = strconv.AppendBool(*j, value)
}

// Null adds a null.
func (j *JSON) Null(name string) {
	j.Name(name)
	*j = append(*j, "null"...)
}

// Seconds adds a duration as seconds, to the millisecond.
func (j *JSON) Seconds(name string, d time.Duration) {
	j.Name(name)
	*j = strconv.AppendFloat(*j, d.Seconds(), 'f', 3, 64)
}

// Time adds an instant, UTC with microseconds.
func (j *JSON) Time(name string, at time.Time) {
	j.Name(name)
	*j = append(canon.AppendTime(append(*j, '"'), at.UTC()), '"')
}

// OptTime adds an instant unless it is zero.
func (j *JSON) OptTime(name string, at time.Time) {
	if !at.IsZero() {
		j.Time(name, at)
	}
}

// Date adds a date.
func (j *JSON) Date(name string, at time.Time) {
	j.Name(name)
	*j = append(canon.AppendDate(append(*j, '"'), at), '"')
}

// Text adds a text as it is stored: plain, or sealed in an object of its own.
func (j *JSON) Text(name string, t event.Text) {
	if t.Sealed == "" {
		j.String(name, t.Plain)
		return
	}
	j.BeginObject(name)
	j.String("enc", t.Sealed)
	j.End()
}

// OptText adds a text unless there is none.
func (j *JSON) OptText(name string, t event.Text) {
	if !t.IsZero() {
		j.Text(name, t)
	}
}

// After adds posted, held and limit.
func (j *JSON) After(a event.After) {
	j.Int("posted", a.Posted)
	j.Int("held", a.Held)
	j.Int("limit", a.Limit)
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
