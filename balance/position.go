package balance

import (
	"errors"
	"strings"

	"passbook/shared/account"
	"passbook/shared/event"
)

// ErrPosition is the error of a position that List did not return for such a filter.
var ErrPosition = errors.New("balance: invalid position in a list of accounts")

// position is where a list continues: after an account, in a hash bucket of the index of accounts,
// or in the only partition of a holder.
type position struct {
	bucket  byte
	account string
}

const (
	holderBucket = '-' // the partition of a list by holder
	endBucket    = 'z' // after the last partition
)

func firstPosition(f Filter) position {
	if f.Holder != "" {
		return position{bucket: holderBucket}
	}
	return position{bucket: event.HashBuckets[0]}
}

func (p position) done() bool { return p.bucket == endBucket }

// nextBucket returns the beginning of the next partition.
func (p position) nextBucket() position {
	if i := strings.IndexByte(event.HashBuckets, p.bucket); i >= 0 && i+1 < len(event.HashBuckets) {
		return position{bucket: event.HashBuckets[i+1]}
	}
	return position{bucket: endBucket}
}

// String returns the position as a cursor has it; empty at the end.
func (p position) String() string {
	if p.done() {
		return ""
	}
	return string(rune(p.bucket)) + p.account
}

// parsePosition returns the position that String returned as text; an empty text is the beginning.
// It checks everything that is given to a store.
func parsePosition(f Filter, text string) (position, error) {
	if text == "" {
		return firstPosition(f), nil
	}
	p := position{bucket: text[0], account: text[1:]}
	buckets := event.HashBuckets
	if f.Holder != "" {
		buckets = string(rune(holderBucket))
	}
	if strings.IndexByte(buckets, p.bucket) < 0 || p.account != "" && !account.ValidAccountID(p.account) {
		return position{}, ErrPosition
	}
	return p, nil
}
