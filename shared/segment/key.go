package segment

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Roots returns what the keys of all segments begin with, for each format one, the oldest first.
func Roots() (roots []string) {
	for format := 1; format <= Format; format++ {
		roots = append(roots, root(format))
	}
	return roots
}

// root returns what the keys of segments of a format begin with.
func root(format int) string { return AnyRoot + strconv.Itoa(format) + "/" }

// AnyRoot is what the roots of all formats begin with, newer ones included.
const AnyRoot = "events/v"

// BehindRoots returns a key that sorts after those of all segments that this program knows: "0" is
// the character after the slash.
func BehindRoots() string { return AnyRoot + strconv.Itoa(Format) + "0" }

// IsNewer reports whether a key is that of a segment of a newer format.
func IsNewer(key string) bool {
	digits, _, ok := strings.Cut(strings.TrimPrefix(key, AnyRoot), "/date=")
	format, err := strconv.Atoi(digits)
	return ok && err == nil && format > Format
}

// SequenceDigits is the width to which keys pad sequence numbers, so that keys sort as sequence
// numbers do. A Kinesis sequence number has up to 56 digits.
const SequenceDigits = 56

// Source identifies a shard of one incarnation of a stream. A stream that was deleted and created
// again has a later Created.
type Source struct {
	Stream  string
	Created time.Time
	Shard   string
}

// String returns "<stream>-<created, unix seconds>/<shard>", as in keys.
func (s Source) String() string {
	return s.Stream + "-" + strconv.FormatInt(s.Created.Unix(), 10) + "/" + s.Shard
}

// Name is the content of a segment's key.
type Name struct {
	Source
	// Format is that of the segment.
	Format int
	// Date is the UTC arrival date of the segment's first record, as midnight.
	Date time.Time
	// First is the sequence number of the first record, without padding.
	First string
}

// Key returns the key of the segment's object.
func (n Name) Key() string {
	return root(n.Format) + DayPrefix(n.Date) + n.Source.String() + "/" + strings.Repeat("0", max(0, SequenceDigits-len(n.First))) + n.First + ".parquet"
}

// DayPrefix returns what follows the root in the keys of all segments of a UTC day.
func DayPrefix(day time.Time) string {
	return "date=" + day.UTC().Format(time.DateOnly) + "/"
}

// ParseKey reads a key. It accepts exactly what Key returns.
func ParseKey(key string) (Name, error) {
	n, ok := parseKey(key)
	if !ok || n.Key() != key {
		return Name{}, fmt.Errorf("segment: %q is not the key of a segment", key)
	}
	return n, nil
}

func parseKey(key string) (Name, bool) {
	format, parts, ok := cutRoot(key)
	if !ok || len(parts) != 4 || parts[2] == "" {
		return Name{}, false
	}
	day, err := time.Parse(time.DateOnly, parts[0])
	if err != nil {
		return Name{}, false
	}
	source, ok := ParseSource(parts[1], parts[2])
	if !ok {
		return Name{}, false
	}
	digits, ok := strings.CutSuffix(parts[3], ".parquet")
	if !ok || len(digits) < SequenceDigits || !isSequence(digits) {
		return Name{}, false
	}
	return Name{Source: source, Format: format, Date: day, First: Unpadded(digits)}, true
}

// cutRoot divides a key into its format and what follows "date=", at the slashes.
func cutRoot(key string) (format int, parts []string, ok bool) {
	for format := 1; format <= Format; format++ {
		rest, ok := strings.CutPrefix(key, root(format)+"date=")
		if ok {
			return format, strings.Split(rest, "/"), true
		}
	}
	return 0, nil, false
}

// ChainName returns a segment's key without its format and day, since a chain names segments
// regardless of both.
func ChainName(key string) string {
	_, parts, ok := cutRoot(key)
	if !ok {
		return ""
	}
	return strings.Join(parts[1:], "/")
}

// ParseSource reads a source from the two parts of its String: the stream with the time of its
// creation, and the shard.
func ParseSource(stream, shard string) (Source, bool) {
	dash := strings.LastIndexByte(stream, '-')
	if dash < 1 {
		return Source{}, false
	}
	unix, err := strconv.ParseInt(stream[dash+1:], 10, 64)
	return Source{Stream: stream[:dash], Created: time.Unix(unix, 0).UTC(), Shard: shard}, err == nil
}

// Unpadded returns a sequence number without leading zeros.
func Unpadded(digits string) string {
	if first := strings.TrimLeft(digits, "0"); first != "" {
		return first
	}
	return "0"
}

// isSequence reports whether s is a decimal number, as sequence numbers are.
func isSequence(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
