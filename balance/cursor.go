package balance

import (
	"errors"
	"passbook/shared/event"
	"strings"

	"passbook/shared/account"
)

// ErrPosition: the position is not one that List gave for such a filter.
var ErrPosition = errors.New("balance: invalid position in a list of accounts")

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

// String returns the place as a position in a cursor; empty at the end.
func (p place) String() string {
	if p.done() {
		return ""
	}
	return string(rune(p.digit)) + p.account
}

// parsePlace reads a position; an empty one is the beginning. Nothing of it reaches a store
// unchecked.
func parsePlace(f Filter, position string) (place, error) {
	if position == "" {
		return firstPlace(f), nil
	}
	p := place{digit: position[0], account: position[1:]}
	buckets := event.HashBuckets
	if f.Holder != "" {
		buckets = string(rune(holderPlace))
	}
	if strings.IndexByte(buckets, p.digit) < 0 || p.account != "" && !account.ValidAccountID(p.account) {
		return place{}, ErrPosition
	}
	return p, nil
}
