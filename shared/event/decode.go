package event

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"passbook/shared/canonicaljson"
)

// FormatError: a newer program wrote the entry. A reader stops for that account; it never guesses.
type FormatError struct{ Format int }

func (e *FormatError) Error() string {
	return fmt.Sprintf("event: entry format %d is newer than %d, the newest that this program reads", e.Format, Format)
}

// MaxEvents is the most events that fit into an entry.
const MaxEvents = MaxEntryBytes / minEventBytes

// minEventBytes is less than the shortest JSON of an event.
const minEventBytes = 100

// DecodeRecord reads a stream record. It accepts exactly what Seal writes, and of a compressed
// record any frames with the same content. It returns *FormatError for a newer format, ErrHash when
// the content does not match the hash, else an error that names the field. The entry does not keep
// data.
func DecodeRecord(data []byte) (*Entry, error) {
	if len(data) > 2*MaxEntryBytes {
		return nil, fmt.Errorf("event: decode: a record of %d bytes is too large", len(data))
	}
	e := new(Entry)
	c := canonicaljson.NewReader(string(data))
	p, err := e.readHead(&c, inRecord)
	if err != nil {
		return nil, err
	}
	var enc string
	headed := c.Here()
	c.OptEnum("enc", &enc, []string{encZstd})
	if enc == "" {
		if !e.Signed() && len(data) > CompressOver {
			c.Fail("enc", "must be zstd over 4 KB")
		}
		c.Check(len(data) <= MaxEntryBytes, "events", "must have less than 256 KB")
		return e.readLists(&c, data, p)
	}
	var commands, events string
	c.String("commands", &commands, 2*MaxEntryBytes)
	c.String("events", &events, 2*MaxEntryBytes)
	c.End()
	if err := c.Finish(); err != nil {
		return nil, fmt.Errorf("event: decode: %w", err)
	}
	return readFrames(data[:headed], inRecord, fromBase64(commands), fromBase64(events))
}

// fromBase64 returns the decoded bytes, and nil, which is no frame, unless s is the one canonical
// spelling.
func fromBase64(s string) []byte {
	raw, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || strings.ContainsAny(s, "\r\n") {
		return nil
	}
	return raw
}

// DecodeStored fills the Commands and Events of an entry whose other fields were read from a
// journal row, and verifies its hash. The errors are those of DecodeRecord.
func DecodeStored(e *Entry, enc string, commands, events []byte) error {
	if e.Format > Format {
		return &FormatError{e.Format}
	}
	c := canonicaljson.NewWriter(make([]byte, 0, 512+len(commands)+len(events)))
	e.writeHead(&c)
	if err := c.Err(); err != nil {
		return fmt.Errorf("event: decode: %w", err)
	}
	head := e.appendProof(c.Written(), nil)
	var read *Entry
	var err error
	switch enc {
	case "":
		read, err = readPlain(joinLists(head, commands, events), inRow, false)
	case encZstd:
		read, err = readFrames(head, inRow, commands, events)
	default:
		err = &canonicaljson.Error{Field: "enc", Reason: "unknown"}
	}
	if err != nil {
		return err
	}
	e.Commands, e.Events = read.Commands, read.Events
	return nil
}

// DecodeHeader reads what AppendHeader writes: the entry without its events. Verify can check its
// hash once they are set.
func DecodeHeader(data []byte) (*Entry, error) {
	e := new(Entry)
	c := canonicaljson.NewReader(string(data))
	if _, err := e.readHead(&c, inRow); err != nil {
		return nil, err
	}
	e.commands(&c)
	c.End()
	e.checkCommands(&c)
	if err := c.Finish(); err != nil {
		return nil, fmt.Errorf("event: decode header: %w", err)
	}
	return e, nil
}

// where is the place that an entry's JSON is in: only a record names the types of its events.
type where bool

const (
	inRecord where = true
	inRow    where = false
)

// proof is what the hash of an entry's JSON does not cover: the bytes from start to end, which are
// its hash, and of a signed entry the MAC and the types.
type proof struct {
	start, end int
	types      []string
}

func (p proof) size() int { return p.end - p.start }

// maxTypes bounds the types that a record names: there are twelve.
const maxTypes = 12

// readHead reads the head of an entry and its proof.
func (e *Entry) readHead(c *canonicaljson.Codec, in where) (p proof, err error) {
	c.Begin()
	c.SmallInt("format", &e.Format, 1, 1<<30)
	if c.Err() == nil && e.Format > Format {
		return p, &FormatError{e.Format}
	}
	e.head(c)
	p.start = c.Here()
	c.Bytes("hash", e.Hash[:])
	if e.Signed() {
		e.MAC.field(c)
		if in == inRecord {
			c.Strings("types", &p.types, maxTypes, maxNameBytes)
		}
	}
	p.end = c.Here()
	if err := c.Err(); err != nil {
		return p, fmt.Errorf("event: decode: %w", err)
	}
	return p, nil
}

// readFrames reads the rest of an entry whose JSON up to the lists is head, and whose lists are
// frames.
func readFrames(head []byte, in where, commands, events []byte) (*Entry, error) {
	list, err := decompress(nil, commands)
	if err != nil {
		return nil, fmt.Errorf("event: decode: commands: zstd: %w", err)
	}
	commands = list
	if list, err = decompress(nil, events); err != nil {
		return nil, fmt.Errorf("event: decode: events: zstd: %w", err)
	}
	record := joinLists(bytes.Clone(head), commands, list)
	if len(record) > MaxEntryBytes {
		return nil, fmt.Errorf("event: decode: enc: %d bytes of JSON are too many", len(record))
	}
	return readPlain(record, in, true)
}

func joinLists(head, commands, events []byte) []byte {
	record := append(append(head, commandsName...), commands...)
	record = append(append(record, eventsName...), events...)
	return append(record, '}')
}

// readPlain reads an entry's JSON that is not compressed, or is decompressed, as compressed says.
func readPlain(record []byte, in where, compressed bool) (*Entry, error) {
	e := new(Entry)
	c := canonicaljson.NewReader(string(record))
	p, err := e.readHead(&c, in)
	if err != nil {
		return nil, err
	}
	c.Check(e.compressed(len(record)-p.size()) == compressed, "enc", "must be zstd over 4 KB, and only then")
	return e.readLists(&c, record, p)
}

// readLists reads the commands and events that follow the proof, checks them together and verifies
// types and hash.
func (e *Entry) readLists(c *canonicaljson.Codec, record []byte, p proof) (*Entry, error) {
	e.commands(c)
	e.Events = make([]Event, 0, min(e.Last-e.First+1, int64(len(record)/minEventBytes)))
	e.events(c)
	c.End()
	e.checkCommands(c)
	e.checkEvents(c)
	if c.Err() == nil && p.types != nil {
		c.Check(slices.Equal(p.types, e.types()), "types", "must be the types of the events, each once, in their order")
	}
	if err := c.Finish(); err != nil {
		return nil, fmt.Errorf("event: decode: %w", err)
	}
	for i := range e.Events {
		e.Events[i].Currency, e.Events[i].RecordedAt = e.Currency, e.RecordedAt
	}
	if sumOf(record[:p.start], record[p.end:]) != e.Hash {
		return nil, ErrHash
	}
	return e, nil
}
