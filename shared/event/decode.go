package event

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"

	"passbook/shared/canonicaljson"
)

// FormatError: a newer program wrote the entry. A reader stops for that account; it never guesses.
type FormatError struct{ Format int }

func (e *FormatError) Error() string {
	return fmt.Sprintf("event: entry format %d is newer than %d, the newest that this program reads", e.Format, Format)
}

// maxEvents is the most events that fit into an entry.
const maxEvents = MaxEntryBytes / minEventBytes

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
	mark, err := e.readHead(&c)
	if err != nil {
		return nil, err
	}
	var enc string
	headed := c.Here()
	c.OptEnum("enc", &enc, []string{encZstd})
	if enc == "" {
		if len(data) > CompressOver {
			c.Fail("enc", "must be zstd over 4 KB")
		}
		return e.readLists(&c, data, mark)
	}
	var commands, events string
	c.String("commands", &commands, 2*MaxEntryBytes)
	c.String("events", &events, 2*MaxEntryBytes)
	c.End()
	if err := c.Finish(); err != nil {
		return nil, fmt.Errorf("event: decode: %w", err)
	}
	return e.readFrames(data[:headed], mark, fromBase64(commands), fromBase64(events))
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
	mark := c.Here()
	c.Bytes("hash", e.Hash[:])
	if err := c.Err(); err != nil {
		return fmt.Errorf("event: decode: %w", err)
	}
	var read *Entry
	var err error
	switch enc {
	case "":
		record := joinLists(c.Written(), commands, events)
		if len(record) > CompressOver {
			return &canonicaljson.Error{Field: "enc", Reason: "must be zstd over 4 KB"}
		}
		read, err = readPlain(record, mark)
	case encZstd:
		read, err = new(Entry).readFrames(c.Written(), mark, commands, events)
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
	if _, err := e.readHead(&c); err != nil {
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

// readHead reads up to the hash and the hash itself, which starts at mark.
func (e *Entry) readHead(c *canonicaljson.Codec) (mark int, err error) {
	c.Begin()
	c.SmallInt("format", &e.Format, 1, 1<<30)
	if c.Err() == nil && e.Format > Format {
		return 0, &FormatError{e.Format}
	}
	e.head(c)
	mark = c.Here()
	c.Bytes("hash", e.Hash[:])
	if err := c.Err(); err != nil {
		return 0, fmt.Errorf("event: decode: %w", err)
	}
	return mark, nil
}

// readFrames reads the rest of a record whose JSON up to the hash is head, and whose lists are
// frames.
func (e *Entry) readFrames(head []byte, mark int, commands, events []byte) (*Entry, error) {
	list, err := decompress(nil, commands)
	if err != nil {
		return nil, fmt.Errorf("event: decode: commands: zstd: %w", err)
	}
	commands = list
	if list, err = decompress(nil, events); err != nil {
		return nil, fmt.Errorf("event: decode: events: zstd: %w", err)
	}
	record := joinLists(bytes.Clone(head), commands, list)
	if len(record) <= CompressOver || len(record) > MaxEntryBytes {
		return nil, fmt.Errorf("event: decode: enc: %d bytes of JSON must not be compressed", len(record))
	}
	return readPlain(record, mark)
}

func joinLists(head, commands, events []byte) []byte {
	record := append(append(head, commandsName...), commands...)
	record = append(append(record, eventsName...), events...)
	return append(record, '}')
}

// readPlain reads a record that is not compressed, or is decompressed. Its hash starts at mark.
func readPlain(record []byte, mark int) (*Entry, error) {
	e := new(Entry)
	c := canonicaljson.NewReader(string(record))
	if _, err := e.readHead(&c); err != nil {
		return nil, err
	}
	return e.readLists(&c, record, mark)
}

// readLists reads the commands and events that follow the hash, checks them together and verifies
// the hash.
func (e *Entry) readLists(c *canonicaljson.Codec, record []byte, mark int) (*Entry, error) {
	e.commands(c)
	e.Events = make([]Event, 0, min(e.Last-e.First+1, int64(len(record)/minEventBytes)))
	e.events(c)
	c.End()
	e.checkCommands(c)
	e.checkEvents(c)
	if err := c.Finish(); err != nil {
		return nil, fmt.Errorf("event: decode: %w", err)
	}
	for i := range e.Events {
		e.Events[i].Currency, e.Events[i].RecordedAt = e.Currency, e.RecordedAt
	}
	if sumWithout(record, mark) != e.Hash {
		return nil, ErrHash
	}
	return e, nil
}

// sumWithout returns the hash of a record without its hash field, which starts at mark.
func sumWithout(record []byte, mark int) Hash {
	// Room for the record of one command without an allocation.
	room := make([]byte, 0, 1024)
	hashed := append(append(room, record[:mark]...), record[mark+hashBytes:]...)
	return sha256.Sum256(hashed)
}
