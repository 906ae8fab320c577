package event

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"sync"

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

// draft is an entry's JSON without its proof, which has room between head and lists. The hash
// covers exactly the bytes of both.
type draft struct {
	json []byte
	// head is where the head ends, lists where the lists begin, and commands where the first of
	// them ends.
	head, lists, commands int
	// types are those that the proof names.
	types []string
}

// size returns how many bytes the hash covers.
func (d draft) size() int { return d.head + len(d.json) - d.lists }

// sum returns the hash of the entry.
func (d draft) sum() Hash { return sumOf(d.json[:d.head], d.json[d.lists:]) }

// Seal checks the entry against every rule that DecodeRecord checks, sets its Hash and its MAC and
// encodes it. It also fills the Data of events that have none. An entry of format 1 has no MAC, and
// needs no signer. The record has no State, Writer and N, but State counts for the size:
// ErrTooLarge.
func Seal(e *Entry, signer Signer) (Encoded, error) {
	d, err := e.newDraft(true)
	if err != nil {
		return Encoded{}, fmt.Errorf("event: seal: %w", err)
	}
	e.Hash, e.MAC = d.sum(), MAC{}
	if e.Signed() {
		if signer == nil {
			return Encoded{}, fmt.Errorf("event: seal: format %d needs a data key", e.Format)
		}
		e.MAC = signer.Sign(e.Hash)
	}
	return e.encode(d)
}

// Signed reports whether entries of the format have a MAC.
func (e *Entry) Signed() bool { return e.Format >= SignedFormat }

// encode returns the encoding of a sealed entry of a draft. It moves the head up to the proof.
func (e *Entry) encode(d draft) (Encoded, error) {
	var room [1 << 10]byte
	proof := e.appendProof(room[:0], d.types)
	start := d.lists - len(proof) - d.head
	copy(d.json[start:], d.json[:d.head])
	copy(d.json[start+d.head:d.lists], proof)
	record, headed := d.json[start:], d.lists-start
	if len(record)+len(e.State) > MaxEntryBytes {
		return Encoded{}, ErrTooLarge
	}
	enc := Encoded{
		Record:   record,
		Commands: d.json[d.lists+len(commandsName) : d.commands],
		Events:   d.json[d.commands+len(eventsName) : len(d.json)-1],
	}
	if e.compressed(d.size()) {
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
	d, err := bare.newDraft(true)
	if err != nil {
		return nil, Encoded{}, fmt.Errorf("event: encode: %w", err)
	}
	bare.Hash = d.sum()
	enc, err := bare.encode(d)
	return &bare, enc, err
}

// Hashed returns the bytes that the entry's Hash covers: the record's JSON without the hash, the
// MAC and the types.
func (e *Entry) Hashed() ([]byte, error) {
	d, err := e.newDraft(false)
	if err != nil {
		return nil, fmt.Errorf("event: encode: %w", err)
	}
	return d.json, nil
}

// types returns the distinct types of the events, in the order of their first appearance. An event
// without a body, which nothing seals, has none.
func (e *Entry) types() []string {
	types := make([]string, 0, 4)
	for i := range e.Events {
		b := e.Events[i].Body
		if b != nil && !slices.Contains(types, b.Type()) {
			types = append(types, b.Type())
		}
	}
	return types
}

// The names of the lists, as they follow other fields in a record.
const (
	commandsName = `,"commands":`
	eventsName   = `,"events":`
)

// hashBytes is the length of the hash's field, and macBytes the most of that of the MAC.
const (
	hashBytes = len(`,"hash":""`) + 43
	macBytes  = len(`,"mac":""`) + maxMACBytes
)

// proofRoom returns the most bytes of what appendProof appends with types.
func proofRoom(types []string) int {
	room := hashBytes + macBytes + len(`,"types":[]`)
	for _, typ := range types {
		room += len(typ) + len(`"",`)
	}
	return room
}

// appendProof appends the fields that the hash does not cover: the hash itself and, of a signed
// entry, the MAC and, in a record, the types of its events.
func (e *Entry) appendProof(dst []byte, types []string) []byte {
	dst = append(dst, `,"hash":"`...)
	dst = base64.RawURLEncoding.AppendEncode(dst, e.Hash[:])
	dst = append(dst, '"')
	if !e.Signed() {
		return dst
	}
	dst = append(e.MAC.appendTo(append(dst, `,"mac":"`...)), '"')
	if len(types) == 0 {
		return dst
	}
	dst = append(dst, `,"types":[`...)
	for i, typ := range types {
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

// The bytes of JSON for which there is memory at once: of a head, of a command and of an event.
const (
	headRoom    = 384
	commandRoom = 256
	eventRoom   = 352
)

// newDraft encodes the entry into new memory, for a record with room for its proof.
func (e *Entry) newDraft(record bool) (draft, error) {
	var types []string
	room := 0
	if record {
		types = e.types()
		room = proofRoom(types)
	}
	d, err := e.draft(make([]byte, 0, headRoom+room+commandRoom*len(e.Commands)+eventRoom*len(e.Events)), room)
	d.types = types
	return d, err
}

// draft encodes the entry into empty memory, with so many bytes of room for a proof. Its error
// names the field that breaks a rule.
func (e *Entry) draft(memory []byte, room int) (draft, error) {
	var d draft
	c := canonicaljson.NewWriter(memory)
	e.writeHead(&c)
	d.head = c.Here()
	c.Reserve(room)
	d.lists = c.Here()
	e.checkCommands(&c)
	e.checkEvents(&c)
	e.checkRepeated(&c)
	e.commands(&c)
	d.commands = c.Here()
	e.events(&c)
	c.End()
	d.json = c.Written()
	return d, c.Finish()
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

// verifying has memory for the JSON of entries that are verified.
var verifying = sync.Pool{New: func() any { return new([]byte) }}

// Verify checks the entry's rules and its Hash, as after its parts were read from an archive. It
// returns ErrHash when the hash is another. It does not check the MAC: Keyring does.
func (e *Entry) Verify() error {
	memory := verifying.Get().(*[]byte)
	defer verifying.Put(memory)
	d, err := e.draft((*memory)[:0], 0)
	*memory = d.json
	if err != nil {
		return fmt.Errorf("event: verify: %w", err)
	}
	if d.sum() != e.Hash {
		return ErrHash
	}
	return nil
}
