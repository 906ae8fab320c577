package pipeline

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/event"
	"passbook/shared/faults"
	journalwriter "passbook/shared/writer"

	"passbook/shared/journal"
)

// affine makes writers that forward commands, and accounts that all of them are asked for, once
// each knows the others.
func affine(t *testing.T, writers, accounts int) (b *bank, fleet []*writer, shared []event.Account) {
	t.Helper()
	b = newBank(t, 2, faults.TablesConfig{})
	b.affine = true
	for range writers {
		fleet = append(fleet, b.writer())
	}
	shared = named("shared", accounts)
	fleet[0].openAccounts(shared...)
	time.Sleep(2 * time.Second)
	return b, fleet, shared
}

// once checks that each of so many withdrawals of 1 happened once, over all accounts, and is on the
// stream.
func (b *bank) once(commands int, accounts ...event.Account) {
	b.t.Helper()
	var posted, versions int64
	for _, a := range accounts {
		s := b.state(a)
		posted += s.Posted
		versions += s.Version - 2
	}
	if want := int64(len(accounts))*1_000_000_000 - int64(commands); posted != want || versions != int64(commands) {
		b.t.Errorf("posted %d in %d versions, want %d in %d", posted, versions, want, commands)
	}
	if n := b.missing(accounts...); n != 0 {
		b.t.Errorf("%d entries are not on the stream", n)
	}
}

// somewhere has one of the living writers execute a command, and asks the next with the same key
// where one does not answer. It gives the longest that one took.
func somewhere(fleet []*writer, c journal.Command) (took time.Duration) {
	for i := rand.IntN(len(fleet)); ; i++ {
		w := fleet[i%len(fleet)]
		if w.dead.Load() {
			continue
		}
		began := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		_, err := w.anywhere(ctx, c)
		cancel()
		if !w.dead.Load() { // else it died on the way, as its caller will see
			took = max(took, time.Since(began))
		}
		if err == nil {
			return took
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// Four writers share accounts; one of five answers between them is lost after it was decided, and
// two writers are killed. Nothing is lost and nothing happens twice, and a writer that is dead
// costs a command no more than a hop's time.
func TestAffinityUnderKillsAndLostAnswers(t *testing.T) {
	warm(t)
	synctest.Test(t, func(t *testing.T) {
		const commands = 600
		b, fleet, shared := affine(t, 4, 10)
		for _, w := range fleet {
			w.hops.lose = func(journal.Command) bool { return rand.IntN(5) == 0 }
		}
		var working sync.WaitGroup
		var longest atomic.Int64
		for i := range commands {
			working.Go(func() {
				took := somewhere(fleet, command(shared[i%len(shared)], fmt.Sprint(i), withdraw(1, reference)))
				for was := longest.Load(); int64(took) > was && !longest.CompareAndSwap(was, int64(took)); was = longest.Load() {
				}
			})
			switch i {
			case 200:
				fleet[3].kill()
			case 300:
				fleet[2].kill()
			}
			time.Sleep(20 * time.Millisecond)
		}
		working.Wait()
		t.Logf("the longest took %v", time.Duration(longest.Load()))
		if longest := time.Duration(longest.Load()); longest > 3*time.Second {
			t.Errorf("a command took %v on a writer that lives", longest)
		}
		time.Sleep(3 * lease) // the tails of the dead
		b.once(commands, shared...)
	})
}

// Each writer holds itself for the only one, or knows one that is gone: all decide, and the
// condition is what counts.
func TestAffinityWithStaleViews(t *testing.T) {
	for name, view := range map[string]func(self string, others []journalwriter.Peer) (string, []journalwriter.Peer){
		"all own all":     func(self string, _ []journalwriter.Peer) (string, []journalwriter.Peer) { return self, nil },
		"each to another": func(_ string, others []journalwriter.Peer) (string, []journalwriter.Peer) { return "", others[:1] },
		"one that is gone": func(self string, others []journalwriter.Peer) (string, []journalwriter.Peer) {
			return self, append(others[:1:1], gone)
		},
	} {
		t.Run(name, func(t *testing.T) {
			warm(t)
			synctest.Test(t, func(t *testing.T) {
				const commands = 120
				b, fleet, shared := affine(t, 3, 4)
				dead := b.writer()
				dead.kill()
				for address, w := range b.reach {
					if w == dead {
						gone.Address = address
					}
				}
				for _, w := range fleet {
					w.hops.view = func() (string, []journalwriter.Peer) { return view(w.Fleet()) }
				}
				var working sync.WaitGroup
				for i := range commands {
					c := command(shared[i%len(shared)], fmt.Sprint(i), withdraw(1, reference))
					for _, w := range fleet { // the same command at all of them
						working.Go(func() { w.do(c) })
					}
					time.Sleep(10 * time.Millisecond)
				}
				working.Wait()
				for _, w := range fleet {
					w.published(time.Minute)
				}
				b.once(commands, shared...)
			})
		})
	}
}

// gone is a writer that no row names any more.
var gone = journalwriter.Peer{ID: "gone"}

// The owner has a command's put on its way and cannot be heard: the command is decided where it
// came in, before its time is over, and the put that arrives later finds its place taken.
func TestOwnerThatIsLate(t *testing.T) {
	warm(t)
	synctest.Test(t, func(t *testing.T) {
		b, fleet, shared := affine(t, 2, 16)
		late := fleet[1]
		for _, a := range shared { // each owner has its accounts in memory
			fleet[0].do(command(a, "before", withdraw(1, reference)))
		}
		before := fleet[0].hops.asked.Load()
		late.client.Stall()
		var working sync.WaitGroup
		for i, a := range shared {
			working.Go(func() {
				began := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				if r, err := fleet[0].anywhere(ctx, command(a, fmt.Sprint(i), withdraw(1, reference))); err != nil || r.Entry == nil || r.Entry.Writer != fleet[0].Writer() {
					t.Errorf("%s: %+v, %v", a.ID, r.Rejection, err)
				}
				if took := time.Since(began); took > 1600*time.Millisecond {
					t.Errorf("%s: decided after %v of 3 s", a.ID, took)
				}
			})
		}
		working.Wait()
		if fleet[0].hops.asked.Load() != before {
			t.Error("the late one answered")
		}
		time.Sleep(time.Second)
		late.client.Resume()
		time.Sleep(2 * lease)
		b.once(2*len(shared), shared...)
		if late.conflicts() == 0 {
			t.Error("no account was the late one's")
		}
	})
}
