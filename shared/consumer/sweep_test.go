package consumer

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/archive/archivetest"
	"passbook/shared/event"
	"passbook/shared/table"
)

// sweeping counts what a sweep does, and makes accounts fail.
type sweeping struct {
	journal *memoryJournal
	ledger  *ledger
	mu      sync.Mutex
	listed  int                   // pages
	tried   map[event.Account]int // by account
	healed  int
	fails   func(ctx context.Context, a event.Account) error
}

func (s *sweeping) Accounts(ctx context.Context, digit byte, after string) ([]event.Account, string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listed++
	return s.journal.Accounts(ctx, digit, after)
}

// counts returns the numbers of pages listed, of accounts healed and of those tried more than once.
func (s *sweeping) counts() (listed, healed, again int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.tried {
		if n > 1 {
			again++
		}
	}
	return s.listed, s.healed, again
}

// holed returns a team whose stream lost records on every shard, and a change that makes its
// workers sweep through s.
func holed(t *testing.T, shards, accounts int) (c *team, s *sweeping, change func(*Config)) {
	t.Helper()
	c = newTeam(t, shards)
	entries := archivetest.Bank(6, accounts, 2*accounts)
	c.journal.commit(entries...)
	l := c.ledger()
	c.start("a", c.heal(l))
	c.publish(entries[:accounts/4]...)
	time.Sleep(3 * time.Second)
	c.halt("a")
	c.publish(entries[accounts/4:]...)
	c.trimAll()
	s = &sweeping{journal: c.journal, ledger: l, tried: map[event.Account]int{}, fails: func(context.Context, event.Account) error { return nil }}
	return c, s, func(config *Config) {
		config.Open, config.Accounts = l.open, s.Accounts
		config.Heal = func(ctx context.Context, a event.Account) error {
			s.mu.Lock()
			s.tried[a]++
			fails := s.fails
			s.mu.Unlock()
			if err := fails(ctx, a); err != nil {
				return err
			}
			s.mu.Lock()
			s.healed++
			s.mu.Unlock()
			return l.heal(ctx, a)
		}
	}
}

// failing sets which accounts fail from now on.
func (s *sweeping) failing(fails func(ctx context.Context, a event.Account) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fails = fails
}

// An account that always fails is tried again, by every worker that sweeps, and alone: all others
// are healed once.
func TestSweepContinuesPastAccountsThatFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, change := holed(t, 1, 100)
		bad := []event.Account{c.journal.order[7], c.journal.order[60]}
		s.failing(func(_ context.Context, a event.Account) error {
			if slices.Contains(bad, a) {
				return errCut
			}
			return nil
		})
		c.start("b", change)
		time.Sleep(time.Second)
		listed, healed, again := s.counts()
		if healed != 98 || again != 2 {
			t.Fatalf("%d healed, %d tried more than once", healed, again)
		}
		time.Sleep(10 * testLease)
		if l, h, again := s.counts(); l != listed || h != healed || again != 2 || c.openHoles() != 1 {
			t.Errorf("then %d pages listed, %d healed, %d tried more than once, %d holes open", l-listed, h-healed, again, c.openHoles())
		}
		c.halt("b")
		c.start("d", change)
		time.Sleep(3 * testLease)
		s.failing(func(context.Context, event.Account) error { return nil })
		c.within(2*testLease, "healed", func() bool { return c.openHoles() == 0 })
		if l, h, _ := s.counts(); l != listed || h != 100 {
			t.Errorf("another worker listed %d pages; %d healed", l-listed, h)
		}
		s.ledger.check()
		holes, err := Holes(t.Context(), c.table, testStream, "tape")
		c.must(err)
		if holes[0].Accounts != 100 {
			t.Errorf("hole %+v", holes[0])
		}
	})
}

// A failure that passes costs no more than one more try of its account.
func TestFailureThatPassesIsRepairedInTheSameSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, change := holed(t, 3, 60)
		failed := map[event.Account]bool{}
		var mu sync.Mutex
		s.failing(func(_ context.Context, a event.Account) error {
			mu.Lock()
			defer mu.Unlock()
			if len(failed) < 5 && !failed[a] {
				failed[a] = true
				return errCut
			}
			return nil
		})
		c.start("b", change)
		c.within(time.Second+testLease, "healed", func() bool { return c.foundHoles() == 3 && c.openHoles() == 0 })
		if _, healed, again := s.counts(); healed != 60 || again != 5 {
			t.Errorf("%d healed, %d tried more than once", healed, again)
		}
		s.ledger.check()
	})
}

