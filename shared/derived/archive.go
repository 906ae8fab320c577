package derived

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"
)

// Archive lists events that are older than the index.
type Archive interface {
	// List returns up to limit events, newest first, from a position on; next is the position of
	// the following page, nil at the end. A page may be short, even empty, without being the last.
	// The error is ErrBusy or a DamageError if it is theirs.
	List(ctx context.Context, f Filter, at Position, limit int) (page []Found, next *Position, err error)
}

// ErrBusy means that as many pages of the archive as may be are read at once already.
var ErrBusy = errors.New("derived: too many pages of the archive are read at once")

// DamageError is the error of a list that cannot continue, because of a part of the archive that is
// missing or cannot be read.
type DamageError struct{ What string }

// Error returns what is wrong, with the key of the segment.
func (e *DamageError) Error() string { return e.What }

// Position is where a list continues: with what is before a key, and with the events of the entry
// at that key before a version.
type Position struct {
	key   string
	below int64
}

// Before returns the position of what was recorded before a time.
func Before(t time.Time) Position { return Position{key: TimeKey(t)} }

// ParsePosition returns the position that String returned as text, or that Events.List
// returned: the events of both are in one order.
func ParsePosition(text string) (Position, error) {
	cut := strings.LastIndexByte(text, '#')
	if cut < 0 {
		return Position{}, ErrPosition
	}
	below, err := strconv.ParseInt(text[cut+1:], 10, 64)
	p := Position{text[:cut], below}
	if err != nil || below < 0 || !ValidKey(p.key) {
		return Position{}, ErrPosition
	}
	return p, nil
}

// PositionAfter returns the position after an event of the entry at a place.
func PositionAfter(place string, version int64) Position { return Position{place, version} }

// Precedes reports whether the list at the position has more than at another.
func (p Position) Precedes(o Position) bool { return p.key > o.key }

// Has reports whether an event of the entry at a place follows the position.
func (p Position) Has(place string, version int64) bool {
	return place < p.key || place == p.key && version < p.below
}

// String returns the position as a cursor has it.
func (p Position) String() string { return p.key + "#" + strconv.FormatInt(p.below, 10) }

// IsBefore reports whether everything from the position on was recorded before a time.
func (p Position) IsBefore(t time.Time) bool { return p.key <= TimeKey(t) }

// Newest returns the microsecond of the newest entry that may follow.
func (p Position) Newest() int64 {
	at := KeyTime(p.key).UnixMicro()
	if p.key == TimeKey(time.UnixMicro(at)) {
		return at - 1
	}
	return at
}
