package event

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"passbook/shared/canonicaljson"
)

// ErrTooLarge: an entry with its state exceeds MaxEntryBytes. Commit fewer commands at once.
var ErrTooLarge = errors.New("event: the entry is too large")

// Encoded is an entry as its stores keep it. The slices may share memory; callers must not change
// them.
type Encoded struct {
	// Record is the stream record. That of format 1 is compressed over 4 KB, that of a later one
	// only by CompressRecord.
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

// Seal checks the entry against every rule that DecodeRecord checks, sets its Hash and its MAC and
// encodes it. It also fills the Data of events that have none. An entry of format 1 has no MAC, and
// needs no signer. The record has no State, Writer and N, but State counts for the size:
// ErrTooLarge.
func Seal(e *Entry, signer Signer) (Encoded, error) {
	p, err := e.plain()
	if err != nil {
		return Encoded{}, fmt.Errorf("event: seal: %w", err)
	}
	e.Hash, e.MAC = sha256.Sum256(p.json), MAC{}
	if e.Signed() {
		if signer == nil {
			return Encoded{}, fmt.Errorf("event: seal: format %d needs a data key", e.Format)
		}
		e.MAC = signer.Sign(e.Hash)
	}
	return e.encode(p)
}

// Signed reports whether entries of the format have a MAC.
func (e *Entry) Signed() bool { return e.Format >= SignedFormat }

// encode returns the encoding of a sealed entry whose JSON is p.
func (e *Entry) encode(p plain) (Encoded, error) {
	record := append(make([]byte, 0, len(p.json)+hashBytes+signedBytes), p.json[:p.hash]...)
	record = e.appendProof(record, true)
	headed := len(record)
	record = append(record, p.json[p.hash:]...)
	if len(record)+len(e.State) > MaxEntryBytes {
		return Encoded{}, ErrTooLarge
	}
	enc := Encoded{
		Record:   record,
		Commands: p.json[p.hash+len(commandsName) : p.commands],
		Events:   p.json[p.commands+len(eventsName) : len(p.json)-1],
	}
	if e.compressed(len(p.json)) {
		enc.Commands, enc.Events, enc.Enc = compress(enc.Commands), compress(enc.Events), encZstd
		if !e.Signed() {
			enc.Record = withFrames(record[:headed:headed], enc.Commands, enc.Events)
		}
	}
	return enc, nil
}

// compressed reports whether the row of an entry is compressed, and its record where it is
// compressed at all; size is that of the JSON that the hash covers. Format 1 counts the hash too.
func (e *Entry) compressed(size int) bool {
	if !e.Signed() {
		size += hashBytes
	}
	return size > CompressOver
}

// withFrames returns the rest of a compressed record after its head.
func withFrames(head, commands, events []byte) []byte {
	record := append(head, `,"enc":"zstd"`...)
	record = appendBase64(append(record, commandsName...), commands)
	record = appendBase64(append(record, eventsName...), events)
	return append(record, '}')
}

// CompressRecord returns a record that Seal made, with commands and events as zstd frames where its
// row has them so, else the record itself.
func CompressRecord(record []byte) ([]byte, error) {
	e := new(Entry)
	c := canonicaljson.NewReader(string(record))
	proof, err := e.readHead(&c, inRecord)
	if err != nil {
		return nil, fmt.Errorf("event: compress: %w", err)
	}
	// A quote within a string is escaped, so that the name of the list is found nowhere else.
	head := c.Here()
	commands, events, plain := bytes.Cut(record[head:], []byte(eventsName+`[`))
	if !plain || !e.compressed(len(record)-proof.size()) {
		return record, nil
	}
	commands, events = commands[len(commandsName):], record[len(record)-len(events)-1:len(record)-1]
	return withFrames(bytes.Clone(record[:head]), compress(commands), compress(events)), nil
}

// Published returns an entry that was read back as it is on the stream: without State, Writer and
// N, which only its row in the journal has, and encoded, with the MAC that it has. The entry itself
// does not change.
func (e *Entry) Published() (*Entry, Encoded, error) {
	bare := *e
	bare.State, bare.Writer, bare.N = nil, "", 0
	p, err := bare.plain()
	if err != nil {
		return nil, Encoded{}, fmt.Errorf("event: encode: %w", err)
	}
	bare.Hash = sha256.Sum256(p.json)
	enc, err := bare.encode(p)
	return &bare, enc, err
}

// Hashed returns the bytes that the entry's Hash covers: the record's JSON without the hash, the
// MAC and the types.
func (e *Entry) Hashed() ([]byte, error) {
	p, err := e.plain()
	if err != nil {
		return nil, fmt.Errorf("event: encode: %w", err)
	}
	return p.json, nil
}

// types returns the distinct types of the events, in the order of their first appearance.
func (e *Entry) types() []string {
	types := make([]string, 0, 4)
	for i := range e.Events {
		if typ := e.Events[i].Body.Type(); !slices.Contains(types, typ) {
			types = append(types, typ)
		}
	}
	return types
}

// The names of the lists, as they follow other fields in a record.
const (
	commandsName = `,"commands":`
	eventsName   = `,"events":`
)

// hashBytes is the length of the hash's field. signedBytes is about the most that the fields of a
// signed entry add to it.
const (
	hashBytes   = len(`,"hash":""`) + 43
	signedBytes = 128
)

// appendProof appends the fields that the hash does not cover: the hash itself and, of a signed
// entry, the MAC and, in a record, the types.
func (e *Entry) appendProof(dst []byte, types bool) []byte {
	dst = append(dst, `,"hash":"`...)
	dst = base64.RawURLEncoding.AppendEncode(dst, e.Hash[:])
	dst = append(dst, '"')
	if !e.Signed() {
		return dst
	}
	dst = append(dst, `,"mac":"`...)
	dst = strconv.AppendInt(dst, int64(e.MAC.Key), 10)
	dst = append(dst, ':')
	dst = base64.RawURLEncoding.AppendEncode(dst, e.MAC.Sum[:])
	dst = append(dst, '"')
	if !types {
		return dst
	}
	dst = append(dst, `,"types":[`...)
	for i, typ := range e.types() {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = canonicaljson.AppendString(dst, typ)
	}
	return append(dst, ']')
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
	if e.Signed() {
		e.MAC.field(&c)
	}
	e.commands(&c)
	c.End()
	if err := c.Finish(); err != nil {
		panic(fmt.Sprintf("event: header of an entry that was never sealed: %v", err))
	}
	return c.Written()
}

// Verify checks the entry's rules and its Hash, as after its parts were read from an archive. It
// returns ErrHash when the hash is another. It does not check the MAC: Keyring does.
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
