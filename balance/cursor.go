package balance

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"passbook/shared/event"
	"strings"

	"passbook/shared/account"
)

// ErrCursor: the cursor is not one that List gave for this filter.
var ErrCursor = errors.New("balance: invalid cursor")

// place is where a listing stands: behind an account, in a partition of the index of accounts, or
// in a holder's only one.
type place struct {
	digit   byte
	account string
}

const (
	holderPlace = '-' // the partition of a listing by holder
	endPlace    = 'z' // behind the last partition
)

func firstPlace(f Filter) place {
	if f.Holder != "" {
		return place{digit: holderPlace}
	}
	return place{digit: event.HashBuckets[0]}
}

func (p place) done() bool { return p.digit == endPlace }

// following is the beginning of the next partition.
func (p place) following() place {
	if i := strings.IndexByte(event.HashBuckets, p.digit); i >= 0 && i+1 < len(event.HashBuckets) {
		return place{digit: event.HashBuckets[i+1]}
	}
	return place{digit: endPlace}
}

// cursor spells a place for the filter that it belongs to; nothing at the end.
func (p place) cursor(f Filter) string {
	if p.done() {
		return ""
	}
	raw := binary.BigEndian.AppendUint32(nil, f.sum())
	return base64.RawURLEncoding.EncodeToString(append(append(raw, p.digit), p.account...))
}

// parseCursor reads a cursor; an empty one is the beginning. Nothing of it reaches a store
// unchecked.
func parseCursor(f Filter, cursor string) (place, error) {
	if cursor == "" {
		return firstPlace(f), nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(raw) < 5 || binary.BigEndian.Uint32(raw) != f.sum() {
		return place{}, ErrCursor
	}
	p := place{digit: raw[4], account: string(raw[5:])}
	digits := event.HashBuckets
	if f.Holder != "" {
		digits = string(rune(holderPlace))
	}
	if strings.IndexByte(digits, p.digit) < 0 || p.account != "" && !account.ValidAccountID(p.account) {
		return place{}, ErrCursor
	}
	return p, nil
}

// sum tells filters apart, so that a cursor is not used with another filter by mistake.
func (f Filter) sum() uint32 {
	over := "any"
	if f.OverLimit != nil {
		over = fmt.Sprint(*f.OverLimit)
	}
	h := fnv.New32a()
	for _, part := range []string{f.Tenant, f.Holder, f.Status, over} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return h.Sum32()
}
