package pipeline

import (
	"fmt"
	"maps"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"passbook/archiver"
	"passbook/balance"
	"passbook/creditlimit"
	"passbook/shared/account"
	"passbook/shared/bucket"
	"passbook/shared/bucket/dirbucket"
	"passbook/shared/control"
	"passbook/shared/derived"
	"passbook/shared/event"
	"passbook/shared/faults"
	"passbook/shared/journal"
)

// between spaces the entries of an account, so that each is folded in a separate batch: consumers
// read a shard each 800 ms.
const between = 1600 * time.Millisecond

// load is a bank with a writer and the consumers that fold, on one shard.
type load struct {
	*bank
	writer           *writer
	balances, limits *faults.Client
	accounts         []event.Account
}

func newLoad(t *testing.T, accounts int) *load {
	b := newBank(t, 1, faults.TablesConfig{})
	l := &load{bank: b, writer: b.writer(), balances: b.balances(), limits: b.limits(), accounts: named("customer-0123456789", accounts)}
	l.writer.openAccounts(l.accounts...)
	b.within(5*time.Second, "the accounts are projected", func() bool { return b.projected(l.accounts...) })
	time.Sleep(lease)
	return l
}

// counts returns the counts of all processes.
func (l *load) counts() faults.Counts {
	return l.writer.counts().Add(l.balances.Snapshot()).Add(l.limits.Snapshot())
}

// round commits one entry of exactly k commands on every account.
func (l *load) round(n, k int) {
	var working sync.WaitGroup
	if k > 1 {
		// nothing to do, once its lane has read the head: what comes during that waits,
		// and is committed together
		for _, a := range l.accounts {
			working.Go(func() { l.writer.do(journal.Command{Account: a, Decide: nothing}) })
		}
		synctest.Wait()
	}
	for _, a := range l.accounts {
		for i := range k {
			c := command(a, fmt.Sprint(n, "/", i), withdraw(1, reference))
			if k == event.MaxCommands { // of the largest commands, no 500 fit into one entry
				c = command(a, fmt.Sprint(n, "/", i), withdraw(1, event.Text{}))
				c.Key = c.Key[:20]
			}
			working.Go(func() { l.writer.do(c) })
		}
	}
	working.Wait()
}

func nothing(account.State, time.Time) account.Decision { return account.Decision{} }

// cost is what was counted for rounds of k commands at once on every account. What a process costs
// by the hour is not in it: leases, heartbeats, polls.
type cost struct {
	k, commands, rounds, entries int
	faults.Counts
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
		if reads := c.Of(faults.Reads, journal.Table); k == 1 && reads != 0 || k > 1 && reads != float64(c.rounds) {
			t.Errorf("%v reads of the journal", reads)
		}
		for key := range c.Counts {
			if key.Name == control.Name || key.Kind == faults.Gets {
				delete(c.Counts, key) // by the hour
			}
		}
		for _, kind := range []faults.Kind{faults.Reads, faults.ReadUnits} {
			// of the commands that do nothing
			delete(c.Counts, faults.Key{Kind: kind, Name: journal.Table})
		}
	})
	return c
}

// million returns what a million commands cost: in the journal, in the read models, on the stream.
// What the index of all events costs is not in it.
func (c cost) million() (inJournal, inModels, onStream float64) {
	counts := maps.Clone(c.Counts)
	maps.DeleteFunc(counts, func(key faults.Key, _ float64) bool { return key.Name == derived.Table })
	all := faults.USEast1.Of(counts)
	models := faults.Counts{}
	for key, n := range counts {
		if key.Name == balance.Table || key.Name == creditlimit.Table {
			models[key] = n
		}
	}
	factor := 1e6 / float64(c.commands)
	inModels = faults.USEast1.Of(models).Table * factor
	return all.Table*factor - inModels, inModels, all.Stream * factor
}

