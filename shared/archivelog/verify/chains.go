package verify

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"passbook/shared/event"
)

// errMany means that more is to be kept at once than Config.Accounts.
var errMany = errors.New("more accounts and repeated entries than can be checked at once")

// nameOf returns an account's name in a report.
func nameOf(tenant, id string) string { return event.Account{Tenant: tenant, ID: id}.String() }

// link is what the chain of an account needs of an entry.
type link struct {
	account, segment string
	first, last      int64
	prev, hash       event.Hash
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
	repeat func(link)
	linked func(link)

	heads map[[16]byte]head
	early map[[16]byte]map[int64]link
	other int // entries that wait or are repeats
}

// take takes an entry of a segment.
func (c *chains) take(e *event.Entry, key string) error {
	if c.heads == nil {
		c.heads, c.early = map[[16]byte]head{}, map[[16]byte]map[int64]link{}
	}
	l := link{account: e.Account().String(), segment: key, first: e.First, last: e.Last, prev: e.Prev, hash: e.Hash}
	of := short(l.account)
	h := c.heads[of]
	switch {
	case l.first == h.last+1:
		c.follow(of, l)
		c.followEarly(of)
	case l.last == h.last && l.hash == h.hash: // the newest entry again
	case l.first <= h.last:
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
func (c *chains) follow(of [16]byte, l link) {
	if h := c.heads[of]; l.prev != h.hash {
		c.find(Finding{Segment: l.segment, Account: l.account, Version: l.first, What: "its prev is not the hash of the entry before"})
	}
	if c.linked != nil {
		c.linked(l)
	}
	c.heads[of] = head{l.last, l.hash}
}

// wait keeps an entry until the one that it follows comes.
func (c *chains) wait(of [16]byte, l link) {
	if c.early[of] == nil {
		c.early[of] = map[int64]link{}
	}
	before, again := c.early[of][l.first]
	switch {
	case !again:
		c.other++
		c.early[of][l.first] = l
	case before.hash != l.hash:
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
		delete(waiting, l.first)
		c.other--
		c.follow(of, l)
	}
	delete(c.early, of)
}

// finish names what the entries wait for that still do.
func (c *chains) finish() {
	for _, of := range slices.SortedFunc(maps.Keys(c.early), func(a, b [16]byte) int { return bytes.Compare(a[:], b[:]) }) {
		waiting := c.early[of]
		for _, first := range slices.Sorted(maps.Keys(waiting)) {
			l, h := waiting[first], c.heads[of]
			if first <= h.last {
				c.repeat(l)
				continue
			}
			if first > h.last+1 {
				c.find(Finding{Account: l.account, Version: h.last + 1, What: fmt.Sprintf("missing up to v%d: the next entry is in %s", first-1, l.segment)})
				c.heads[of] = head{first - 1, l.prev}
			}
			c.follow(of, l)
		}
	}
	c.early = nil
}

// repeats are entries that another one of their account was before, by account and version.
type repeats map[repeated][]link

type repeated struct {
	account string
	first   int64
}

// add notes an entry, once.
func (r repeats) add(l link) {
	at := repeated{l.account, l.first}
	if !slices.ContainsFunc(r[at], func(o link) bool { return o.hash == l.hash }) {
		r[at] = append(r[at], l)
	}
}

// accounts returns the names of the accounts.
func (r repeats) accounts() map[string]bool {
	names := map[string]bool{}
	for at := range r {
		names[at.account] = true
	}
	return names
}

// match removes what is the same as an entry of its account's chain.
func (r repeats) match(l link) {
	at := repeated{l.account, l.first}
	r[at] = slices.DeleteFunc(r[at], func(o link) bool { return o.hash == l.hash })
	if len(r[at]) == 0 {
		delete(r, at)
	}
}

// unmatched returns what match did not remove, in order.
func (r repeats) unmatched() []link {
	return slices.SortedFunc(func(yield func(link) bool) {
		for _, links := range r {
			for _, l := range links {
				if !yield(l) {
					return
				}
			}
		}
	}, func(a, b link) int {
		return cmp.Or(cmp.Compare(a.account, b.account), cmp.Compare(a.first, b.first), cmp.Compare(a.segment, b.segment))
	})
}
