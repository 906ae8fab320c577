package event

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"

	"passbook/shared/canonicaljson"
)

// ErrTooLarge: an entry with its state exceeds MaxEntryBytes. Commit fewer commands at once.
var ErrTooLarge = errors.New("event: the entry is too large")

// Encoded is an entry as its stores keep it. The slices may share memory; callers must not change
// them.
type Encoded struct {
	// Record is the stream record.
	Record []byte
	// Commands and Events are the values of the journal row: JSON, or zstd frames when Enc is
	// "zstd".
	Commands, Events []byte
	Enc              string
}

// plain is an entry's record before compression and without its hash, which covers exactly these
// bytes.
type plain struct {
	json []byte
	// hash is where the hash belongs, commands where the commands end.
	hash, commands int
}

// Seal checks the entry against every rule that DecodeRecord checks, sets its Hash and encodes it.
// It also fills the Data of events that have none. The record has no State, Writer and N, but State
// counts for the size: ErrTooLarge.
func Seal(e *Entry) (Encoded, error) {
	p, err := e.plain()
	if err != nil {
		return Encoded{}, fmt.Errorf("event: seal: %w", err)
	}
	e.Hash = sha256.Sum256(p.json)
	record := appendHash(append(make([]byte, 0, len(p.json)+hashBytes), p.json[:p.hash]...), e.Hash)
	headed := len(record)
	record = append(record, p.json[p.hash:]...)
	if len(record)+len(e.State) > MaxEntryBytes {
		return Encoded{}, ErrTooLarge
	}
	commands := p.json[p.hash+len(commandsName) : p.commands]
	events := p.json[p.commands+len(eventsName) : len(p.json)-1]
	if len(record) <= CompressOver {
		return Encoded{Record: record, Commands: commands, Events: events}, nil
	}
	commands, events = compress(commands), compress(events)
	record = append(record[:headed:headed], `,"enc":"zstd"`...)
	record = appendBase64(append(record, commandsName...), commands)
	record = appendBase64(append(record, eventsName...), events)
	return Encoded{Record: append(record, '}'), Commands: commands, Events: events, Enc: encZstd}, nil
}

// Published returns an entry that was read back as it is on the stream: without State, Writer and
// N, which only its row in the journal has, and encoded. The entry itself does not change.
func (e *Entry) Published() (*Entry, Encoded, error) {
	bare := *e
	bare.State, bare.Writer, bare.N = nil, "", 0
	enc, err := Seal(&bare)
	return &bare, enc, err
}

// The names of the lists, as they follow other fields in a record.
const (
	commandsName = `,"commands":`
	eventsName   = `,"events":`
)

// hashBytes is the length of the hash's field.
const hashBytes = len(`,"hash":""`) + 43

func appendHash(dst []byte, h Hash) []byte {
	dst = append(dst, `,"hash":"`...)
	dst = base64.RawURLEncoding.AppendEncode(dst, h[:])
	return append(dst, '"')
}

func appendBase64(dst, data []byte) []byte {
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, data)
	return append(dst, '"')
}

// plain encodes the entry. Its error names the field that breaks a rule.
func (e *Entry) plain() (plain, error) {
	c := canonicaljson.NewWriter(make([]byte, 0, 1024))
	e.writeHead(&c)
	hash := c.Here()
	e.checkCommands(&c)
	e.checkEvents(&c)
	e.checkRepeated(&c)
	e.commands(&c)
	commands := c.Here()
	e.events(&c)
	c.End()
	return plain{c.Written(), hash, commands}, c.Finish()
}

func (e *Entry) writeHead(c *canonicaljson.Codec) {
	c.Begin()
	c.SmallInt("format", &e.Format, 1, Format)
	e.head(c)
}

// checkRepeated checks that the fields which events repeat from their entry are the entry's.
func (e *Entry) checkRepeated(c *canonicaljson.Codec) {
	for i := range e.Events {
		v := &e.Events[i]
		c.Check(v.Currency == e.Currency, "events", "currency must be the entry's")
		c.Check(v.RecordedAt.Equal(e.RecordedAt), "events", "recorded_at must be the entry's")
	}
}

// AppendHeader appends the record's JSON without its events and never compressed, as the archive
// stores it beside the rows of the events. The entry must be sealed or decoded.
func AppendHeader(dst []byte, e *Entry) []byte {
	c := canonicaljson.NewWriter(dst)
	e.writeHead(&c)
	c.Bytes("hash", e.Hash[:])
	e.commands(&c)
	c.End()
	if err := c.Finish(); err != nil {
		panic(fmt.Sprintf("event: header of an entry that was never sealed: %v", err))
	}
	return c.Written()
}

// Verify checks the entry's rules and its Hash, as after its parts were read from an archive. It
// returns ErrHash when the hash is another.
func (e *Entry) Verify() error {
	p, err := e.plain()
	if err != nil {
		return fmt.Errorf("event: verify: %w", err)
	}
	if sha256.Sum256(p.json) != e.Hash {
		return ErrHash
	}
	return nil
}