// The worker is drained in the middle of a sweep. Another continues it.
func TestSweepContinuesInAnotherWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, change := holed(t, 1, 100)
		s.failing(func(ctx context.Context, _ event.Account) error {
			if _, healed, _ := s.counts(); healed < 50 {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		})
		c.start("b", change)
		time.Sleep(time.Second)
		c.halt("b")
		_, middle, _ := s.counts()
		s.failing(func(context.Context, event.Account) error { return nil })
		if middle < 50 || c.openHoles() != 1 {
			t.Fatalf("%d healed, %d holes open", middle, c.openHoles())
		}
		c.start("d", change)
		c.within(2*testLease, "healed", func() bool { return c.openHoles() == 0 })
		if _, healed, again := s.counts(); healed > 100+3 || again > 3 { // of the page in work
			t.Errorf("%d healed, %d tried more than once", healed, again)
		}
		s.ledger.check()
	})
}

// The table cannot be reached: the sweep does not try all accounts to find that none can be healed,
// and forgets none.
func TestSweepWaitsWhenTooManyAccountsFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const accounts = maxFailed + 100
		page := 3
		c, s, change := holed(t, 1, accounts)
		s.failing(func(context.Context, event.Account) error { return errCut })
		c.start("b", change)
		time.Sleep(5*testLease + time.Second)
		s.mu.Lock()
		tried := len(s.tried)
		s.mu.Unlock()
		if tried < maxFailed || tried > maxFailed+healParallel || c.openHoles() != 1 {
			t.Errorf("%d accounts tried, %d holes open", tried, c.openHoles())
		}
		// the table can be reached again after the page in work
		s.failing(func(context.Context, event.Account) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			if page--; page >= 0 {
				return errCut
			}
			return nil
		})
		c.within(3*testLease, "healed", func() bool { return c.openHoles() == 0 })
		if _, healed, _ := s.counts(); healed != accounts {
			t.Errorf("%d healed", healed)
		}
		s.ledger.check()
	})
}

// One hole that cannot be healed does not keep the others open.
func TestHolesAreHealedOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, change := holed(t, 3, 60)
		bad := c.journal.order[0]
		s.failing(func(_ context.Context, a event.Account) error {
			if a == bad {
				return errCut
			}
			return nil
		})
		c.start("b", change)
		c.within(2*testLease, "two are healed", func() bool { return c.foundHoles() == 3 && c.openHoles() == 1 })
	})
}

// A hole is read as it was written.
func TestHoleIsReadAsItWasWritten(t *testing.T) {
	h := Hole{
		Shard: "s", After: "17", Cause: "trimmed", FoundAt: time.Unix(7, 0).UTC(), Accounts: 3, epoch: 4, healer: "a", bucket: 5, page: "next",
		failed: []event.Account{{Tenant: "main", ID: "A-1"}},
	}
	if got := parseHole(table.Row{Key: table.Key{SK: h.key}, Attrs: h.attrs()}); fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", h) {
		t.Errorf("%+v, want %+v", got, h)
	}
}

// A page has up to 1000 accounts, each of which may take a minute to fail.
func TestHealingEndsEarlyWhenTooManyFail(t *testing.T) {
	s := &sweeping{tried: map[event.Account]int{}}
	var accounts []event.Account
	for i := range 1000 {
		accounts = append(accounts, event.Account{Tenant: "main", ID: fmt.Sprint("A-", i)})
	}
	w := New(Config{Name: "tape", Runtime: Runtime{Log: quietLog}, Heal: func(_ context.Context, a event.Account) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.tried[a]++
		return errCut
	}})
	failed, why := w.healAll(t.Context(), accounts, 10)
	if len(failed) <= 10 || why == nil || len(s.tried) > 11+2*healParallel {
		t.Errorf("%d failed, %v; %d tried", len(failed), why, len(s.tried))
	}
}
