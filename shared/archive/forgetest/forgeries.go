package forgetest

import (
	"slices"
	"time"

	"passbook/shared/event"
	"passbook/shared/event/eventtest"
)

// Amount is what each forged event brings in.
const Amount = 1_000_000

// thief is the keyring of somebody who made a key for the bank.
var thief = keyring(eventtest.Bank, 1)

// otherBank is that of another bank.
var otherBank = keyring("00000000-0000-4000-8000-00000000000f", 2)

func keyring(bank string, secret byte) *event.Keyring {
	k, err := event.NewKeyring(bank, map[int][]byte{1: slices.Repeat([]byte{0xF0 | secret}, event.KeyBytes)})
	if err != nil {
		panic(err)
	}
	return k
}

// Change is what becomes of the records of an archive.
type Change struct {
	// Replace has what is in the place of entries, by their hashes; nil leaves the entry out.
	Replace map[event.Hash]*event.Entry
	// Append are more entries, at the end.
	Append []*event.Entry
}

// Entries returns the forged entries.
func (c Change) Entries() (all []*event.Entry) {
	for _, e := range c.Replace {
		if e != nil {
			all = append(all, e)
		}
	}
	return append(all, c.Append...)
}

// Forgery is a way to forge an account's history.
type Forgery struct {
	Name string
	// Forge returns the change of an archive with the account's history, and the account and the
	// first version that are forged.
	Forge func(history []*event.Entry) (c Change, of event.Account, version int64)
	// LeavesOut means that nothing is forged: a true entry is not there.
	LeavesOut bool
}

// Forgeries returns the ways to forge a history. Those that keep a mac need one whose last entry
// has one.
func Forgeries(history []*event.Entry) []Forgery {
	all := []Forgery{
		{Name: "last entry sealed again under another key", Forge: again(last, 2, thief)},
		{Name: "last entry sealed again without a mac", Forge: again(last, 1, nil)},
		{Name: "last entry sealed again without a mac and shorter", Forge: shorter},
		{Name: "entry in the middle sealed again under another key", Forge: again(middle, 2, thief)},
		{Name: "entry in the middle sealed again without a mac", Forge: again(middle, 1, nil)},
		{Name: "chained again from the middle under another key", Forge: chained(middle, 2, thief)},
		{Name: "chained again from the middle without macs", Forge: chained(middle, 1, nil)},
		{Name: "chained again from the second entry without macs", Forge: chained(second, 1, nil)},
		{Name: "amount changed, hash and mac kept", Forge: hashKept},
		{Name: "one more entry under another key", Forge: oneMore(2, thief)},
		{Name: "one more entry without a mac", Forge: oneMore(1, nil)},
		{Name: "one more entry of another bank", Forge: oneMore(2, otherBank)},
		{Name: "account made up without macs", Forge: madeUp(1, nil)},
		{Name: "account made up under another key", Forge: madeUp(2, thief)},
		{Name: "account of another bank", Forge: madeUp(2, otherBank)},
		{Name: "last entry left out", Forge: leftOut, LeavesOut: true},
	}
	if history[len(history)-1].Signed() {
		all = append(all,
			Forgery{Name: "last entry sealed again, its mac kept", Forge: macKept},
			Forgery{Name: "last entry with a mac of another", Forge: macOfAnother},
		)
	}
	return all
}

func last(h []*event.Entry) int   { return len(h) - 1 }
func middle(h []*event.Entry) int { return len(h) / 2 }
func second([]*event.Entry) int   { return 1 }

// again forges one entry, from the hash of the one before it on.
func again(place func([]*event.Entry) int, format int, keys event.Signer) func([]*event.Entry) (Change, event.Account, int64) {
	return func(h []*event.Entry) (Change, event.Account, int64) {
		at := place(h)
		e := h[at]
		return replaced(e, credit(e, h[at-1].Hash, afterOf(h[at-1]), format, keys)), e.Account(), e.First
	}
}

// chained forges every entry from a place on.
func chained(place func([]*event.Entry) int, format int, keys event.Signer) func([]*event.Entry) (Change, event.Account, int64) {
	return func(h []*event.Entry) (Change, event.Account, int64) {
		at := place(h)
		before, c := h[at-1], Change{Replace: map[event.Hash]*event.Entry{}}
		for _, e := range h[at:] {
			before = credit(e, before.Hash, afterOf(before), format, keys)
			c.Replace[e.Hash] = before
		}
		return c, h[0].Account(), h[at].First
	}
}

