package past

import (
	"cmp"
	"hash/maphash"
	"slices"
	"sync"

	"passbook/shared/archive"
	"passbook/shared/event"
)

// Pass folds a part of the accounts. It is safe for concurrent use.
type Pass struct {
	at At
	// most is about how many accounts and waiting entries are in memory.
	most int64

	mu sync.RWMutex // held to divide the part
	// part is one of so many parts of the accounts.
	part, parts int
	groups      [groups]group
	seed        maphash.Seed
}

// groups is into how many groups accounts are divided, each with its own lock.
const groups = 64

type group struct {
	mu       sync.Mutex
	accounts map[event.Account]*Folded
	waiting  int
}

// Part is one of so many parts of the accounts.
type Part struct{ Part, Parts int }

// All is the part that has all accounts.
var All = Part{0, 1}

// NewPass begins a pass over a part of the accounts. At most about so many accounts and waiting
// entries are in memory at once.
func NewPass(at At, of Part, most int64) *Pass {
	p := &Pass{at: at, most: most, part: of.Part, parts: of.Parts, seed: maphash.MakeSeed()}
	for i := range p.groups {
		p.groups[i].accounts = map[event.Account]*Folded{}
	}
	return p
}

// Keeps reports whether an account is of the pass.
func (p *Pass) Keeps(tenant, id string) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.keeps(tenant, id)
}

func (p *Pass) keeps(tenant, id string) bool { return archive.Part(tenant, id, p.parts) == p.part }

// Add takes an entry that is the bank's; unproven ones are, if an entry follows that is. Entries of
// accounts that are not of the pass are passed over.
func (p *Pass) Add(e *event.Entry, in archive.Position, unproven bool) {
	p.change(e.Account(), func(f *Folded) {
		f.events += int64(len(e.Events))
		f.odd = f.odd || !f.take(arrival{e, in, unproven}, p.at)
	})
}

// AddOdd notes an account that is odd for another reason, with so many events more.
func (p *Pass) AddOdd(a event.Account, events int) {
	p.change(a, func(f *Folded) { f.events, f.odd = f.events+int64(events), true })
}

func (p *Pass) change(a event.Account, change func(*Folded)) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if !p.keeps(a.Tenant, a.ID) {
		return
	}
	g := &p.groups[p.groupOf(a)]
	g.mu.Lock()
	defer g.mu.Unlock()
	f := g.accounts[a]
	if f == nil {
		f = &Folded{}
		g.accounts[a] = f
	}
	waited := len(f.waiting)
	change(f)
	if f.odd { // nothing else of it is needed
		*f = Folded{odd: true, events: f.events}
	}
	g.waiting += len(f.waiting) - waited
}

func (p *Pass) groupOf(a event.Account) uint64 { return maphash.Comparable(p.seed, a) % groups }

// Divide drops half of the accounts, again and again, until the others fit. It returns the parts
// that it dropped: each is for another pass. It is to be called now and then while entries come.
func (p *Pass) Divide() (dropped []Part) {
	if !p.full() {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		accounts, waiting := p.size()
		if accounts+waiting <= p.most {
			return dropped
		}
		if accounts <= 1 {
			p.giveUpWaiting()
			return dropped
		}
		dropped = append(dropped, Part{p.part + p.parts, 2 * p.parts})
		p.parts *= 2
		for i := range p.groups {
			p.groups[i].drop(p.keeps)
		}
	}
}

// full reports whether there is more in memory than should be.
func (p *Pass) full() bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	accounts, waiting := p.size()
	return accounts+waiting > p.most
}

func (p *Pass) size() (accounts, waiting int64) {
	for i := range p.groups {
		g := &p.groups[i]
		g.mu.Lock()
		accounts, waiting = accounts+int64(len(g.accounts)), waiting+int64(g.waiting)
		g.mu.Unlock()
	}
	return accounts, waiting
}

// giveUpWaiting makes the accounts odd that have waiting entries.
func (p *Pass) giveUpWaiting() {
	for i := range p.groups {
		g := &p.groups[i]
		for _, f := range g.accounts {
			if len(f.waiting) > 0 {
				*f = Folded{odd: true, events: f.events}
			}
		}
		g.waiting = 0
	}
}

func (g *group) drop(keeps func(tenant, id string) bool) {
	for a, f := range g.accounts {
		if !keeps(a.Tenant, a.ID) {
			delete(g.accounts, a)
			g.waiting -= len(f.waiting)
		}
	}
}

// Each returns the accounts of the pass once everything was added, in order of tenant and id: those
// that were folded, and those that are odd. Nothing may be added after it.
func (p *Pass) Each() (folded, odd []Account) {
	for i := range p.groups {
		for a, f := range p.groups[i].accounts {
			if f.odd || len(f.waiting) > 0 {
				odd = append(odd, Account{a, f})
				continue
			}
			folded = append(folded, Account{a, f})
		}
		p.groups[i].accounts = nil
	}
	slices.SortFunc(folded, func(a, b Account) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.ID, b.ID))
	})
	return folded, odd
}

// Account is an account of a pass.
type Account struct {
	event.Account
	*Folded
}

// Events returns how many events of the account came, with repeats and foreign ones.
func (a Account) Events() int64 { return a.events }
