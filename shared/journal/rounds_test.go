package journal

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/event"
	"passbook/shared/event/eventtest"
	"passbook/shared/faults"
	"passbook/shared/journal/keyindex"
	"passbook/shared/table"
)

// rounded is a table that counts what a journal puts of entries and pages, and that can hold rounds
// back.
type rounded struct {
	table.Table
	mu     sync.Mutex
	alone  []string   // sort keys of single puts
	rounds [][]string // sort keys of each round
	gate   chan struct{}
	held   int
	// each, if set, makes a round's puts.
	each func(ctx context.Context, puts []table.Put) []error
}

func (r *rounded) Put(ctx context.Context, p table.Put) error {
	r.mu.Lock()
	if p.Table == Table {
		r.alone = append(r.alone, p.Row.SK)
	}
	r.mu.Unlock()
	return r.Table.Put(ctx, p)
}

func (r *rounded) PutEach(ctx context.Context, puts []table.Put) []error {
	keys := make([]string, len(puts))
	for i, p := range puts {
		keys[i] = p.Row.SK
	}
	r.mu.Lock()
	r.rounds = append(r.rounds, keys)
	gate := r.gate
	if gate != nil {
		r.held++
	}
	r.mu.Unlock()
	if gate != nil {
		<-gate
	}
	r.mu.Lock()
	each := r.each
	r.mu.Unlock()
	if each != nil {
		return each(ctx, puts)
	}
	return r.Table.PutEach(ctx, puts)
}

// hold keeps every worker of the journal in a put, each with a separate account, until the
// function that it returns is called. What is ready by then is in one round.
func (r *rounded) hold(t *testing.T, j *Journal, running *sync.WaitGroup) (release func()) {
	t.Helper()
	busy := make([]event.Account, roundWorkers)
	for i := range busy {
		busy[i] = event.Account{Tenant: "main", ID: fmt.Sprint("BUSY-", i)}
		openAccount(t, j, busy[i], 0)
	}
	gate := make(chan struct{})
	r.mu.Lock()
	r.gate, r.held = gate, 0
	r.mu.Unlock()
	for i, a := range busy {
		running.Go(func() {
			if _, err := tryExecute(t, j, command(a, "busy", crediting(1))); err != nil {
				t.Error(err)
			}
		})
		waitFor(t, func() bool { r.mu.Lock(); defer r.mu.Unlock(); return r.held == i+1 })
	}
	return func() {
		r.mu.Lock()
		r.gate, r.rounds, r.alone = nil, nil, nil
		r.mu.Unlock()
		close(gate)
	}
}

func (r *rounded) seen() (rounds [][]string, alone []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.rounds), slices.Clone(r.alone)
}

func numbered(n int) (accounts []event.Account) {
	for i := range n {
		accounts = append(accounts, event.Account{Tenant: "main", ID: fmt.Sprint("N-", i)})
	}
	return accounts
}

// ready reports how many lanes wait for a round.
func (j *Journal) readyLanes() int {
	j.rounds.mu.Lock()
	defer j.rounds.mu.Unlock()
	return len(j.rounds.ready)
}

// Many accounts that are ready are committed by one call.
func TestLanesThatAreReadyShareARound(t *testing.T) {
	_, inner := store(t)
	tbl := &rounded{Table: inner}
	j, out := open(t, tbl, newClock())
	accounts := numbered(100)
	for _, a := range accounts {
		openAccount(t, j, a, 0)
	}
	var running sync.WaitGroup
	release := tbl.hold(t, j, &running)
	before := len(out.firsts(t))
	for _, a := range accounts {
		running.Go(func() {
			if r, err := tryExecute(t, j, command(a, "k", crediting(1))); err != nil || r.Version != 2 {
				t.Errorf("%s: %+v, %v", a.ID, r, err)
			}
		})
	}
	waitFor(t, func() bool { return j.readyLanes() == len(accounts) })
	release()
	running.Wait()
	rounds, alone := tbl.seen()
	if len(rounds) != 1 || len(rounds[0]) != len(accounts) || len(alone) > 0 {
		t.Errorf("%d rounds, single puts of %v", len(rounds), alone)
	}
	if n := len(out.firsts(t)) - before; n != len(accounts)+roundWorkers {
		t.Errorf("%d entries published", n)
	}
}

