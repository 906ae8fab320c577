package versions

import (
	"cmp"
	"slices"
)

// repeats are entries that another one of their account was before, by account and version.
type repeats map[repeated][]Link

type repeated struct {
	account string
	first   int64
}

// add notes an entry, once.
func (r repeats) add(l Link) {
	at := repeated{l.Account, l.First}
	if !slices.ContainsFunc(r[at], func(o Link) bool { return o.Hash == l.Hash }) {
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
func (r repeats) match(l Link) {
	at := repeated{l.Account, l.First}
	r[at] = slices.DeleteFunc(r[at], func(o Link) bool { return o.Hash == l.Hash })
	if len(r[at]) == 0 {
		delete(r, at)
	}
}

// unmatched returns what match did not remove, in order.
func (r repeats) unmatched() []Link {
	return slices.SortedFunc(func(yield func(Link) bool) {
		for _, links := range r {
			for _, l := range links {
				if !yield(l) {
					return
				}
			}
		}
	}, func(a, b Link) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.First, b.First), cmp.Compare(a.Segment, b.Segment))
	})
}
