package event

import (
	"fmt"

	"passbook/shared/canonicaljson"
)

// Outline is what charts and counts need of an event. Its type may be one that this program does
// not know.
type Outline struct {
	Version int64
	Type    string
	After   After
}

// DecodeOutlines reads the events of an entry from a journal row, without their data. It takes a
// fraction of the time of DecodeStored, and neither verifies a hash nor looks at commands: use it
// where a wrong figure decides nothing.
func DecodeOutlines(enc string, events []byte) (all []Outline, err error) {
	if enc == encZstd {
		if events, err = decompress(nil, events); err != nil {
			return nil, fmt.Errorf("event: decode outlines: zstd: %w", err)
		}
	}
	c := canonicaljson.NewReader(`{"events":` + string(events) + "}")
	c.Begin()
	c.OpenList("events")
	all = make([]Outline, 0, len(events)/minEventBytes)
	for i := 0; c.Element(i, 0, MaxEvents); i++ {
		var o Outline
		o.read(&c)
		all = append(all, o)
	}
	c.CloseList()
	c.End()
	if err := c.Finish(); err != nil {
		return nil, fmt.Errorf("event: decode outlines: %w", err)
	}
	return all, nil
}

// read reads the fields of an event, whose order is that of Event.fields.
func (o *Outline) read(c *canonicaljson.Codec) {
	c.Begin()
	c.Int("version", &o.Version, 1, MaxVersion)
	c.String("type", &o.Type, maxNameBytes)
	c.Skip("schema")
	c.Skip("command")
	c.Skip("effective_at")
	c.Object("after")
	o.After.fields(c)
	c.EndObject()
	c.Skip("data")
	c.End()
}
