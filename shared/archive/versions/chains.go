package versions

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"

	"passbook/shared/event"
)

// errMany means that more is to be kept at once than Config.Accounts.
var errMany = errors.New("more accounts and repeated entries than can be checked at once")

// Link is what the chain of an account needs of an entry.
type Link struct {
	// Account is "<tenant>#<id>", and Segment the key of the segment that has the entry.
	Account, Segment string
	First, Last      int64
	Prev, Hash       event.Hash
	// Unproven means that the entry is the bank's only if a later one follows it that is.
	Unproven bool
}

// LinkOf returns the Link of an entry in a segment.
func LinkOf(e *event.Entry, key string) Link {
	return Link{Account: e.Account().String(), Segment: key, First: e.First, Last: e.Last, Prev: e.Prev, Hash: e.Hash}
}

// short returns an account's name as it is kept of very many.
func short(name string) (s [16]byte) {
	sum := sha256.Sum256([]byte(name))
	copy(s[:], sum[:])
	return s
}

// head is the end of an account's chain.
type head struct {
	last int64
	hash event.Hash
}

// chains checks that the entries of accounts follow one another. They come about in order: what
// comes before the entry that it follows waits for it, and what comes again is a repeat.
type chains struct {
	// most bounds the accounts, and the entries that wait or are repeats.
	most int
	// find is told what is wrong, repeat of entries that another one was before, and linked, if
	// not nil, of each entry of a chain.
	find   func(Finding)
	repeat func(Link)
	linked func(Link)

	heads map[[16]byte]head
	early map[[16]byte]map[int64]Link
	other int // entries that wait or are repeats
	// unproven has the newest entry of each chain that may not be the bank's.
	unproven map[[16]byte]Link
}

func newChains(most int, find func(Finding), repeat, linked func(Link)) *chains {
	return &chains{
		most: most, find: find, repeat: repeat, linked: linked,
		heads: map[[16]byte]head{}, early: map[[16]byte]map[int64]Link{}, unproven: map[[16]byte]Link{},
	}
}

// take takes the next entry.
func (c *chains) take(l Link) error {
	of := short(l.Account)
	h := c.heads[of]
	switch {
	case l.First == h.last+1:
		c.follow(of, l)
		c.followEarly(of)
	case l.Last == h.last && l.Hash == h.hash: // the newest entry again
	case l.First <= h.last:
		c.other++
		c.repeat(l)
	default:
		c.wait(of, l)
	}
	if len(c.heads)+c.other > c.most {
		return errMany
	}
	return nil
}

// follow puts an entry at the end of its account's chain.
func (c *chains) follow(of [16]byte, l Link) {
	if h := c.heads[of]; l.Prev != h.hash {
		c.find(Finding{Segment: l.Segment, Account: l.Account, Version: l.First, What: "its prev is not the hash of the entry before"})
	}
	if c.linked != nil {
		c.linked(l)
	}
	switch {
	case l.Unproven:
		c.unproven[of] = l
	case len(c.unproven) > 0 && l.Prev == c.heads[of].hash:
		delete(c.unproven, of)
	}
	c.heads[of] = head{l.Last, l.Hash}
}

// wait keeps an entry until the one that it follows comes.
func (c *chains) wait(of [16]byte, l Link) {
	if c.early[of] == nil {
		c.early[of] = map[int64]Link{}
	}
	before, again := c.early[of][l.First]
	switch {
	case !again:
		c.other++
		c.early[of][l.First] = l
	case before.Hash != l.Hash:
		c.other++
		c.repeat(l)
	}
}

// followEarly puts the entries that waited for the end of an account's chain after it.
func (c *chains) followEarly(of [16]byte) {
	for waiting := c.early[of]; len(waiting) > 0; {
		l, is := waiting[c.heads[of].last+1]
		if !is {
			return
		}
		delete(waiting, l.First)
		c.other--
		c.follow(of, l)
	}
	delete(c.early, of)
}

// finish names what the entries wait for that still do, and those that nothing proves.
func (c *chains) finish() {
	for _, of := range sorted(c.early) {
		waiting := c.early[of]
		for _, first := range slices.Sorted(maps.Keys(waiting)) {
			l, h := waiting[first], c.heads[of]
			if first <= h.last {
				c.repeat(l)
				continue
			}
			if first > h.last+1 {
				c.find(Finding{Account: l.Account, Version: h.last + 1, What: fmt.Sprintf("missing up to v%d: the next entry is in %s", first-1, l.Segment)})
				c.heads[of] = head{first - 1, l.Prev}
			}
			c.follow(of, l)
		}
	}
	c.early = nil
	for _, of := range sorted(c.unproven) {
		l := c.unproven[of]
		c.find(Finding{Segment: l.Segment, Account: l.Account, Version: l.First, What: "it has no mac, and no later entry follows it"})
	}
}

// sorted returns the keys of accounts in one order.
func sorted[V any](of map[[16]byte]V) [][16]byte {
	return slices.SortedFunc(maps.Keys(of), func(a, b [16]byte) int { return bytes.Compare(a[:], b[:]) })
}
