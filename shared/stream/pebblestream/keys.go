package pebblestream

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strconv"
	"time"

	"passbook/shared/embedded"
	"passbook/shared/stream"
)

// Keys in the database:
//
//	s m <stream name>  -> the description of the stream, JSON
//	s n                -> 8 bytes: sequence numbers below this one may have been used
//	s r <stream id, 8 bytes> <shard, 4 bytes> <sequence, 8 bytes>
//	                   -> arrival in µs, 8 bytes; length of the partition key; the key; the data
const (
	metaSpace   = 'm'
	counterMark = 'n'
	recordSpace = 'r'

	recordKeyBytes = 2 + 8 + 4 + 8
)

var counterKey = []byte{embedded.StreamSpace, counterMark}

func metaKey(name string) []byte {
	return append([]byte{embedded.StreamSpace, metaSpace}, name...)
}

// shardKey identifies a shard of a stream, until the stream is deleted.
type shardKey struct {
	stream uint64
	shard  uint32
}

func putRecordKey(to []byte, at shardKey, sequence uint64) {
	to[0], to[1] = embedded.StreamSpace, recordSpace
	binary.BigEndian.PutUint64(to[2:], at.stream)
	binary.BigEndian.PutUint32(to[10:], at.shard)
	binary.BigEndian.PutUint64(to[14:], sequence)
}

func recordKey(at shardKey, sequence uint64) []byte {
	key := make([]byte, recordKeyBytes)
	putRecordKey(key, at, sequence)
	return key
}

func sequenceOf(key []byte) uint64 { return binary.BigEndian.Uint64(key[14:]) }

// recordSize returns the length of a stored record.
func recordSize(r stream.Record) int {
	n := len(r.PartitionKey)
	return 8 + uvarintSize(uint64(n)) + n + len(r.Data)
}

func uvarintSize(n uint64) int {
	size := 1
	for ; n >= 0x80; n >>= 7 {
		size++
	}
	return size
}

func putRecord(to []byte, r stream.Record, arrived int64) {
	binary.BigEndian.PutUint64(to, uint64(arrived))
	n := 8 + binary.PutUvarint(to[8:], uint64(len(r.PartitionKey)))
	n += copy(to[n:], r.PartitionKey)
	copy(to[n:], r.Data)
}

// cutRecord reads a stored record in place.
func cutRecord(value []byte) (arrived int64, key, data []byte, err error) {
	if len(value) < 8 {
		return 0, nil, nil, fmt.Errorf("stored record of %d bytes is damaged", len(value))
	}
	n, size := binary.Uvarint(value[8:])
	if size <= 0 || n > uint64(len(value)-8-size) {
		return 0, nil, nil, fmt.Errorf("stored record of %d bytes is damaged", len(value))
	}
	rest := value[8+size:]
	return int64(binary.BigEndian.Uint64(value)), rest[:n], rest[n:], nil
}

func formatSequence(sequence uint64) string { return strconv.FormatUint(sequence, 10) }

// parseSequence reads a sequence number of the port, up to 56 digits. It returns the largest number
// for one that this engine cannot have used.
func parseSequence(s string) (uint64, error) {
	if err := stream.CheckSequence(s); err != nil {
		return 0, err
	}
	// The only error left is that the number is out of range, and then ParseUint returns the
	// largest.
	n, _ := strconv.ParseUint(s, 10, 64)
	return n, nil
}

// cursor is the content of an iterator: the shard, the next sequence number to read, 0 for the
// oldest, and when it was made.
type cursor struct {
	at   shardKey
	next uint64
	made time.Time
}

const (
	cursorFormat byte = 1
	cursorBytes       = 1 + 8 + 4 + 8 + 8
)

func (c cursor) String() string {
	raw := make([]byte, 0, cursorBytes)
	raw = append(raw, cursorFormat)
	raw = binary.BigEndian.AppendUint64(raw, c.at.stream)
	raw = binary.BigEndian.AppendUint32(raw, c.at.shard)
	raw = binary.BigEndian.AppendUint64(raw, c.next)
	raw = binary.BigEndian.AppendUint64(raw, uint64(c.made.UnixMicro()))
	return base64.RawURLEncoding.EncodeToString(raw)
}

func parseCursor(iterator string) (cursor, error) {
	raw, err := base64.RawURLEncoding.DecodeString(iterator)
	if err != nil || len(raw) != cursorBytes || raw[0] != cursorFormat {
		return cursor{}, fmt.Errorf("%w: iterator", stream.ErrInvalid)
	}
	return cursor{
		at:   shardKey{binary.BigEndian.Uint64(raw[1:]), binary.BigEndian.Uint32(raw[9:])},
		next: binary.BigEndian.Uint64(raw[13:]),
		made: time.UnixMicro(int64(binary.BigEndian.Uint64(raw[21:]))),
	}, nil
}
