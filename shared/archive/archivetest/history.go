package archivetest

import (
	"fmt"
	"math/rand/v2"
	"time"

	"passbook/shared/event"
	"passbook/shared/event/eventtest"
	"passbook/shared/segment"
)

// Start is when every history begins.
var Start = time.Date(2026, 3, 1, 8, 0, 0, 123456000, time.UTC)

// Account grows one account's history, an entry at a time. The same random numbers give the same
// history.
type Account struct {
	Tenant, ID string
	Entries    []*event.Entry

	random  *rand.Rand
	version int64
	now     time.Time
	after   event.After
	holds   []hold
	// spent are the withdrawals that can be reversed.
	spent []hold
}

// hold is an amount and the version of its event.
type hold struct{ version, amount int64 }

// New begins a history without entries.
func New(random *rand.Rand, tenant, id string) *Account {
	return &Account{Tenant: tenant, ID: id, random: random, now: Start}
}

// Grow appends n entries of one to three commands each.
func (a *Account) Grow(n int) {
	for range n {
		a.commit()
	}
}

// Version returns the last version so far.
func (a *Account) Version() int64 { return a.version }

func (a *Account) commit() {
	a.now = a.now.Add(time.Duration(a.random.IntN(90_000_000)) * time.Microsecond)
	e := &event.Entry{
		Format: 1, Tenant: a.Tenant, AccountID: a.ID, First: a.version + 1, Currency: "EUR", RecordedAt: a.now,
	}
	if len(a.Entries) > 0 {
		e.Prev = a.Entries[len(a.Entries)-1].Hash
	}
	for range 1 + a.random.IntN(3)/2*2 {
		a.command(e)
	}
	e.Last = a.version
	_, err := event.Seal(e, nil)
	if err != nil {
		panic(fmt.Sprintf("archivetest: %v", err))
	}
	a.Entries = append(a.Entries, e)
}

// command adds one command and its events to the entry.
func (a *Account) command(e *event.Entry) {
	c := event.Command{
		Key: fmt.Sprintf("key-%s-%d", a.ID, a.version+1), Request: "AAAAAAAAAAAAAAAAAAAAAA", CorrelationID: fmt.Sprintf("%016x", a.random.Uint64()),
		Actor: event.Text{Plain: "withdraw"}, First: a.version + 1, Status: 201,
	}
	for _, body := range a.bodies() {
		a.version++
		ev := event.New(body)
		ev.Version, ev.Command, ev.Currency, ev.RecordedAt = a.version, len(e.Commands), e.Currency, a.now
		ev.EffectiveAt, ev.After = a.now.Truncate(24*time.Hour), a.after
		if held, ok := body.(event.HoldCaptured); ok {
			// The capture releases the hold; the withdrawal after it takes the money.
			ev.After.Posted += held.Amount
		}
		e.Events = append(e.Events, ev)
	}
	c.Last = a.version
	e.Commands = append(e.Commands, c)
}

// bodies decides what happens next and moves the balances.
func (a *Account) bodies() []event.Body {
	if a.version == 0 {
		a.after.Limit = 10_000
		return []event.Body{event.AccountOpened{HolderRef: "holder-" + a.ID, Exponent: 2, CreditLimit: 10_000}}
	}
	available := a.after.Posted - a.after.Held + a.after.Limit
	amount := 1 + a.random.Int64N(3_000)
	switch choice := a.random.IntN(10); {
	case choice < 4 || available < amount && choice < 9:
		a.after.Posted += amount
		return []event.Body{event.MoneyCredited{Amount: amount, Kind: event.KindDeposit, Reference: event.Text{Plain: "salary"}}}
	case available < amount:
		return []event.Body{event.WithdrawalDeclined{
			Op: event.OpWithdraw, Amount: amount, Reason: event.InsufficientFunds,
			Available: available, Limit: a.after.Limit, Shortfall: amount - available,
		}}
	case choice < 7:
		a.spent = append(a.spent, hold{a.version + 1, amount})
		return []event.Body{a.withdraw(amount, "")}
	case choice < 8:
		a.holds = append(a.holds, hold{a.version + 1, amount})
		a.after.Held += amount
		return []event.Body{event.HoldPlaced{Amount: amount, Reference: event.Text{Sealed: "k1:c2VhbGVk"}}}
	case len(a.holds) > 0:
		return a.resolve(choice == 8)
	}
	if len(a.spent) > 0 {
		return []event.Body{a.reverse()}
	}
	before := a.after.Limit
	a.after.Limit += 1_000
	return []event.Body{event.CreditLimitChanged{Before: before, After: a.after.Limit, Reason: event.Text{Plain: "review"}, DecidedBy: "desk"}}
}