// line returns the cost as a line of the table, whose head is costHead.
func (c cost) line() string {
	per := func(kind faults.Kind, name string) float64 { return c.Of(kind, name) / float64(c.commands) }
	inJournal, inModels, onStream := c.million()
	return fmt.Sprintf("%8d | %8.4f %8.4f %8.4f %8.4f %8.4f %6.0f %8.4f | %8.4f %8.4f %8.5f %8.4f\n", c.k,
		per(faults.WriteUnits, journal.Table), per(faults.IndexUnits, "journal/writers"),
		per(faults.WriteUnits, balance.Table), per(faults.WriteUnits, creditlimit.Table),
		per(faults.WriteUnits, derived.Table), c.All(faults.ReadUnits), per(faults.PutUnits, events),
		inJournal, inModels, onStream, inJournal+inModels+onStream)
}

const costHead = `
         | units per command                                              | dollars per million commands
an entry |  journal    index  balance    limit  derived  reads      put |  journal   models   stream      sum
`

// What a command costs by how many come together, where every round is folded in a separate
// batch. The table in docs/cost.md has the units and the dollars.
func TestCost(t *testing.T) {
	text := costHead
	for _, scale := range []struct {
		k, accounts, rounds int
		// the journal's write units a command, and dollars a million, within 3 %
		units, dollars float64
	}{
		{1, 10, 10, 1, 2.51}, {8, 10, 10, 0.5, 0.55}, {64, 5, 5, 0.094, 0.088}, {event.MaxCommands, 2, 4, 0.080, 0.054},
	} {
		c := measure(t, scale.k, scale.accounts, scale.rounds)
		if c.entries != c.rounds {
			t.Errorf("%d entries for %d rounds of %d commands", c.entries, c.rounds, c.k)
		}
		c.check(t)
		if units := c.Of(faults.WriteUnits, journal.Table) / float64(c.commands); math.Abs(units/scale.units-1) > 0.03 {
			t.Errorf("%d commands an entry: %v write units each, want %v", c.k, units, scale.units)
		}
		if inJournal, inModels, onStream := c.million(); math.Abs((inJournal+inModels+onStream)/scale.dollars-1) > 0.03 {
			t.Errorf("%d commands an entry: %v dollars a million, want %v", c.k, inJournal+inModels+onStream, scale.dollars)
		}
		text += c.line()
	}
	t.Log(text)
}

// check compares what every entry costs, independent of its content.
func (c cost) check(t *testing.T) {
	t.Helper()
	entries, rounds := float64(c.entries), float64(c.rounds)
	for key, want := range map[faults.Key]float64{
		{Kind: faults.IndexUnits, Name: "journal/writers"}: entries,
		{Kind: faults.Records, Name: events}:               entries,
		{Kind: faults.Writes, Name: balance.Table}:         rounds,
		{Kind: faults.WriteUnits, Name: balance.Table}:     rounds,
		{Kind: faults.Writes, Name: creditlimit.Table}:     rounds,
		{Kind: faults.WriteUnits, Name: creditlimit.Table}: rounds,
		// a row for the type, one for the actor, and one for the correlation id of each command
		{Kind: faults.WriteUnits, Name: derived.Table}: 2*entries + float64(c.commands),
	} {
		if got := c.Counts[key]; got != want {
			t.Errorf("%d commands: %v %s of %s, want %v", c.k, got, key.Kind, key.Name, want)
		}
	}
	if got := c.Of(faults.WriteUnits, journal.Table); c.k == 1 && got != entries {
		t.Errorf("%v write units for %v short entries of one command", got, entries)
	}
	if got := c.All(faults.ReadUnits); got != 0 {
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
			if n := got.Of(faults.Writes, model); n < 3 || n > 6 {
				t.Errorf("%s: %v writes for 90 entries of 3 accounts in 1 or 2 batches", model, n)
			}
		}
	})
}

// What runs whether or not there is a command: heartbeats, leases and checkpoints, polls, segments.
// It is one bubble, because the pools of the Parquet library cannot go from one to another.
func TestStandingCost(t *testing.T) {
	warm(t)
	root, err := dirbucket.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		l := newLoad(t, 1)
		a := l.archive(root)
		processes := []process{
			{"writer", l.writer.client, 1.01}, // its heartbeat
			{balance.Table, l.balances, 0.5}, {creditlimit.Table, l.limits, 0.5}, {"archiver", a.Client, 0.5},
		}
		for _, busy := range []bool{false, true} {
			l.stand(t, busy, processes)
		}
		a.requests(t, root)
		a.stop()
		l.restartArchive(t, root)
	})
}

