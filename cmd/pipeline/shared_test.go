package pipeline

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/journal"
	"passbook/shared/strict"
)

// sharing is what it costs that several writers work on the same accounts.
type sharing struct {
	writers            int
	entries, conflicts float64
	hops               float64
	took               time.Duration
	strict.Counts
}

// perEntry are the conflicts and the stream's records for each entry.
func (s sharing) perEntry() (conflicts, records float64) {
	return s.conflicts / s.entries, s.Of(strict.Records, events) / s.entries
}

// share has writers work on accounts that all of them use, each command coming to another writer than the one before, and counts.
func share(t *testing.T, writers int, affine bool) (s sharing) {
	warm(t)
	synctest.Test(t, func(t *testing.T) {
		const accounts, commands, every = 20, 600, time.Second / 15
		b := newBank(t, 2, strict.TablesConfig{})
		b.affine = affine
		fleet := make([]*writer, writers)
		for i := range fleet {
			fleet[i] = b.writer()
		}
		shared := named("shared-0123456789", accounts)
		fleet[0].openAccounts(shared...)
		time.Sleep(lease)
		total := func() strict.Counts {
			sum := strict.Counts{}
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
		delete(s.Counts, strict.Key{Kind: strict.Writes, Name: journal.Control})
	})
	return s
}

// Writers that share accounts publish each other's entries only as far as the stream may not have them.
func TestSharedAccountsArePublishedOnce(t *testing.T) {
	for _, writers := range []int{1, 2, 4} {
		s := share(t, writers, false)
		conflicts, records := s.perEntry()
		t.Logf("%d writers: %.2f conflicts and %.2f records an entry", writers, conflicts, records)
		if records > 1.6 { // 2.9 where each publishes what it meets
			t.Errorf("%d writers: %.2f records an entry", writers, records)
		}
	}
}

// Where commands go to the writer of their account, four writers cost what one does.
func TestAffinity(t *testing.T) {
	for _, writers := range []int{2, 4} {
		s := share(t, writers, true)
		conflicts, records := s.perEntry()
		t.Logf("%d writers: %.3f conflicts and %.3f records an entry; %.0f of %.0f commands went a hop, which with its decision took %v\n%v",
			writers, conflicts, records, s.hops, s.entries, s.took/time.Duration(s.hops), s.Counts)
		if conflicts > 0.05 || records > 1.1 {
			t.Errorf("%d writers: %.2f conflicts and %.2f records an entry", writers, conflicts, records)
		}
		if s.hops == 0 {
			t.Errorf("%d writers: no command went a hop", writers)
		}
	}
}
