package pipeline

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"passbook/balance"
	"passbook/creditlimit"
	"passbook/shared/account"
	"passbook/shared/journal"
	"passbook/shared/strict"
)

// between spaces the entries of an account, so that each is folded in a batch of its own: consumers read a shard each 600 ms.
const between = 1500 * time.Millisecond

// load is a bank with a writer and the consumers that fold, on one shard.
type load struct {
	*bank
	writer           *writer
	balances, limits *strict.Client
	accounts         []journal.Account
}

func newLoad(t *testing.T, accounts int) *load {
	b := newBank(t, 1, strict.TablesConfig{})
	l := &load{bank: b, writer: b.writer(), balances: b.balances(), limits: b.limits(), accounts: named("customer-0123456789", accounts)}
	l.writer.openAccounts(l.accounts...)
	b.within(5*time.Second, "the accounts are projected", func() bool { return b.projected(l.accounts...) })
	time.Sleep(lease)
	return l
}

// counts are those of all processes.
func (l *load) counts() strict.Counts {
	return l.writer.counts().Add(l.balances.Snapshot()).Add(l.limits.Snapshot())
}

// round commits one entry of exactly k commands on every account.
func (l *load) round(n, k int) {
	var working sync.WaitGroup
	if k > 1 {
		for _, a := range l.accounts { // nothing to do, once its lane has read the head: what comes meanwhile waits, and goes together
			working.Go(func() { l.writer.do(journal.Command{Account: a, Decide: nothing}) })
		}
		synctest.Wait()
	}
	for _, a := range l.accounts {
		for i := range k {
			working.Go(func() { l.writer.do(command(a, fmt.Sprint(n, "/", i), withdraw(1))) })
		}
	}
	working.Wait()
}

func nothing(account.State, time.Time) account.Decision { return account.Decision{} }

// cost is what was counted for rounds of k commands at once on every account. What a process costs by the hour is not in it: leases,
// heartbeats, polls.
type cost struct {
	k, commands, rounds, entries int
	strict.Counts
}

// measure counts what rounds cost, from the command to both read models.
func measure(t *testing.T, k, accounts, rounds int) (c cost) {
	warm(t)
	synctest.Test(t, func(t *testing.T) {
		l := newLoad(t, accounts)
		before := l.counts()
		for n := range rounds {
			l.round(n, k)
			time.Sleep(between)
		}
		l.within(5*time.Second, "all is projected", func() bool { return l.projected(l.accounts...) })
		c = cost{k: k, commands: k * accounts * rounds, rounds: accounts * rounds, Counts: l.counts().Sub(before)}
		for _, a := range l.accounts {
			c.entries += len(l.entries(a)) - 2 // which opened and funded it
		}
		l.correct(t, l.accounts...)
		if reads := c.Of(strict.Reads, journal.Table); k == 1 && reads != 0 || k > 1 && reads != float64(c.rounds) {
			t.Errorf("%v reads of the journal", reads)
		}
		for key := range c.Counts {
			if key.Name == journal.Control || key.Kind == strict.Gets {
				delete(c.Counts, key) // by the hour
			}
		}
		for _, kind := range []strict.Kind{strict.Reads, strict.ReadUnits} {
			delete(c.Counts, strict.Key{Kind: kind, Name: journal.Table}) // of the commands that do nothing
		}
	})
	return c
}

// million is what a million commands cost: in the journal, in the read models, on the stream.
func (c cost) million() (inJournal, inModels, onStream float64) {
	all := strict.USEast1.Of(c.Counts)
	models := strict.Counts{}
	for key, n := range c.Counts {
		if key.Name == balance.Table || key.Name == creditlimit.Table {
			models[key] = n
		}
	}
	factor := 1e6 / float64(c.commands)
	inModels = strict.USEast1.Of(models).Table * factor
	return all.Table*factor - inModels, inModels, all.Stream * factor
}

// line is the cost as a line of the table, whose head is costHead.
func (c cost) line() string {
	per := func(kind strict.Kind, name string) float64 { return c.Of(kind, name) / float64(c.commands) }
	inJournal, inModels, onStream := c.million()
	return fmt.Sprintf("%8d %7d | %8.4f %8.4f %8.4f %8.4f %6.0f %8.4f | %8.4f %8.4f %8.5f %8.4f\n", c.k, c.entries/c.rounds,
		per(strict.WriteUnits, journal.Table), per(strict.IndexUnits, "journal/writers"),
		per(strict.WriteUnits, balance.Table), per(strict.WriteUnits, creditlimit.Table), c.All(strict.ReadUnits), per(strict.PutUnits, events),
		inJournal, inModels, onStream, inJournal+inModels+onStream)
}

