package feed

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"passbook/shared/segment"
)

// errCursor means that a cursor was not made for this tenant and filter, or was changed.
var errCursor = errors.New("feed: not a cursor of this query")

// place is how far a shard was delivered.
type place struct {
	// sequence is that of the last record that was delivered; empty where none was yet.
	sequence string
	// ended says that the shard takes no more records and that all of them were delivered.
	ended bool
}

// position is how far a connection was served: what its cursors say.
type position struct {
	// places has every shard of the stream that was known. A shard that is not there is newer than
	// all of them, and was not begun.
	places map[segment.Source]place
	// caughtUp is a time up to which every shard was delivered: what arrived before it is not
	// needed again.
	caughtUp time.Time
	// since leaves out what was recorded before it; zero leaves out nothing.
	since time.Time
	// history says that the archive is being read: the stream is not followed yet.
	history bool
}

const (
	cursorFormat = 1
	// cursorSum is the length of the checksum at a cursor's start.
	cursorSum = 6
	// maxCursor bounds the text of a cursor. One of 200 shards on Kinesis has about 8 KB.
	maxCursor = 12 << 10
	// numberedShard is the form of shard ids on Kinesis, which are written as their number.
	numberedShard = "shardId-"
	numberDigits  = 12
)

var cursorText = base64.RawURLEncoding.Strict()

// encode returns the cursor of a position in a query.
func (p position) encode(query string) string {
	body := []byte{cursorFormat}
	body = binary.AppendVarint(body, unixMicro(p.caughtUp))
	body = binary.AppendVarint(body, unixMicro(p.since))
	if p.history {
		body = append(body, 1)
	} else {
		body = append(body, 0)
	}
	stream, created := "", int64(0)
	for _, s := range slices.SortedFunc(maps.Keys(p.places), compareSources) {
		// A stream is named by its first shard only.
		if s.Stream == stream && s.Created.Unix() == created {
			body = append(body, 0)
		} else {
			stream, created = s.Stream, s.Created.Unix()
			body = binary.AppendVarint(appendText(append(body, 1), stream), created)
		}
		body = p.places[s].append(appendShard(body, s.Shard))
	}
	return cursorText.EncodeToString(append(checksum(query, body), body...))
}

// append appends a place: 0 for nothing yet, 1 for the end, else the sequence number in bytes and
// its length, plus 1.
func (p place) append(dst []byte) []byte {
	switch number, ok := new(big.Int).SetString(p.sequence, 10); {
	case p.ended:
		return binary.AppendUvarint(dst, 1)
	case !ok:
		return binary.AppendUvarint(dst, 0)
	default:
		raw := number.Bytes()
		return append(binary.AppendUvarint(dst, uint64(len(raw))+1), raw...)
	}
}

func appendText(dst []byte, text string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}

func appendShard(dst []byte, id string) []byte {
	if number, ok := shardNumber(id); ok {
		return binary.AppendUvarint(append(dst, 0), number)
	}
	return appendText(dst, id)
}

// shardNumber returns the number in a shard id of Kinesis' form.
func shardNumber(id string) (uint64, bool) {
	digits, ok := strings.CutPrefix(id, numberedShard)
	if !ok || len(digits) != numberDigits {
		return 0, false
	}
	number, err := strconv.ParseUint(digits, 10, 63)
	return number, err == nil
}

func compareSources(a, b segment.Source) int {
	return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.Stream, b.Stream), cmp.Compare(a.Shard, b.Shard))
}

func checksum(query string, body []byte) []byte {
	sum := sha256.Sum256(append([]byte(query+"\n"), body...))
	return sum[:cursorSum]
}

// decodeCursor returns the position of a cursor that was made for the query.
func decodeCursor(query, cursor string) (position, error) {
	if len(cursor) > maxCursor || strings.ContainsAny(cursor, "\r\n") {
		return position{}, errCursor
	}
	raw, err := cursorText.DecodeString(cursor)
	if err != nil || len(raw) <= cursorSum || !bytes.Equal(raw[:cursorSum], checksum(query, raw[cursorSum:])) {
		return position{}, errCursor
	}
	d := decoder{rest: raw[cursorSum:]}
	if d.byte() != cursorFormat {
		return position{}, errCursor
	}
	p := position{places: map[segment.Source]place{}, caughtUp: microTime(d.varint()), since: microTime(d.varint())}
	p.history = d.byte() == 1
	var source segment.Source
	for len(d.rest) > 0 && d.err == nil {
		if d.byte() == 1 {
			source.Stream, source.Created = d.text(), time.Unix(d.varint(), 0).UTC()
		}
		source.Shard = d.shard()
		p.places[source] = d.place()
	}
	return p, d.err
}

// decoder takes values from the bytes of a cursor. After an error it returns zero values.
type decoder struct {
	rest []byte
	err  error
}

func (d *decoder) fail() { d.rest, d.err = nil, errCursor }

func (d *decoder) byte() byte { return append(d.bytes(1), 0)[0] }

func (d *decoder) bytes(n uint64) []byte {
	if n > uint64(len(d.rest)) {
		d.fail()
		return nil
	}
	taken := d.rest[:n:n]
	d.rest = d.rest[n:]
	return taken
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.rest)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.rest)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) text() string { return string(d.bytes(d.uvarint())) }

func (d *decoder) shard() string {
	if id := d.text(); id != "" {
		return id
	}
	return fmt.Sprintf("%s%0*d", numberedShard, numberDigits, d.uvarint())
}

func (d *decoder) place() place {
	switch n := d.uvarint(); n {
	case 0:
		return place{}
	case 1:
		return place{ended: true}
	default:
		return place{sequence: new(big.Int).SetBytes(d.bytes(n - 1)).String()}
	}
}

// unixMicro returns a time in microseconds since 1970, 0 for the zero time.
func unixMicro(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// microTime returns the time of unixMicro.
func microTime(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}