func (a *Account) withdraw(amount int64, holdID string) event.Body {
	own := min(amount, max(0, a.after.Posted))
	a.after.Posted -= amount
	return event.MoneyWithdrawn{Amount: amount, Kind: event.KindCard, HoldID: holdID, FromOwn: own, FromCredit: amount - own}
}

// reverse reverses the oldest withdrawal.
func (a *Account) reverse() event.Body {
	original := a.spent[0]
	a.spent = a.spent[1:]
	a.after.Posted += original.amount
	return event.TransactionReversed{
		OriginalTransactionID: event.TransactionID(original.version), Direction: event.DirectionCredit, Amount: original.amount,
		Reason: event.Text{Plain: "duplicate"},
	}
}

// resolve captures or releases the oldest hold.
func (a *Account) resolve(capture bool) []event.Body {
	h := a.holds[0]
	a.holds = a.holds[1:]
	a.after.Held -= h.amount
	if !capture {
		return []event.Body{event.HoldReleased{HoldID: event.HoldID(h.version), Amount: h.amount, Reason: event.ReasonVoid}}
	}
	captured := event.HoldCaptured{HoldID: event.HoldID(h.version), Amount: h.amount, Final: true}
	return []event.Body{captured, a.withdraw(h.amount, captured.HoldID)}
}

// Bank grows accounts named and so on. It returns their entries in one order in which they
// could have been committed.
func Bank(seed uint64, accounts, entries int) []*event.Entry {
	return bank(seed, "main", accounts, entries)
}

// Tenants grows what Bank does for each of several tenants, with the same account ids and other
// histories. Their entries come in turn.
func Tenants(seed uint64, accounts, entries int, tenants ...string) []*event.Entry {
	var log []*event.Entry
	all := make([][]*event.Entry, len(tenants))
	for i, tenant := range tenants {
		all[i] = bank(seed+uint64(i), tenant, accounts, entries)
	}
	for n := range entries {
		for _, of := range all {
			log = append(log, of[n])
		}
	}
	return log
}

func bank(seed uint64, tenant string, accounts, entries int) []*event.Entry {
	random := rand.New(rand.NewPCG(seed, 0))
	all := make([]*Account, accounts)
	for i := range all {
		all[i] = New(random, tenant, fmt.Sprintf("A-%d", i))
	}
	var log []*event.Entry
	for i := range entries {
		a := all[random.IntN(accounts)]
		if i < accounts {
			a = all[i]
		}
		a.commit()
		log = append(log, a.Entries[len(a.Entries)-1])
	}
	return log
}

// Signed returns histories in entry format 2, chained and signed with eventtest.Keys. The entries
// given are as one of the functions above made them; they do not change.
func Signed(entries []*event.Entry) []*event.Entry {
	heads := map[event.Account]event.Hash{}
	signed := make([]*event.Entry, len(entries))
	for i, e := range entries {
		again := *e
		again.Format, again.Prev = 2, heads[e.Account()]
		_, err := event.Seal(&again, eventtest.Keys)
		if err != nil {
			panic(fmt.Sprintf("archivetest: %v", err))
		}
		heads[e.Account()] = again.Hash
		signed[i] = &again
	}
	return signed
}

// Records numbers entries as one shard could have delivered them, a second apart from Start.
func Records(entries []*event.Entry) []segment.Record {
	records := make([]segment.Record, len(entries))
	for i, e := range entries {
		records[i] = segment.Record{
			Sequence: fmt.Sprintf("%d", 1000+7*i), Arrived: Start.Add(time.Duration(i) * time.Millisecond), Entry: e,
		}
	}
	return records
}