// Each lane of a round is answered at its own outcome. What is not known is repeated alone.
func TestEachLaneOfARoundHasItsOwnOutcome(t *testing.T) {
	_, inner := store(t)
	tbl := &rounded{Table: inner}
	j, _ := open(t, tbl, newClock())
	other, _ := open(t, inner, newClock())
	cases := []struct {
		name   string
		before error // the put is not made
		after  error // the answer is lost
		first  bool  // another writer is first
		want   error
		alone  int // puts of the entry after the round's
	}{
		{name: "committed"},
		{name: "lost", after: errLost, alone: 1},
		{name: "out of time", after: context.DeadlineExceeded, alone: 1},
		{name: "not arrived", before: errLost, alone: 1},
		{name: "throttled", before: table.ErrThrottled, alone: 1},
		{name: "another was first", first: true, alone: 1},
		{name: "refused", before: table.ErrRefused, want: ErrUnavailable},
		{name: "committed too"},
	}
	accounts := numbered(len(cases))
	for _, a := range accounts {
		openAccount(t, j, a, 0)
	}
	var running sync.WaitGroup
	release := tbl.hold(t, j, &running)
	receipts, errs := make([]Receipt, len(cases)), make([]error, len(cases))
	for i, a := range accounts {
		running.Go(func() { receipts[i], errs[i] = tryExecute(t, j, command(a, "k", crediting(1))) })
		if cases[i].first {
			accepted(t, other, command(a, "other", crediting(10)))
		}
	}
	waitFor(t, func() bool { return j.readyLanes() == len(cases) })
	tbl.each = func(ctx context.Context, puts []table.Put) []error {
		outcomes := make([]error, len(puts))
		for i, p := range puts {
			n := slices.IndexFunc(accounts, func(a event.Account) bool { return a.String() == p.Row.PK })
			if n >= 0 && cases[n].before != nil {
				outcomes[i] = cases[n].before
				continue
			}
			if outcomes[i] = inner.Put(ctx, p); n >= 0 && cases[n].after != nil {
				outcomes[i] = cases[n].after
			}
		}
		return outcomes
	}
	release()
	running.Wait()
	tbl.mu.Lock()
	tbl.each = nil
	tbl.mu.Unlock()
	if rounds, _ := tbl.seen(); len(rounds[0]) != len(cases) {
		t.Fatalf("rounds of %v", rounds)
	}
	for i, c := range cases {
		if !errors.Is(errs[i], c.want) || c.want == nil && errs[i] != nil {
			t.Errorf("%s: %v", c.name, errs[i])
			continue
		}
		again := accepted(t, j, command(accounts[i], "k", crediting(1)))
		if again.Replayed != (c.want == nil) || c.want == nil && again.Version != receipts[i].Version {
			t.Errorf("%s: first %+v, then %+v", c.name, receipts[i], again)
		}
		want := int64(1)
		if c.first {
			want = 11
		}
		events := history(t, j.Reader, accounts[i])
		if got := events[len(events)-1].After.Posted; got != want {
			t.Errorf("%s: posted %d, want %d", c.name, got, want)
		}
	}
	_, alone := tbl.seen()
	want := 0
	for _, c := range cases {
		want += c.alone
	}
	if len(alone) < want { // the refused lane loads again, and is in the next round
		t.Errorf("single puts of %v, want %d at least", alone, want)
	}
}

