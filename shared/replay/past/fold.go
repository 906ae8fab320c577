package past

import (
	"cmp"
	"slices"

	"passbook/shared/account"
	"passbook/shared/archive"
	"passbook/shared/event"
)

// maxWaiting bounds the entries of an account that wait for those that they follow.
const maxWaiting = 1024

// Folded is an account as far as its entries follow one another.
type Folded struct {
	// State is the state asked for, or before that.
	State account.State
	// Last and Hash are those of the newest entry, and In is where the archive has it first.
	Last int64
	Hash event.Hash
	In   archive.Position
	// Passed means that an event after what is asked for follows State.
	Passed bool
	// Unproven means that the newest entries have no mac, and that no signed one follows them.
	Unproven bool

	waiting []arrival // by rising version
	odd     bool
	// events are those that came, repeats and foreign ones too.
	events int64
}

// arrival is an entry as the archive has it. unproven means that it has no mac, and that only an
// entry that follows it shows whether it is the bank's.
type arrival struct {
	*event.Entry
	in       archive.Position
	unproven bool
}

// take folds an entry, or has it wait. It returns false if the account is odd.
func (f *Folded) take(e arrival, at At) bool {
	switch {
	case e.Last == f.Last && e.Hash == f.Hash:
		f.In = older(f.In, e.in)
		return true
	case e.First <= f.Last:
		return false
	case e.First > f.Last+1:
		return f.wait(e)
	}
	if !f.fold(e, at) {
		return false
	}
	for len(f.waiting) > 0 && f.waiting[0].First == f.Last+1 {
		if !f.fold(f.waiting[0], at) {
			return false
		}
		f.waiting = f.waiting[1:]
	}
	if len(f.waiting) == 0 {
		f.waiting = nil
		return true
	}
	return f.waiting[0].First > f.Last
}

// wait keeps an entry until those before it have come.
func (f *Folded) wait(e arrival) bool {
	i, found := slices.BinarySearchFunc(f.waiting, e, func(a, b arrival) int { return cmp.Compare(a.First, b.First) })
	if found {
		f.waiting[i].in = older(f.waiting[i].in, e.in)
		return f.waiting[i].Hash == e.Hash
	}
	f.waiting = slices.Insert(f.waiting, i, e)
	return len(f.waiting) <= maxWaiting
}

// fold folds the entry of the next version.
func (f *Folded) fold(e arrival, at At) bool {
	if e.Prev != f.Hash {
		return false
	}
	for _, ev := range e.Events {
		f.Passed = f.Passed || at.IsAfter(e.Entry, ev)
		if f.Passed {
			break
		}
		var err error
		f.State, err = account.Fold(f.State, ev)
		if err != nil || (event.After{Posted: f.State.Posted, Held: f.State.Held, Limit: f.State.Limit}) != ev.After {
			return false
		}
	}
	f.Last, f.Hash, f.In, f.Unproven = e.Last, e.Hash, e.in, e.unproven
	return true
}

// older returns the position at which a repeated entry came first.
func older(a, b archive.Position) archive.Position {
	if cmp.Or(a.Source.Created.Compare(b.Source.Created), a.Arrived.Compare(b.Arrived)) <= 0 {
		return a
	}
	return b
}
