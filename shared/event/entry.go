package event

import (
	"bytes"
	"strings"

	"passbook/shared/canonicaljson"
	"passbook/shared/money"
)

// Bounds of an entry's strings, in bytes.
const (
	maxIDBytes          = 64
	maxKeyBytes         = 255
	requestBytes        = 22
	maxCorrelationBytes = 255
)

// head writes or reads the fields of an entry between its format and its hash.
func (e *Entry) head(c *canonicaljson.Codec) {
	c.String("tenant", &e.Tenant, maxIDBytes)
	c.String("account_id", &e.AccountID, maxIDBytes)
	c.Int("first", &e.First, 1, MaxVersion)
	c.Int("last", &e.Last, e.First, MaxVersion)
	c.String("currency", &e.Currency, 3)
	c.Time("recorded_at", &e.RecordedAt)
	c.Bytes("prev", e.Prev[:])
	c.Check(!strings.Contains(e.Tenant, "#"), "tenant", "must be without #")
	c.Check(!strings.Contains(e.AccountID, "#"), "account_id", "must be without #")
	c.Check(len(e.Currency) == 3, "currency", "must be an ISO 4217 code")
	c.Check((e.First == 1) == e.Prev.IsZero(), "prev", "must be zero at version 1, and nowhere else")
}

// commands writes or reads the list of the commands.
func (e *Entry) commands(c *canonicaljson.Codec) {
	c.OpenList("commands")
	for i := 0; c.Element(i, len(e.Commands), MaxCommands); i++ {
		if c.Reading() {
			e.Commands = append(e.Commands, Command{})
		}
		e.Commands[i].fields(c)
	}
	c.CloseList()
}

// events writes or reads the list of the events.
func (e *Entry) events(c *canonicaljson.Codec) {
	room := dataRoom{events: cap(e.Events)}
	c.OpenList("events")
	for i := 0; c.Element(i, len(e.Events), MaxEvents); i++ {
		if c.Reading() {
			e.Events = append(e.Events, Event{})
		}
		e.Events[i].fields(c, &room)
	}
	c.CloseList()
}

// fields writes or reads a command. checkCommands compares its range with the others'.
func (m *Command) fields(c *canonicaljson.Codec) {
	c.Begin()
	c.OptString("key", &m.Key, maxKeyBytes)
	c.OptString("request", &m.Request, requestBytes)
	c.OptString("correlation_id", &m.CorrelationID, maxCorrelationBytes)
	textField(c, "actor", &m.Actor, MaxActorBytes)
	c.Int("first", &m.First, 1, MaxVersion)
	c.Int("last", &m.Last, m.First, MaxVersion)
	c.SmallInt("status", &m.Status, 200, 422)
	c.End()
	c.Check(m.Request == "" || len(m.Request) == requestBytes, "request", "must have 22 characters")
	c.Check(m.Status == 200 || m.Status == 201 || m.Status == 422, "status", "must be 200, 201 or 422")
}

// Settled returns the last version of the command that made the event of a version. No caller was
// told a balance between the events of one command, so this is the first version from there on that
// one may have been told.
func (e *Entry) Settled(version int64) int64 {
	return e.Commands[e.Events[version-e.First].Command].Last
}

// checkCommands checks that the commands' ranges make up the entry's, in order and without a gap.
func (e *Entry) checkCommands(c *canonicaljson.Codec) {
	next := e.First
	for _, m := range e.Commands {
		c.Check(m.First == next, "commands", "first must follow the last of the command before")
		next = m.Last + 1
	}
	c.Check(next == e.Last+1, "commands", "last of the last one must be the entry's")
}

// dataRoom is memory for the data of events that are read, of about so many more events.
type dataRoom struct {
	bytes  []byte
	events int
}

// maxDataRoom bounds what is allocated at once for the data of several events.
const maxDataRoom = 4 << 10

// keep returns a copy of an event's data.
func (r *dataRoom) keep(data string) []byte {
	if cap(r.bytes)-len(r.bytes) < len(data) {
		r.bytes = make([]byte, 0, max(len(data), min(r.events*len(data), maxDataRoom)))
	}
	r.events--
	start := len(r.bytes)
	r.bytes = append(r.bytes, data...)
	return r.bytes[start:len(r.bytes):len(r.bytes)]
}

// fields writes or reads an event, with its data in a room. checkEvents checks its place in the
// entry.
func (v *Event) fields(c *canonicaljson.Codec, room *dataRoom) {
	typ := ""
	if v.Body != nil {
		typ = v.Body.Type()
	}
	c.Begin()
	c.Int("version", &v.Version, 1, MaxVersion)
	c.String("type", &typ, maxNameBytes)
	c.SmallInt("schema", &v.Schema, 1, 1<<30)
	c.SmallInt("command", &v.Command, 0, MaxCommands-1)
	c.Date("effective_at", &v.EffectiveAt)
	c.Object("after")
	v.After.fields(c)
	c.EndObject()
	v.data(c, typ, room)
	c.End()
}

func (a *After) fields(c *canonicaljson.Codec) {
	c.Int("posted", &a.Posted, -money.Max, money.Max)
	c.Int("held", &a.Held, 0, money.Max)
	c.Int("limit", &a.Limit, 0, money.Max)
}

// data writes or reads the event's own data: of the newest schema field by field, of an older one
// as the bytes that it came in.
func (v *Event) data(c *canonicaljson.Codec, typ string, room *dataRoom) {
	if c.Err() != nil {
		return
	}
	if err := knownSchema(typ, v.Schema); err != nil {
		c.Fail(err.Field, err.Reason)
		return
	}
	if v.Schema < newest[typ] {
		v.olderData(c, typ)
		return
	}
	start := c.Here() + len(`,"data":`)
	c.Object("data")
	if c.Reading() {
		v.Body = readBody(c, typ)
	} else {
		writeBody(c, v.Body)
	}
	c.EndObject()
	if c.Err() != nil {
		return
	}
	if c.Reading() {
		v.Data = room.keep(c.Read(start))
		return
	}
	data := c.Written()[start:]
	if v.Data == nil {
		v.Data = bytes.Clone(data)
	}
	c.Check(bytes.Equal(v.Data, data), "data", "is not what the body says")
}

func (v *Event) olderData(c *canonicaljson.Codec, typ string) {
	data := string(v.Data)
	c.Raw("data", &data)
	if c.Err() != nil || !c.Reading() {
		return
	}
	b, err := parseBody(typ, v.Schema, data)
	if err != nil {
		c.Fail("data", err.Error())
		return
	}
	v.Body, v.Data = b, []byte(data)
}

// checkEvents checks that the events have the entry's versions and belong to its commands.
func (e *Entry) checkEvents(c *canonicaljson.Codec) {
	c.Check(int64(len(e.Events)) == e.Last-e.First+1, "events", "must be one for each of first to last")
	if c.Err() != nil {
		return
	}
	for i, m := range e.Commands {
		for version := m.First; version <= m.Last; version++ {
			v := &e.Events[version-e.First]
			c.Check(v.Version == version, "events", "version must follow that of the event before")
			c.Check(v.Command == i, "events", "command must be the one whose range has the version")
		}
	}
}
