package endofday

import (
	"errors"
	"fmt"
	"math"
	"time"

	"passbook/shared/event"
)

// errMany means that more is to be kept at once than Config.Accounts.
var errMany = errors.New("more accounts and waiting entries than can be kept at once")

// ErrBroken means that the archive's entries do not follow one another, or that their sums do not
// agree: no manifest is made of them.
var ErrBroken = errors.New("the archive cannot be sealed")

// account is what a book has of an account.
type account struct {
	version         int64
	hash            event.Hash
	currency        string
	after           event.After
	debits, credits int64
	// late are its entries of earlier days, and waiting those that came before one that they
	// follow, by first version.
	late    []Late
	waiting map[int64]received
}

// received is an entry with the number of its segment among those that are read.
type received struct {
	*event.Entry
	segment int
}

// other is the other side of movements.
type other struct{ tenant, contra, kind, currency string }

// moved is what the other side has, and what was moved there.
type moved struct{ posted, debits, credits int64 }

// totalKey is what a Total is of.
type totalKey struct{ date, currency, typ, kind string }

// book is the day's bookkeeping. The accounts are those of one part at a time, all else is of all.
type book struct {
	calendar Calendar
	date     string
	from, to time.Time
	// first says that entries before the day are no late ones but what the accounts begin with.
	first bool
	// most bounds what accounts has, and size counts it.
	most, size int

	accounts map[event.Account]*account
	others   map[other]*moved
	totals   map[totalKey]*Total
	trial    map[string]*Trial
	segments []Segment

	entries, events, earlier, lateEntries, lateEvents int64
	// exceeded means that a sum is greater than an int64.
	exceeded bool
}

// open enters what an account had at the end of the day before.
func (b *book) open(l Balance) error {
	hash, err := event.ParseHash(l.Hash)
	if err != nil {
		return fmt.Errorf("%s#%s: %w", l.Tenant, l.Account, err)
	}
	b.accounts[event.Account{Tenant: l.Tenant, ID: l.Account}] = &account{
		version: l.Version, hash: hash, currency: l.Currency, after: event.After{Posted: l.Posted, Held: l.Held, Limit: l.Limit},
	}
	b.add(&b.of(l.Currency).Opening, l.Posted)
	return b.grow(1)
}

// grow counts what is kept.
func (b *book) grow(n int) error {
	if b.size += n; b.size > b.most {
		return errMany
	}
	return nil
}

// add adds to a sum.
func (b *book) add(sum *int64, v int64) {
	if v > 0 && *sum > math.MaxInt64-v || v < 0 && *sum < math.MinInt64-v {
		b.exceeded = true
		return
	}
	*sum += v
}

// of returns the trial balance of a currency.
func (b *book) of(currency string) *Trial {
	if b.trial[currency] == nil {
		b.trial[currency] = &Trial{Currency: currency}
	}
	return b.trial[currency]
}

// take takes the next entry of a segment.
func (b *book) take(e *event.Entry, segment int) error {
	if !e.RecordedAt.Before(b.to) {
		b.segments[segment].Later++
		return nil
	}
	of := e.Account()
	a := b.accounts[of]
	if a == nil {
		a = &account{currency: e.Currency}
		b.accounts[of] = a
		if err := b.grow(1); err != nil {
			return err
		}
	}
	switch {
	case e.First > a.version+1:
		return b.wait(a, received{e, segment})
	case e.First <= a.version:
		if e.Last > a.version || e.Last == a.version && e.Hash != a.hash {
			return broken(e, "the account has another entry with this version")
		}
		return nil
	}
	for next, is := (received{e, segment}), true; is; next, is = a.waiting[a.version+1] {
		if a.waiting[next.First].Entry != nil {
			delete(a.waiting, next.First)
			b.size -= waitingSize
		}
		if err := b.count(a, next); err != nil {
			return err
		}
	}
	return nil
}

// waitingSize is what a waiting entry counts, in accounts.
const waitingSize = 4

// wait keeps an entry until the one that it follows comes.
func (b *book) wait(a *account, e received) error {
	if has, again := a.waiting[e.First]; again {
		if has.Hash != e.Hash {
			return broken(e.Entry, "the account has another entry with this version")
		}
		return nil
	}
	if a.waiting == nil {
		a.waiting = map[int64]received{}
	}
	a.waiting[e.First] = e
	return b.grow(waitingSize)
}

// broken makes the error of an entry.
func broken(e *event.Entry, what string) error {
	return fmt.Errorf("%w: %s v%d: %s", ErrBroken, e.Account(), e.First, what)
}

// count counts the next entry of an account.
func (b *book) count(a *account, e received) error {
	if e.Prev != a.hash || e.Currency != a.currency {
		return broken(e.Entry, "it does not follow the account's entry before")
	}
	late := e.RecordedAt.Before(b.from) && !b.first
	date, before := b.date, a.after.Posted
	switch {
	case late:
		date = b.calendar.Date(e.RecordedAt)
		b.lateEntries++
		b.lateEvents += int64(len(e.Events))
	case e.RecordedAt.Before(b.from):
		date = ""
		b.earlier++
	default:
		b.entries++
		b.events += int64(len(e.Events))
	}
	for _, ev := range e.Events {
		if err := b.move(a, e.Entry, ev, date, late); err != nil {
			return err
		}
	}
	a.version, a.hash = e.Last, e.Hash
	b.segments[e.segment].Counted++
	if !late {
		return nil
	}
	a.late = append(a.late, Late{
		Date: date, Tenant: e.Tenant, Account: e.AccountID, First: e.First, Last: e.Last, Hash: e.Hash.String(), Recorded: e.RecordedAt,
		Currency: e.Currency, Delta: a.after.Posted - before, Segment: b.segments[e.segment].Key,
	})
	return b.grow(1)
}

// move books an event: what it does to its account, and the opposite to the other side. The date is
// empty where the event only makes up what the account begins with.
func (b *book) move(a *account, e *event.Entry, ev event.Event, date string, late bool) error {
	p := postingOf(e, ev)
	if a.after.Posted+p.delta != ev.After.Posted {
		return fmt.Errorf("%w: %s v%d: its balance is not the sum of what happened", ErrBroken, e.Account(), ev.Version)
	}
	a.after = ev.After
	trial := b.of(e.Currency)
	if p.delta != 0 {
		b.post(p, a, trial, date != "")
	}
	switch {
	case date == "":
		b.add(&trial.Opening, p.delta)
		return nil
	case late:
		b.add(&trial.Late, p.delta)
	default:
		b.add(&trial.Movement, p.delta)
	}
	key := totalKey{date, e.Currency, ev.Body.Type(), p.kind}
	t := b.totals[key]
	if t == nil {
		t = &Total{Date: date, Currency: key.currency, Type: key.typ, Kind: key.kind}
		b.totals[key] = t
	}
	t.Events++
	b.add(&t.Amount, p.amount)
	b.add(&t.Delta, p.delta)
	return nil
}

// post enters a movement on its other side, and on both with what is moved.
func (b *book) post(p posting, a *account, trial *Trial, moves bool) {
	side := b.others[p.other]
	if side == nil {
		side = &moved{}
		b.others[p.other] = side
	}
	b.add(&side.posted, -p.delta)
	if !moves {
		return
	}
	amount, from, to := p.delta, &side.debits, &a.credits
	if amount < 0 {
		amount, from, to = -amount, &a.debits, &side.credits
	}
	for _, sum := range []*int64{from, to, &trial.Debits, &trial.Credits} {
		b.add(sum, amount)
	}
}