const costHead = `
                 | units per command                                     | dollars per million commands
commands entries |  journal    index  balance    limit  reads      put |  journal   models   stream      sum
`

// What a command costs by how many come together, where every round is folded in a batch of its own. The README has the dollars.
func TestCost(t *testing.T) {
	text := costHead
	for _, scale := range []struct{ k, accounts, rounds, entries int }{
		{1, 10, 10, 1}, {8, 10, 10, 1}, {64, 5, 5, 1}, {500, 2, 4, 2}, // of the largest commands, no 500 fit into one entry
	} {
		c := measure(t, scale.k, scale.accounts, scale.rounds)
		if c.entries != scale.entries*c.rounds {
			t.Errorf("%d entries for %d rounds of %d commands", c.entries, c.rounds, c.k)
		}
		c.check(t)
		text += c.line()
	}
	t.Log(text)
}

// check holds what every entry costs, whatever is in it.
func (c cost) check(t *testing.T) {
	t.Helper()
	entries, rounds := float64(c.entries), float64(c.rounds)
	for key, want := range map[strict.Key]float64{
		{Kind: strict.IndexUnits, Name: "journal/writers"}: entries,
		{Kind: strict.Records, Name: events}:               entries,
		{Kind: strict.Writes, Name: balance.Table}:         rounds,
		{Kind: strict.Writes, Name: creditlimit.Table}:     rounds,
	} {
		if got := c.Counts[key]; got != want {
			t.Errorf("%d commands: %v %s of %s, want %v", c.k, got, key.Kind, key.Name, want)
		}
	}
	if got := c.Of(strict.WriteUnits, journal.Table); c.k == 1 && got != entries {
		t.Errorf("%v write units for %v short entries of one command", got, entries)
	}
	if got := c.All(strict.ReadUnits); got != 0 {
		t.Errorf("%d commands: %v read units: %v", c.k, got, c.Counts)
	}
}

// However many entries of an account are in a batch, its row is put once.
func TestOnePutForAnAccountAndBatch(t *testing.T) {
	warm(t)
	synctest.Test(t, func(t *testing.T) {
		l := newLoad(t, 3)
		before := l.counts()
		for n := range 30 { // 30 round trips are 150 ms: one read of the shard, or two
			l.round(n, 1)
		}
		l.within(5*time.Second, "all is projected", func() bool { return l.projected(l.accounts...) })
		got := l.counts().Sub(before)
		for _, model := range []string{balance.Table, creditlimit.Table} {
			if n := got.Of(strict.Writes, model); n < 3 || n > 6 {
				t.Errorf("%s: %v writes for 90 entries of 3 accounts in 1 or 2 batches", model, n)
			}
		}
	})
}

// What runs whether or not there is a command: heartbeats, leases and checkpoints, polls, segments. It is one bubble, because the
// pools of the Parquet library cannot go from one to another.
func TestStandingCost(t *testing.T) {
	warm(t)
	synctest.Test(t, func(t *testing.T) {
		l := newLoad(t, 1)
		processes := []struct {
			name string
			*strict.Client
			writes float64 // of control, a second, at most
		}{
			{"writer", l.writer.client, 1.01}, // its heartbeat
			{balance.Table, l.balances, 0.5}, {creditlimit.Table, l.limits, 0.5}, {"archiver", l.archive(), 0.5},
		}
		const minutes = 5
		for _, busy := range []bool{false, true} {
			before := map[string]strict.Counts{}
			for _, p := range processes {
				before[p.name] = p.Snapshot()
			}
			for began, n := time.Now(), 0; time.Since(began) < minutes*time.Minute; n++ {
				if busy {
					l.round(n, 1)
				}
				time.Sleep(500 * time.Millisecond)
			}
			for _, p := range processes {
				got := p.Snapshot().Sub(before[p.name])
				writes := got.Of(strict.Writes, journal.Control) / (minutes * 60)
				t.Logf("busy %-5v %-12s a second: %.2f writes and %.2f read units of control; a minute: %.0f reads of the shard, %.1f puts, %.1f gets, %.1f lists of the bucket",
					busy, p.name, writes, got.Of(strict.ReadUnits, journal.Control)/(minutes*60), got.All(strict.Gets)/minutes,
					got.All(strict.BucketPuts)/minutes, got.All(strict.BucketGets)/minutes, got.All(strict.BucketLists)/minutes)
				if writes > p.writes {
					t.Errorf("%s, busy %v: %.2f writes a second with one shard, at most %.2f", p.name, busy, writes, p.writes)
				}
			}
		}
	})
}