// shorter forges the last two entries into one that ends before the account's head.
func shorter(h []*event.Entry) (Change, event.Account, int64) {
	e, before := h[len(h)-2], h[len(h)-3]
	c := replaced(e, credit(e, before.Hash, afterOf(before), 1, nil))
	c.Replace[h[len(h)-1].Hash] = nil
	return c, e.Account(), e.First
}

func hashKept(h []*event.Entry) (Change, event.Account, int64) {
	e := h[len(h)-1]
	forged := credit(e, e.Prev, afterOf(h[len(h)-2]), e.Format, thief)
	forged.Hash, forged.MAC = e.Hash, e.MAC
	return replaced(e, forged), e.Account(), e.First
}

func macKept(h []*event.Entry) (Change, event.Account, int64) {
	e := h[len(h)-1]
	forged := credit(e, e.Prev, afterOf(h[len(h)-2]), e.Format, thief)
	forged.MAC = e.MAC
	return replaced(e, forged), e.Account(), e.First
}

func macOfAnother(h []*event.Entry) (Change, event.Account, int64) {
	e := h[len(h)-1]
	forged := *e
	forged.MAC = eventtest.Keys.Sign(h[0].Hash)
	return replaced(e, &forged), e.Account(), e.First
}

func oneMore(format int, keys event.Signer) func([]*event.Entry) (Change, event.Account, int64) {
	return func(h []*event.Entry) (Change, event.Account, int64) {
		e := h[len(h)-1]
		next := *e
		next.First, next.Last = e.Last+1, e.Last+1
		return Change{Append: []*event.Entry{credit(&next, e.Hash, afterOf(e), format, keys)}}, e.Account(), next.First
	}
}

func madeUp(format int, keys event.Signer) func([]*event.Entry) (Change, event.Account, int64) {
	return func(h []*event.Entry) (Change, event.Account, int64) {
		e := *h[0]
		e.AccountID, e.First, e.Last = "made-up", 1, 1
		opened := sealed(&e, event.Hash{}, []event.Body{event.AccountOpened{Exponent: 2}}, event.After{}, format, keys)
		e.First, e.Last = 2, 2
		more := credit(&e, opened.Hash, event.After{}, format, keys)
		return Change{Append: []*event.Entry{opened, more}}, e.Account(), 1
	}
}

func leftOut(h []*event.Entry) (Change, event.Account, int64) {
	e := h[len(h)-1]
	return replaced(e, nil), e.Account(), e.First
}

func replaced(e, by *event.Entry) Change {
	return Change{Replace: map[event.Hash]*event.Entry{e.Hash: by}}
}

func afterOf(e *event.Entry) event.After { return e.Events[len(e.Events)-1].After }

// credit returns an entry in the place of another in which each event brings in Amount.
func credit(e *event.Entry, prev event.Hash, after event.After, format int, keys event.Signer) *event.Entry {
	bodies := make([]event.Body, e.Last-e.First+1)
	for i := range bodies {
		bodies[i] = event.MoneyCredited{Amount: Amount, Kind: event.KindDeposit}
	}
	return sealed(e, prev, bodies, after, format, keys)
}

func sealed(e *event.Entry, prev event.Hash, bodies []event.Body, after event.After, format int, keys event.Signer) *event.Entry {
	forged := &event.Entry{
		Format: format, Tenant: e.Tenant, AccountID: e.AccountID, First: e.First, Last: e.Last, Currency: e.Currency, RecordedAt: e.RecordedAt, Prev: prev,
		Commands: []event.Command{{
			Key: "forged", Request: "AAAAAAAAAAAAAAAAAAAAAA", CorrelationID: "0", Actor: event.Text{Plain: "credit"}, First: e.First, Last: e.Last, Status: 201,
		}},
	}
	for i, body := range bodies {
		if _, moves := body.(event.MoneyCredited); moves {
			after.Posted += Amount
		}
		ev := event.New(body)
		ev.Version, ev.Currency, ev.RecordedAt, ev.EffectiveAt, ev.After = e.First+int64(i), e.Currency, e.RecordedAt, e.RecordedAt.Truncate(24*time.Hour), after
		forged.Events = append(forged.Events, ev)
	}
	seal(forged, keys)
	return forged
}
