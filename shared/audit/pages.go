package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"time"

	"passbook/shared/event"
	"passbook/shared/table"
)

// pageSpan is how many versions a key page covers; pageKeyHash is how many bytes of a key's SHA-256
// it has.
const (
	pageSpan    = 1000
	pageKeyHash = 12
)

// keyPages computes what the pages of an account's command keys must contain. Page i, of the
// entries whose first version is in 1000·i+1 … 1000·(i+1), has for each keyed command a part of the
// key's hash and the version of its first event.
type keyPages struct {
	index int64
	keys  []byte
	at    time.Time
	// sums has a hash of each finished page, so that a long history fits in memory.
	sums map[int64]pageSum
}

type pageSum struct {
	keys [sha256.Size]byte
	at   table.S
}

// add adds the entry's keys. Entries come in version order.
func (p *keyPages) add(e *event.Entry) {
	if index := (e.First - 1) / pageSpan; index != p.index {
		p.closePage()
		p.index = index
	}
	p.at = e.RecordedAt
	for _, c := range e.Commands {
		if c.Key == "" {
			continue
		}
		sum := sha256.Sum256([]byte(c.Key))
		p.keys = append(p.keys, sum[:pageKeyHash]...)
		p.keys = binary.BigEndian.AppendUint32(p.keys, uint32(c.First-p.index*pageSpan))
	}
}

// closePage finishes the current page.
func (p *keyPages) closePage() {
	if p.sums == nil {
		p.sums = map[int64]pageSum{}
	}
	if !p.at.IsZero() {
		p.sums[p.index] = pageSum{sha256.Sum256(p.keys), table.Time(p.at)}
	}
	p.keys, p.at = p.keys[:0], time.Time{}
}

// fits reports whether a page in the journal is as expected. A page is saved only when no more keys
// can come.
func (p *keyPages) fits(version int64, row table.Row) bool {
	if (version-1)%pageSpan != 0 {
		return false
	}
	want, complete := p.sums[(version-1)/pageSpan]
	sum := sha256.Sum256(row.Attrs.Bytes("keys"))
	return complete && bytes.Equal(sum[:], want.keys[:]) && row.Attrs["at"] == want.at
}
