package audit

import (
	"encoding/binary"
	"errors"
	"time"

	"passbook/shared/event"
)

// The flags of a sorted entry.
const (
	flagUnsigned = 1 << iota
	flagProven
)

// appendArchived appends an entry that the segment of an index in the plan has.
func appendArchived(dst []byte, e archivedEntry, at int) []byte {
	flags := int64(0)
	if e.unsigned {
		flags |= flagUnsigned
	}
	if e.proven {
		flags |= flagProven
	}
	for _, n := range []int64{int64(at), e.first, e.last, e.posted, e.recorded.UnixMicro(), flags} {
		dst = binary.AppendVarint(dst, n)
	}
	return append(append(append(dst, e.hash[:]...), e.prev[:]...), e.currency...)
}

// parseArchived returns the entry that appendArchived wrote, and the index of its segment.
func parseArchived(record []byte) (e archivedEntry, at int, err error) {
	var numbers [6]int64
	for i := range numbers {
		n, size := binary.Varint(record)
		if size <= 0 {
			return e, 0, errors.New("a number is missing")
		}
		numbers[i], record = n, record[size:]
	}
	hashes := len(e.hash) + len(e.prev)
	if len(record) < hashes {
		return e, 0, errors.New("a hash is missing")
	}
	e.first, e.last, e.posted, e.recorded = numbers[1], numbers[2], numbers[3], time.UnixMicro(numbers[4]).UTC()
	e.unsigned, e.proven = numbers[5]&flagUnsigned != 0, numbers[5]&flagProven != 0
	e.hash, e.prev, e.currency = event.Hash(record), event.Hash(record[len(e.hash):]), string(record[hashes:])
	return e, int(numbers[0]), nil
}