// Transfers hold two lanes each and wait for each other. They never hold a worker.
func TestMoreCrossingTransfersThanWorkers(t *testing.T) {
	_, inner := store(t)
	tbl := &rounded{Table: inner}
	j, _ := open(t, tbl, newClock())
	accounts := numbered(4)
	for _, a := range accounts {
		openAccount(t, j, a, 1000)
	}
	var running sync.WaitGroup
	release := tbl.hold(t, j, &running)
	for i := range 16 * roundWorkers {
		running.Go(func() {
			from, to := accounts[i%4], accounts[(i+1+i/4%3)%4]
			tr := transferOf(fmt.Sprint("t", i), 1)
			tr.Command, tr.To = command(from, fmt.Sprint("t", i), nil), to
			if _, err := tryTransfer(t, j, tr); err != nil {
				t.Error(err)
			}
		})
		running.Go(func() {
			if _, err := tryExecute(t, j, command(accounts[i%4], fmt.Sprint("c", i), crediting(1))); err != nil {
				t.Error(err)
			}
		})
	}
	release()
	running.Wait()
	sum := int64(0)
	for _, a := range accounts {
		events := history(t, j.Reader, a)
		sum += events[len(events)-1].After.Posted
	}
	if want := int64(4*1000 + 16*roundWorkers); sum != want {
		t.Errorf("%d in all accounts, want %d", sum, want)
	}
}

// pauses is an outbox that has some accounts pause until a test ends that.
type pauses struct {
	outbox
	paused map[event.Account]func()
	ended  bool
}

func (p *pauses) Pace(a event.Account, again func()) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended || !strings.HasPrefix(a.ID, "N-") {
		return false
	}
	p.paused[a] = again
	return true
}

// slowStream is an outbox that asks for a pause each time, as in an outage of the stream.
type slowStream struct {
	outbox
	asked atomic.Int64
}

func (s *slowStream) Pace(_ event.Account, again func()) bool {
	s.asked.Add(1)
	go again()
	return true
}

// bothWays makes tables on which entries are put in rounds, and one by one.
var bothWays = map[string]func(table.Table) table.Table{
	"in rounds": func(t table.Table) table.Table { return t },
	"alone":     func(t table.Table) table.Table { return apart{t} },
}

