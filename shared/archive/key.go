package archive

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Root is what every segment's key starts with. v1 is the layout of keys and columns.
const Root = "events/v1/"

// sequenceDigits is the width that sequence numbers are padded to in keys, so that keys sort as
// sequence numbers do: a Kinesis sequence number has up to 56 digits.
const sequenceDigits = 56

// Source names a shard of one life of a stream. A stream that was deleted and made again has a
// later Created.
type Source struct {
	Stream  string
	Created time.Time
	Shard   string
}

// String is "<stream>-<created, unix seconds>/<shard>", as in keys.
func (s Source) String() string {
	return s.Stream + "-" + strconv.FormatInt(s.Created.Unix(), 10) + "/" + s.Shard
}

// Name is what a segment's key says.
type Name struct {
	Source
	// Date is the UTC arrival date of the segment's first record, as midnight.
	Date time.Time
	// First is the sequence number of the first record, without padding.
	First string
}

// Key is the segment's place in the bucket.
func (n Name) Key() string {
	return datePrefix(n.Date) + n.Source.String() + "/" + strings.Repeat("0", max(0, sequenceDigits-len(n.First))) + n.First + ".parquet"
}

// datePrefix is what the keys of all segments of a UTC day start with.
func datePrefix(day time.Time) string {
	return Root + "date=" + day.UTC().Format(time.DateOnly) + "/"
}

// behindDay sorts behind the keys of a day and before those of the next: "0" is what follows a
// slash.
func behindDay(day time.Time) string {
	return strings.TrimSuffix(datePrefix(day), "/") + "0"
}

// ParseKey reads a key back. It accepts exactly what Key writes.
func ParseKey(key string) (Name, error) {
	n, ok := parseKey(key)
	if !ok || n.Key() != key {
		return Name{}, fmt.Errorf("archive: %q is not the key of a segment", key)
	}
	return n, nil
}

func parseKey(key string) (Name, bool) {
	rest, ok := strings.CutPrefix(key, Root+"date=")
	if !ok {
		return Name{}, false
	}
	parts := strings.Split(rest, "/")
	if len(parts) != 4 || parts[2] == "" {
		return Name{}, false
	}
	day, err := time.Parse(time.DateOnly, parts[0])
	if err != nil {
		return Name{}, false
	}
	source, ok := parseSource(parts[1], parts[2])
	if !ok {
		return Name{}, false
	}
	digits, ok := strings.CutSuffix(parts[3], ".parquet")
	if !ok || len(digits) < sequenceDigits || !isSequence(digits) {
		return Name{}, false
	}
	return Name{Source: source, Date: day, First: unpadded(digits)}, true
}

// parseSource reads a source back: the stream with its creation, and the shard.
func parseSource(life, shard string) (Source, bool) {
	dash := strings.LastIndexByte(life, '-')
	if dash < 1 {
		return Source{}, false
	}
	unix, err := strconv.ParseInt(life[dash+1:], 10, 64)
	return Source{Stream: life[:dash], Created: time.Unix(unix, 0).UTC(), Shard: shard}, err == nil
}

// unpadded is a sequence number without the zeros before it.
func unpadded(digits string) string {
	if first := strings.TrimLeft(digits, "0"); first != "" {
		return first
	}
	return "0"
}

// isSequence says that s is a decimal number, as sequence numbers are.
func isSequence(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
