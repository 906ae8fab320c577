package pack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"passbook/shared/event"
)

const secondsPerDay = 24 * 60 * 60

// Append appends an entry, without its account.
func Append(dst []byte, e *event.Entry) []byte {
	dst = appendInts(dst, int64(e.Format), e.First, e.Last, e.RecordedAt.UnixMicro(), int64(e.MAC.Key), int64(len(e.Commands)), int64(len(e.Events)))
	dst = append(append(append(dst, e.Prev[:]...), e.Hash[:]...), e.MAC.Sum[:]...)
	dst = appendText(dst, e.Currency)
	for i := range e.Commands {
		c := &e.Commands[i]
		dst = appendInts(dst, c.First, c.Last, int64(c.Status))
		dst = appendText(dst, c.Key, c.Request, c.CorrelationID, c.Actor.Plain, c.Actor.Sealed)
	}
	for i := range e.Events {
		ev := &e.Events[i]
		dst = appendInts(dst, int64(ev.Schema), int64(ev.Command), ev.EffectiveAt.Unix()/secondsPerDay, ev.After.Posted, ev.After.Held, ev.After.Limit)
		dst = appendText(dst, ev.Body.Type())
		dst = append(binary.AppendUvarint(dst, uint64(len(ev.Data))), ev.Data...)
	}
	return dst
}

func appendInts(dst []byte, numbers ...int64) []byte {
	for _, n := range numbers {
		dst = binary.AppendVarint(dst, n)
	}
	return dst
}

func appendText(dst []byte, texts ...string) []byte {
	for _, s := range texts {
		dst = append(binary.AppendUvarint(dst, uint64(len(s))), s...)
	}
	return dst
}

// Entry returns the entry that Append wrote, of an account. It keeps the data.
func Entry(a event.Account, data []byte) (*event.Entry, error) {
	r := reader{data: data, text: string(data)}
	e := &event.Entry{Tenant: a.Tenant, AccountID: a.ID}
	e.Format, e.First, e.Last = int(r.number()), r.number(), r.number()
	e.RecordedAt, e.MAC.Key = time.UnixMicro(r.number()).UTC(), int(r.number())
	commands, events := r.number(), r.number()
	r.bytes(e.Prev[:])
	r.bytes(e.Hash[:])
	r.bytes(e.MAC.Sum[:])
	e.Currency, _ = r.string()
	if r.failed || commands < 0 || commands > event.MaxCommands || events < 0 || events > event.MaxEvents {
		return nil, errDamaged
	}
	e.Commands, e.Events = make([]event.Command, commands), make([]event.Event, events)
	for i := range e.Commands {
		r.command(&e.Commands[i])
	}
	for i := range e.Events {
		err := r.event(e, i)
		if err != nil {
			return nil, fmt.Errorf("pack: %s v%d: %w", a, e.First+int64(i), err)
		}
	}
	if r.failed || len(r.data) > 0 {
		return nil, errDamaged
	}
	return e, nil
}

var errDamaged = errors.New("pack: this is not an entry that was packed")

// reader takes values off the front of data; text is the same. It fails where one is not there.
type reader struct {
	data   []byte
	text   string
	failed bool
}

func (r *reader) command(c *event.Command) {
	c.First, c.Last, c.Status = r.number(), r.number(), int(r.number())
	c.Key, _ = r.string()
	c.Request, _ = r.string()
	c.CorrelationID, _ = r.string()
	c.Actor.Plain, _ = r.string()
	c.Actor.Sealed, _ = r.string()
}

// event reads an event of an entry, and its body through the upcasters.
func (r *reader) event(e *event.Entry, i int) error {
	ev := &e.Events[i]
	ev.Version, ev.Currency, ev.RecordedAt = e.First+int64(i), e.Currency, e.RecordedAt
	ev.Schema, ev.Command = int(r.number()), int(r.number())
	ev.EffectiveAt = time.Unix(r.number()*secondsPerDay, 0).UTC()
	ev.After = event.After{Posted: r.number(), Held: r.number(), Limit: r.number()}
	typ, _ := r.string()
	_, ev.Data = r.string()
	if r.failed {
		return errDamaged
	}
	var err error
	ev.Body, err = event.ParseBody(typ, ev.Schema, ev.Data)
	return err
}

func (r *reader) number() int64 {
	n, size := binary.Varint(r.data)
	r.skip(size, size <= 0)
	return n
}

func (r *reader) bytes(dst []byte) {
	if copy(dst, r.data) < len(dst) {
		r.failed = true
		return
	}
	r.skip(len(dst), false)
}

// string reads a text, and returns its bytes too.
func (r *reader) string() (string, []byte) {
	n, size := binary.Uvarint(r.data)
	if size <= 0 || n > uint64(len(r.data)-size) {
		r.skip(0, true)
		return "", nil
	}
	r.skip(size, false)
	s, b := r.text[:n], r.data[:n:n]
	r.skip(int(n), false)
	return s, b
}

func (r *reader) skip(n int, failed bool) {
	if failed {
		r.data, r.text, r.failed = nil, "", true
		return
	}
	r.data, r.text = r.data[n:], r.text[n:]
}