// process is one that stands, and how often a second it may write to control.
type process struct {
	name string
	*faults.Client
	writes float64
}

// stand counts what the processes do in some minutes, with a command twice a second where they are
// busy.
func (l *load) stand(t *testing.T, busy bool, processes []process) {
	const minutes = 5
	before := map[string]faults.Counts{}
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
		writes := got.Of(faults.Writes, control.Name) / (minutes * 60)
		t.Logf("busy %-5v %-12s a second: %.2f writes and %.2f read units of control; a minute: %.0f reads of the shard, %.1f puts, %.1f gets, %.1f lists of the bucket",
			busy, p.name, writes, got.Of(faults.ReadUnits, control.Name)/(minutes*60), got.All(faults.Gets)/minutes,
			got.All(faults.BucketPuts)/minutes, got.All(faults.BucketGets)/minutes, got.All(faults.BucketLists)/minutes)
		if writes > p.writes {
			t.Errorf("%s, busy %v: %.2f writes a second with one shard, at most %.2f", p.name, busy, writes, p.writes)
		}
	}
}

// mostLists is how often an archiver lists the bucket when it takes a shard: a page for each of two
// or three days, and of each format one for its root and one for its end markers.
const mostLists = 7

// requests checks what an archive has asked of S3 since it began: one PUT for each segment and each
// end marker that is there, of which there is at most one for a segment, and nothing else but the
// lists of its start. It says what the PUTs are for each event: with segments that are sealed by
// age as they were here, and with full ones of as many bytes an event, which is more than theirs.
func (a archive) requests(t *testing.T, root bucket.Bucket) {
	t.Helper()
	count := func(prefix string) float64 {
		page, err := root.List(t.Context(), prefix, "")
		if err != nil || page.After != "" {
			t.Fatalf("list %s: %v, and after %q more", prefix, err, page.After)
		}
		return float64(len(page.Objects))
	}
	there, marks := count("events/v2/"), count("ends/v2/")
	got, stats := a.Snapshot(), a.Stats()
	segments, rows := float64(stats.Segments), float64(stats.Rows)
	if segments < 4 || segments != there || marks < 1 || marks > segments {
		t.Errorf("%v segments were sealed in minutes of traffic, %v are there, and %v end markers", segments, there, marks)
	}
	puts, gets, lists := got.All(faults.BucketPuts), got.All(faults.BucketGets), got.All(faults.BucketLists)
	if puts != segments+marks || gets != 0 || lists > mostLists {
		t.Errorf("%v PUT, %v GET and %v LIST for %v segments, %v markers and one start", puts, gets, lists, segments, marks)
	}
	full := min(archiver.DefaultSegmentRows, archiver.DefaultSegmentBytes/(float64(stats.Bytes)/rows))
	text := "\nsegments of                     |  events | S3 requests an event | dollars per million events\n"
	for _, s := range []struct {
		name            string
		events, request float64
	}{
		{fmt.Sprintf("%v, at two events a second", archiver.DefaultSegmentAge), rows / segments, puts / rows},
		{fmt.Sprintf("%d MiB or %d events", archiver.DefaultSegmentBytes>>20, archiver.DefaultSegmentRows), full, 2 / full},
	} {
		text += fmt.Sprintf("%-31s | %7.0f | %20.6f | %26.5f\n", s.name, s.events, s.request, s.request*faults.USEast1.BucketPut)
	}
	t.Log(text)
}

// restartArchive checks that another archiver finds the end of a shard's segments at a cost that
// does not grow with their number.
func (l *load) restartArchive(t *testing.T, root bucket.Bucket) {
	t.Helper()
	l.round(-1, 1)
	next := l.archive(root)
	l.within(2*archiver.DefaultSegmentAge, "the next archiver seals a segment", func() bool { return next.Stats().Segments == 1 })
	got := next.Snapshot()
	puts, gets, lists := got.All(faults.BucketPuts), got.All(faults.BucketGets), got.All(faults.BucketLists)
	// the segment and its end marker; HEAD, and the end of the newest
	if puts < 1 || puts > 2 || gets != 2 || lists > mostLists {
		t.Errorf("%v PUT, %v GET and %v LIST for a start and a segment", puts, gets, lists)
	}
}