// A pause delays the commands of an account and does not stop it, however long the outbox has too
// much of it.
func TestAnAccountContinuesAfterEachPause(t *testing.T) {
	for name, together := range bothWays {
		t.Run(name, func(t *testing.T) {
			_, inner := store(t)
			out := &slowStream{}
			j, err := Open(t.Context(), Config{Table: together(inner), Outbox: out})
			if err != nil {
				t.Fatal(err)
			}
			openAccount(t, j, acct, 0)
			for i := range 5 {
				accepted(t, j, command(acct, fmt.Sprint(i), crediting(1)))
			}
			if asked := out.asked.Load(); asked < 5 {
				t.Errorf("asked %d times for 5 entries", asked)
			}
			if err := j.Close(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// An account that pauses holds no worker: the others continue, and it does when it is called.
func TestPausedAccountsHoldNoWorker(t *testing.T) {
	for name, together := range bothWays {
		t.Run(name, func(t *testing.T) {
			_, inner := store(t)
			out := &pauses{paused: make(map[event.Account]func()), ended: true}
			j, err := Open(t.Context(), Config{Table: together(inner), Outbox: out})
			if err != nil {
				t.Fatal(err)
			}
			accounts := numbered(4 * roundWorkers)
			for _, a := range accounts {
				openAccount(t, j, a, 0)
			}
			openAccount(t, j, acct, 0)
			out.mu.Lock()
			out.ended = false
			out.mu.Unlock()
			var running sync.WaitGroup
			for _, a := range accounts {
				for _, key := range []string{"k1", "k2"} {
					running.Go(func() { accepted(t, j, command(a, key, crediting(1))) })
				}
			}
			waitFor(t, func() bool { out.mu.Lock(); defer out.mu.Unlock(); return len(out.paused) == len(accounts) })
			for i := range 10 {
				accepted(t, j, command(acct, fmt.Sprint(i), crediting(1)))
			}
			for _, a := range accounts {
				waitFor(t, func() bool { return j.queued(a) == 2 }) // nothing of it was decided
			}
			out.mu.Lock()
			out.ended = true
			out.mu.Unlock()
			for _, again := range out.paused {
				go again()
			}
			running.Wait()
			for _, a := range accounts {
				head, err := j.Head(t.Context(), a)
				if err != nil || head.State.Posted != 2 {
					t.Errorf("%s: %+v, %v", a.ID, head.State, err)
				}
			}
			if err := j.Close(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// apart is a table on which each put is a separate round trip.
type apart struct{ table.Table }

func (apart) Together() int { return 1 }

func (apart) PutEach(_ context.Context, puts []table.Put) []error {
	return table.Outcomes(len(puts), errors.New("not here"))
}

// Where the table puts no rows together, entries are put one by one, as many at once as come.
func TestTableThatPutsApartGetsSinglePuts(t *testing.T) {
	tbl, _ := store(t)
	j, _ := open(t, apart{tbl}, newClock())
	accounts := numbered(3 * roundWorkers)
	for _, a := range accounts {
		openAccount(t, j, a, 0)
	}
	gate := make(chan struct{})
	var arrived, running sync.WaitGroup
	arrived.Add(len(accounts))
	tbl.Arm(&faults.Rule{Match: faults.On(Table), Hook: func() { arrived.Done(); <-gate }}, len(accounts))
	for _, a := range accounts {
		running.Go(func() { accepted(t, j, command(a, "k", crediting(1))) })
	}
	arrived.Wait() // all at once
	close(gate)
	running.Wait()
}

// slow is an origin that takes a second to sign.
type slow struct{ eventtest.Origin }

func (s slow) Sign(h event.Hash) event.MAC {
	time.Sleep(200 * time.Millisecond)
	return s.Origin.Sign(h)
}

// Counters are taken under a lease that outlasts the put: the put's time runs from before that.
func TestSealingTakesOfThePutsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, inner := store(t)
		tbl := &rounded{Table: inner}
		j, err := Open(t.Context(), Config{Table: tbl, Outbox: &outbox{}, Origin: slow{}})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := j.Close(context.Background()); err != nil {
				t.Error(err)
			}
		}()
		openAccount(t, j, acct, 0)
		var left time.Duration
		tbl.mu.Lock()
		tbl.each = func(ctx context.Context, puts []table.Put) []error {
			until, _ := ctx.Deadline()
			left = time.Until(until)
			return inner.PutEach(ctx, puts)
		}
		tbl.mu.Unlock()
		accepted(t, j, command(acct, "k", crediting(1)))
		if left != putDeadline-200*time.Millisecond {
			t.Errorf("%v for the put", left)
		}
	})
}

// A complete page of keys is put beside entries, and one that could not be put comes with a later
// entry and keeps no lane busy.
func TestPagesOfKeysAreInTheRounds(t *testing.T) {
	for name, refused := range map[string]int{"stored at once": 0, "stored later": 3} {
		t.Run(name, func(t *testing.T) {
			flaky, _ := store(t)
			tbl := &rounded{Table: flaky}
			j, _ := open(t, tbl, newClock())
			openAccount(t, j, acct, 0)
			page := keyindex.PageKey(acct, 0)
			rule := flaky.Arm(&faults.Rule{Match: func(p table.Put) bool { return p.Row.Key == page }, Before: errLost}, refused)
			var running sync.WaitGroup
			for i := range 1100 {
				running.Go(func() { accepted(t, j, command(acct, fmt.Sprint(i), crediting(1))) })
			}
			running.Wait()
			for i := 0; rule.Fired() < refused; i++ {
				accepted(t, j, command(acct, fmt.Sprint("more", i), crediting(1)))
			}
			if err := j.Idle(t.Context()); err != nil {
				t.Fatal(err)
			}
			accepted(t, j, command(acct, "last", crediting(1)))
			if err := j.Idle(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := flaky.Get(t.Context(), Table, page, true); err != nil {
				t.Error(err)
			}
			_, alone := tbl.seen()
			if slices.Contains(alone, page.SK) {
				t.Errorf("single puts of %v", alone)
			}
			restarted, _ := open(t, flaky, newClock())
			for _, key := range []string{"0", "700", "last"} {
				if r := accepted(t, restarted, command(acct, key, crediting(1))); !r.Replayed {
					t.Errorf("%q was done again", key)
				}
			}
		})
	}
}

// unsteady fails puts at random: before they happen, or after.
type unsteady struct {
	table.Table
	mu   sync.Mutex
	rand *rand.Rand
	calm bool
}

func (u *unsteady) put(ctx context.Context, p table.Put) error {
	u.mu.Lock()
	dice := u.rand.IntN(8)
	if p.Table != Table || u.calm {
		dice = 9
	}
	u.mu.Unlock()
	switch dice {
	case 0:
		return errLost
	case 1:
		return table.ErrThrottled
	case 2:
		if err := u.Table.Put(ctx, p); err != nil {
			return err
		}
		return errLost
	}
	return u.Table.Put(ctx, p)
}

func (u *unsteady) Put(ctx context.Context, p table.Put) error { return u.put(ctx, p) }

func (u *unsteady) PutEach(ctx context.Context, puts []table.Put) []error {
	return table.PutApart(ctx, puts, 1, u.put)
}

// Two writers, unanswered puts in any place of a round: every command is in the journal once, under
// the version that it was answered with.
func TestEveryCommandIsCommittedOnceThroughRoundsThatFail(t *testing.T) {
	for seed := range uint64(10) {
		synctest.Test(t, func(t *testing.T) {
			_, inner := store(t)
			tbl := &unsteady{Table: inner, rand: rand.New(rand.NewPCG(seed, 1)), calm: true}
			var writers []*Journal
			for range 2 {
				j, _ := open(t, tbl, newClock())
				writers = append(writers, j)
			}
			accounts := numbered(6)
			for _, a := range accounts {
				openAccount(t, writers[0], a, 0)
			}
			tbl.mu.Lock()
			tbl.calm = false
			tbl.mu.Unlock()
			answered := make([]Receipt, 240)
			var running sync.WaitGroup
			for i := range answered {
				running.Go(func() {
					for try := i; ; try++ {
						r, err := tryExecute(t, writers[try%2], command(accounts[i%6], fmt.Sprint("k", i), crediting(1)))
						if err == nil {
							answered[i] = r
							return
						}
						if !errors.Is(err, ErrContention) && !errors.Is(err, ErrOutcomeUnknown) && !errors.Is(err, ErrUnavailable) && !errors.Is(err, ErrOverloaded) {
							t.Errorf("k%d: %v", i, err)
							return
						}
					}
				})
			}
			running.Wait()
			tbl.mu.Lock()
			tbl.calm = true
			tbl.mu.Unlock()
			for n, a := range accounts {
				events := history(t, writers[0].Reader, a)
				if len(events) != 1+len(answered)/6 || events[len(events)-1].After.Posted != int64(len(answered)/6) {
					t.Errorf("seed %d, %s: %d events", seed, a.ID, len(events))
				}
				versions := make(map[int64]bool)
				for i := n; i < len(answered); i += 6 {
					versions[answered[i].Version] = true
				}
				if len(versions) != len(answered)/6 {
					t.Errorf("seed %d, %s: %d versions answered", seed, a.ID, len(versions))
				}
			}
		})
	}
}

// The page that an account's newest entry completes does not wait for another command.
func TestCompletePageIsStoredWithoutAnotherCommand(t *testing.T) {
	_, inner := store(t)
	j, _ := open(t, inner, newClock())
	openAccount(t, j, acct, 0)
	for version := int64(2); version <= keyindex.PageSpan; version++ {
		accepted(t, j, command(acct, fmt.Sprint(version), crediting(1)))
	}
	if err := j.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := inner.Get(t.Context(), Table, keyindex.PageKey(acct, 0), true); err != nil {
		t.Error(err)
	}
}

// Accounts that are not in memory are loaded each by itself, and then put together.
func TestLanesThatWereLoadedShareARound(t *testing.T) {
	_, inner := store(t)
	tbl := &rounded{Table: inner}
	j, _ := open(t, tbl, newClock())
	var running sync.WaitGroup
	release := tbl.hold(t, j, &running)
	accounts := numbered(100)
	for _, a := range accounts {
		running.Go(func() { openAccount(t, j, a, 0) })
	}
	waitFor(t, func() bool { return j.readyLanes() == len(accounts) })
	release()
	running.Wait()
	if rounds, alone := tbl.seen(); len(rounds) != 1 || len(alone) > 0 {
		t.Errorf("%d rounds, single puts of %v", len(rounds), alone)
	}
}
