package pipeline

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/control"
	"passbook/shared/faults"
	"passbook/shared/journal"
	"passbook/shared/table"
)

// sharing is the cost of several writers on the same accounts.
type sharing struct {
	writers            int
	entries, conflicts float64
	hops               float64
	took               time.Duration
	faults.Counts
}

// perEntry returns the conflicts and the stream's records for each entry.
func (s sharing) perEntry() (conflicts, records float64) {
	return s.conflicts / s.entries, s.Of(faults.Records, events) / s.entries
}

// share has writers work on accounts that all of them use, each command coming to another writer
// than the one before, and counts.
func share(t *testing.T, writers int, affine bool) (s sharing) {
	warm(t)
	synctest.Test(t, func(t *testing.T) {
		const accounts, commands, every = 20, 600, time.Second / 15
		b := newBank(t, 2, faults.TablesConfig{})
		b.affine = affine
		fleet := make([]*writer, writers)
		for i := range fleet {
			fleet[i] = b.writer()
		}
		shared := named("shared-0123456789", accounts)
		fleet[0].openAccounts(shared...)
		time.Sleep(lease)
		total := func() faults.Counts {
			sum := faults.Counts{}
			for _, w := range fleet {
				sum = sum.Add(w.counts())
			}
			return sum
		}
		before := total()
		var working sync.WaitGroup
		for i := range commands {
			a := shared[i*7%accounts]
			working.Go(func() { fleet[i/3%writers].do(command(a, fmt.Sprint(i), withdraw(1, reference))) })
			time.Sleep(every)
		}
		working.Wait()
		for _, w := range fleet {
			w.published(time.Minute)
			s.conflicts += w.conflicts()
		}
		b.inOrder(shared...)
		for _, w := range fleet {
			s.hops += float64(w.hops.asked.Load())
			s.took += time.Duration(w.hops.took.Load())
		}
		s.writers, s.Counts = writers, total().Sub(before)
		for _, a := range shared {
			s.entries += float64(len(b.entries(a)) - 2)
		}
		delete(s.Counts, faults.Key{Kind: faults.Writes, Name: control.Name})
	})
	return s
}

// dollars returns what a million commands of one entry each cost in the journal and on the stream,
// failed puts and reads with them.
func (s sharing) dollars() float64 {
	counts := faults.Counts{}
	for key, n := range s.Counts {
		if key.Name != control.Name { // by the hour
			counts[key] = n
		}
	}
	return faults.USEast1.Of(counts).Sum() * 1e6 / s.entries
}

// What it costs that writers share accounts: where each decides what comes to it, and where a
// command goes to the writer of its account. There four writers cost what one does.
func TestCostOfSharedAccounts(t *testing.T) {
	text := "\nwriters forward | per entry: conflicts records write units read units | dollars a million: journal and stream | hops  and their time\n"
	for _, tt := range []struct {
		writers            int
		affine             bool
		conflicts, records float64 // at most
	}{{1, false, 0, 1}, {2, false, 1, 1.6}, {4, false, 1, 1.6}, {2, true, 0.05, 1.1}, {4, true, 0.05, 1.1}} {
		s := share(t, tt.writers, tt.affine)
		conflicts, records := s.perEntry()
		took := time.Duration(0)
		if s.hops > 0 {
			took = s.took / time.Duration(s.hops)
		}
		text += fmt.Sprintf("%7d %-7v | %20.3f %7.3f %11.3f %10.3f | %37.2f | %4.0f %v\n", tt.writers, tt.affine, conflicts, records,
			(s.Of(faults.WriteUnits, journal.Table)+s.Of(faults.IndexUnits, "journal/writers"))/s.entries, s.Of(faults.ReadUnits, journal.Table)/s.entries, s.dollars(), s.hops, took)
		if conflicts > tt.conflicts || records > tt.records {
			t.Errorf("%d writers, forwarding %v: %.3f conflicts and %.3f records an entry", tt.writers, tt.affine, conflicts, records)
		}
		if tt.affine && s.hops == 0 {
			t.Errorf("%d writers: no command went a hop", tt.writers)
		}
	}
	t.Log(text)
}

// A command on an account that its writer does not have in memory reads it first.
func TestCostOfColdAccounts(t *testing.T) {
	warm(t)
	synctest.Test(t, func(t *testing.T) {
		b := newBank(t, 2, faults.TablesConfig{})
		cold := named("cold", 20)
		b.writer().openAccounts(cold...)
		time.Sleep(lease)
		w := b.writer()
		before := w.counts()
		for _, a := range cold {
			w.do(command(a, "first", withdraw(1, reference)))
		}
		read := w.counts().Sub(before).Of(faults.ReadUnits, journal.Table) / float64(len(cold))
		t.Logf("a cold account: %.1f read units, %.2f dollars a million", read, read*faults.USEast1.ReadUnit)
		if read > 3 {
			t.Errorf("%v read units to read an account of two entries", read)
		}
	})
}

// itemOverhead is what DynamoDB stores, and bills, with each item of a table or of an index.
const itemOverhead = 100

// What a million commands of one entry each keep in the journal and its index, by the month.
func TestCostOfStorage(t *testing.T) {
	warm(t)
	synctest.Test(t, func(t *testing.T) {
		b := newBank(t, 2, faults.TablesConfig{})
		w := b.writer()
		kept := named("customer-0123456789", 1)
		w.openAccounts(kept...)
		const commands = 200
		for i := range commands {
			w.do(command(kept[0], fmt.Sprint(i), withdraw(1, reference)))
		}
		page, err := b.store.Query(t.Context(), table.Query{Table: journal.Table, PK: kept[0].String(), Limit: 1000})
		if err != nil || len(page.Rows) < commands {
			t.Fatalf("%d rows, %v", len(page.Rows), err)
		}
		var bytes int
		for _, row := range page.Rows {
			bytes += table.Size(row) + itemOverhead
			if wk := row.Attrs["wk"]; wk != nil { // the index has the keys
				bytes += table.Size(table.Row{Key: row.Key, Attrs: table.Map{"wk": wk, "wn": row.Attrs["wn"]}}) + itemOverhead
			}
		}
		each := float64(bytes) / float64(len(page.Rows))
		month := func(dollars float64) float64 { return each * 1e6 / 1e9 * dollars }
		t.Logf("%.0f bytes a command: %.2f dollars a month for a million, and %.2f for their backup", each, month(faults.USEast1.TableGB), month(faults.USEast1.BackupGB))
		rare := faults.InfrequentAccess
		dearer, cheaper := 2*(rare.WriteUnit-faults.USEast1.WriteUnit), month(faults.USEast1.TableGB)-month(rare.TableGB)
		t.Logf("in the class Standard-Infrequent Access %.2f dollars a month less, and %.2f more to write: it pays after %.1f months", cheaper, dearer, dearer/cheaper)
		if each < 800 || each > 1500 {
			t.Errorf("%.0f bytes a command", each)
		}
	})
}
