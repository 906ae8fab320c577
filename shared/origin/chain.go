package origin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"passbook/shared/event"
)

// ErrUnproven: an entry has no mac, and nothing that was looked at shows whether it is the bank's.
var ErrUnproven = errors.New("not proven to be the bank's")

// Complete reports whether every entry of the bank can be told from others: it was switched to
// macs, and the heads of what it wrote before are known.
func (p *Proof) Complete() bool { return p != nil && p.Keys != nil && p.Heads != nil }

// NeedsChain reports whether only a chain of hashes shows whose an entry is: it has no mac.
func (p *Proof) NeedsChain(e *event.Entry) bool { return p != nil && p.Heads != nil && !e.Signed() }

// Verify returns what an entry shows by itself: nil if the entry is the bank's; if it is older than
// its account's head from before macs, only once a chain leads from the head to it. It returns
// event.ErrForeign if the entry is not the bank's, and ErrUnproven if it has no mac and is younger
// than the head: a program from before the switch may have written it, and then the account's next
// entry follows it. Any other error is a failure to find out. The entry's content must have been
// compared with its hash. The nil Proof accepts everything.
func (p *Proof) Verify(ctx context.Context, e *event.Entry) error {
	switch {
	case p == nil, !e.Signed() && p.Heads == nil:
		return nil
	case e.Signed():
		return p.verifyMAC(ctx, e)
	}
	head, ok, err := p.Heads.Of(ctx, e.Account())
	switch {
	case err != nil:
		return err
	case !ok:
		return fmt.Errorf("%w: it has no mac, and the account had no entry when the bank was switched to macs", ErrUnproven)
	case e.Last > head.Version:
		return fmt.Errorf("%w: it has no mac, and v%d was the account's last when the bank was switched to macs", ErrUnproven, head.Version)
	case e.Last == head.Version && e.Hash != head.Hash:
		return fmt.Errorf("%w: it has no mac, and is not the entry that the account had when the bank was switched to macs", event.ErrForeign)
	}
	return nil
}

// Link is what a chain of hashes needs of an entry.
type Link struct {
	First, Last int64
	Hash, Prev  event.Hash
}

// LinkOf returns an entry's link.
func LinkOf(e *event.Entry) Link {
	return Link{First: e.First, Last: e.Last, Hash: e.Hash, Prev: e.Prev}
}

// VerifyChain finds out which of an account's entries without a mac are the bank's: those to which
// the chain of hashes leads back from the head that the account had when the bank was switched to
// macs, or from an entry with a valid mac. unsigned are the former and signed the latter, both in
// any order, repeats included. The result has for each of unsigned nil, event.ErrForeign, or
// ErrUnproven where an entry is missing that may lead to it.
func (p *Proof) VerifyChain(ctx context.Context, a event.Account, unsigned, signed []Link) ([]error, error) {
	verdicts := make([]error, len(unsigned))
	if len(unsigned) == 0 {
		return verdicts, nil
	}
	head, ok, err := p.Heads.Of(ctx, a)
	if err != nil {
		return nil, err
	}
	c := chain{ends: map[event.Hash]int64{}, found: map[event.Hash]bool{}}
	if ok {
		c.ends[head.Hash] = head.Version
	}
	for _, l := range signed {
		c.found[l.Hash] = true
	}
	for _, l := range signed {
		c.lead(l)
	}
	order := make([]int, len(unsigned))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(unsigned[j].Last, unsigned[i].Last) })
	for _, i := range order {
		verdicts[i] = c.verify(unsigned[i])
	}
	return verdicts, nil
}

// chain follows an account's chain of hashes back.
type chain struct {
	// ends are the versions at which the entries end that the chain leads to and that were not met,
	// by their hashes.
	ends  map[event.Hash]int64
	found map[event.Hash]bool
}

// lead notes the entry before one that is proven.
func (c *chain) lead(l Link) {
	if l.First > 1 && !c.found[l.Prev] {
		c.ends[l.Prev] = l.First - 1
	}
}

// verify finds out whose an entry is, after all later ones.
func (c *chain) verify(l Link) error {
	_, leads := c.ends[l.Hash]
	switch {
	case c.found[l.Hash]:
		return nil
	case leads:
		delete(c.ends, l.Hash)
		c.found[l.Hash] = true
		c.lead(l)
		return nil
	}
	for _, end := range c.ends {
		if end > l.Last {
			return fmt.Errorf("%w: it has no mac, and the entry that ends at v%d is missing, through which a chain of hashes may lead to it", ErrUnproven, end)
		}
	}
	return fmt.Errorf("%w: it has no mac, and no chain of hashes leads to it from an entry that has one, or from before there were any", event.ErrForeign)
}
