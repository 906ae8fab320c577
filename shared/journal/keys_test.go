package journal

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"passbook/shared/account"
	"passbook/shared/event"
	"passbook/shared/faults"
	"passbook/shared/journal/keyindex"
	"passbook/shared/journal/rowkey"
	"passbook/shared/table"
)

func TestRepeatedKeyGetsFirstAnswer(t *testing.T) {
	tbl, _ := store(t)
	c := newClock()
	j, _ := open(t, tbl, c)
	openAccount(t, j, acct, 100)
	first := accepted(t, j, command(acct, "w", withdrawing(30)))
	declined := execute(t, j, command(acct, "too much", withdrawing(500)))
	other := command(acct, "w", withdrawing(30))
	other.Request = RequestHash("test", acct.ID, []byte("another body"))

	check := func(t *testing.T, j *Journal) {
		t.Helper()
		again := execute(t, j, command(acct, "w", withdrawing(30)))
		if !again.Replayed || again.Command != first.Command || again.Entry.Hash != first.Entry.Hash {
			t.Fatalf("repeat: %+v", again)
		}
		if again := execute(t, j, command(acct, "too much", withdrawing(500))); !again.Replayed || again.Command != declined.Command {
			t.Fatalf("repeat of a decline: %+v", again)
		}
		if r := execute(t, j, other); r.Rejection == nil || r.Rejection.Code != account.CodeKeyReused {
			t.Fatalf("another body: %+v", r)
		}
	}
	t.Run("in memory", func(t *testing.T) { check(t, j) })
	t.Run("after a restart", func(t *testing.T) {
		j, _ := open(t, tbl, c)
		check(t, j)
	})
	t.Run("after 2,500 other commands, a page saved, and a restart", func(t *testing.T) {
		var wg sync.WaitGroup
		for i := range 2500 {
			wg.Go(func() {
				if _, err := tryExecute(t, j, command(acct, fmt.Sprint("c", i), crediting(1))); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for i := range int64(2) {
			if _, err := tbl.Get(t.Context(), Table, keyindex.PageKey(acct, i), true); err != nil {
				t.Fatalf("key page %d: %v", i, err)
			}
		}
		check(t, j)
		restarted, _ := open(t, tbl, c)
		check(t, restarted)
	})
	if n := len(history(t, j.Reader, acct)); n != 2504 {
		t.Fatalf("%d events", n)
	}
}

// A page is a function of its entries: a writer and a loader put the same bytes.
func TestKeyPagesFromEntriesEqualThoseFromMemory(t *testing.T) {
	tbl, _ := store(t)
	c := newClock()
	j, _ := open(t, tbl, c)
	openAccount(t, j, acct, 100)
	for i := range 40 {
		var wg sync.WaitGroup
		for k := range 60 {
			wg.Go(func() {
				if _, err := tryExecute(t, j, command(acct, fmt.Sprint(i, "-", k), crediting(1))); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		c.add(time.Second)
	}
	for i := range int64(2) {
		saved, err := tbl.Get(t.Context(), Table, keyindex.PageKey(acct, i), true)
		if err != nil {
			t.Fatal(err)
		}
		p, err := j.pages.Make(t.Context(), acct, i, (i+1)*keyindex.PageSpan)
		if err != nil {
			t.Fatal(err)
		}
		if string(saved.Attrs.Bytes("keys")) != string(p.Keys) || saved.Attrs["at"] != table.Time(p.At) {
			t.Fatalf("page %d differs: %d saved bytes, %d from entries", i, len(saved.Attrs.Bytes("keys")), len(p.Keys))
		}
	}
}

func TestMissingPageIsReadFromEntriesAndSaved(t *testing.T) {
	tbl, _ := store(t)
	c := newClock()
	j, _ := open(t, tbl, c)
	openAccount(t, j, acct, 100)
	refused := tbl.Arm(&faults.Rule{
		Match:  func(p table.Put) bool { return p.Row.SK == keyindex.PageKey(acct, 0).SK },
		Before: errors.New("no"),
	}, 1000)
	for i := range 1200 {
		accepted(t, j, command(acct, fmt.Sprint("c", i), crediting(1)))
	}
	if refused.Fired() == 0 {
		t.Fatal("no page was refused")
	}
	tbl.Arm(&faults.Rule{}, 0)
	restarted, _ := open(t, tbl, c)
	if r := execute(t, restarted, command(acct, "c0", crediting(1))); !r.Replayed {
		t.Fatalf("repeat: %+v", r)
	}
	if err := restarted.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := tbl.Get(t.Context(), Table, keyindex.PageKey(acct, 0), true); err != nil {
		t.Fatalf("the page was not saved after the command: %v", err)
	}
}

// After a restart an account of many pages has filters in their place. A repeated command is
// answered from behind one, among others that share the round.
func TestRepeatedKeyBehindAFilterGetsItsFirstAnswer(t *testing.T) {
	tbl, _ := store(t)
	c := newClock()
	j, _ := open(t, tbl, c)
	openAccount(t, j, acct, 100)
	credits := func(s account.State, now time.Time) account.Decision {
		d := account.NewDraft(s, now)
		for range 400 {
			d.Credit(event.MoneyCredited{Amount: 1, Kind: event.KindDeposit}, d.Today())
		}
		return d.Decision()
	}
	first := accepted(t, j, command(acct, "first", crediting(5)))
	for i := range keyindex.FilterPages*keyindex.PageSpan/400 + 3 {
		accepted(t, j, command(acct, fmt.Sprint("many", i), credits))
	}
	waitFor(t, func() bool {
		_, err := tbl.Get(t.Context(), Table, keyindex.FilterKey(acct, 0), true)
		return err == nil
	})
	restarted, _ := open(t, tbl, c)
	accepted(t, restarted, command(acct, "new", crediting(1)))
	receipts, errs := together(t, tbl, restarted, command(acct, "others 0", crediting(1)),
		command(acct, "others 1", crediting(1)), command(acct, "first", crediting(5)), command(acct, "others 2", crediting(1)))
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	for i, r := range receipts {
		if again := i == 1; r.Replayed != again || again && r.Command != first.Command {
			t.Errorf("command %d: %+v", i, r)
		}
	}
}

// Keys are loaded back past the longest gap between entries, which may have been a clock that
// jumped, and no further.
func TestKeysOlderThanTheWindowAreNotLoaded(t *testing.T) {
	tbl, _ := store(t)
	c := newClock()
	j, _ := open(t, tbl, c)
	openAccount(t, j, acct, 100)
	for day := range 3 { // a page each, 20 hours apart
		for i := range keyindex.PageSpan {
			accepted(t, j, command(acct, fmt.Sprint(day, "-", i), crediting(1)))
		}
		c.add(20 * time.Hour)
	}
	accepted(t, j, command(acct, "new", crediting(1)))
	restarted, _ := open(t, tbl, c)
	if r := execute(t, restarted, command(acct, "1-500", crediting(1))); !r.Replayed {
		t.Error("a key of a page that ended 20 hours before the gap was not loaded")
	}
	if r := execute(t, restarted, command(acct, "0-5", crediting(1))); r.Replayed {
		t.Error("a key of a page past the window was loaded")
	}
}

// A key that was answered within a day is known even if the clock has jumped since and the account
// was loaded under that clock: after one jump still under that clock, after more as soon as it is
// right again.
func TestAnsweredKeyIsKnownAfterALoadUnderAClockThatIsAhead(t *testing.T) {
	const jump = 7 * 24 * time.Hour
	for name, jumps := range map[string]int{"one jump": 1, "two jumps": 2} {
		for where, after := range map[string]int{"in the open page": 0, "in a page": keyindex.PageSpan} {
			t.Run(name+" "+where, func(t *testing.T) {
				tbl, _ := store(t)
				c := newClock()
				j, _ := open(t, tbl, c)
				openAccount(t, j, acct, 100)
				before := command(acct, "before", crediting(1))
				accepted(t, j, before)
				for i := range 2 * keyindex.PageSpan {
					accepted(t, j, command(acct, fmt.Sprint("c", i), crediting(1)))
				}
				c.add(23 * time.Hour)
				accepted(t, j, command(acct, "late", crediting(1)))
				for range jumps {
					c.add(jump)
					for i := range max(after, 1) {
						accepted(t, j, command(acct, fmt.Sprint(c.now(), i), crediting(1)))
					}
				}
				again, _ := open(t, tbl, c)
				accepted(t, again, command(acct, "during", crediting(1)))
				if jumps == 1 && !execute(t, again, before).Replayed {
					t.Error("booked again while the clock is ahead")
				}
				c.add(-time.Duration(jumps) * jump)
				for _, j := range []*Journal{again, j, func() *Journal { j, _ := open(t, tbl, c); return j }()} {
					if !execute(t, j, before).Replayed {
						t.Error("booked again when the clock is right")
					}
				}
			})
		}
	}
}

// Keys that are stored and dropped together, an hour's in memory or a page of them, last as long as
// the youngest must.
func TestKeyUsedLateIsKnownForADay(t *testing.T) {
	tbl, _ := store(t)
	c := newClock()
	j, _ := open(t, tbl, c)
	openAccount(t, j, acct, 100) // the first of the hour, and of the page
	c.add(50 * time.Minute)
	late := command(acct, "late", withdrawing(1))
	accepted(t, j, late)
	for i := range keyindex.PageSpan {
		accepted(t, j, command(acct, fmt.Sprint("c", i), crediting(1)))
	}
	c.add(KeyWindow - 10*time.Minute)
	accepted(t, j, command(acct, "now", crediting(1)))
	if r := execute(t, j, late); !r.Replayed {
		t.Errorf("forgotten after 23 h 50 min: %+v", r.Command)
	}
	restarted, _ := open(t, tbl, c)
	if r := execute(t, restarted, late); !r.Replayed {
		t.Errorf("not loaded after 23 h 50 min: %+v", r.Command)
	}
}

func TestRepeatsInFlightShareOneEvent(t *testing.T) {
	tbl, _ := store(t)
	j, _ := open(t, tbl, newClock())
	openAccount(t, j, acct, 100)
	var wg sync.WaitGroup
	receipts := make([]Receipt, 16)
	for i := range receipts {
		wg.Go(func() {
			r, err := tryExecute(t, j, command(acct, "same", withdrawing(10)))
			if err != nil {
				t.Error(err)
			}
			receipts[i] = r
		})
	}
	wg.Wait()
	fresh := 0
	for _, r := range receipts {
		if r.Command != receipts[0].Command {
			t.Fatalf("answers differ: %+v and %+v", r.Command, receipts[0].Command)
		}
		if !r.Replayed {
			fresh++
		}
	}
	if n := len(history(t, j.Reader, acct)); n != 3 || fresh != 1 {
		t.Fatalf("%d events, %d first answers", n, fresh)
	}
}

// A repeat that is sent to another process during the first writer's put must not be decided twice.
func TestRepeatsOnTwoWritersShareOneEvent(t *testing.T) {
	tbl, _ := store(t)
	c := newClock()
	a, _ := open(t, tbl, c)
	b, _ := open(t, tbl, c)
	openAccount(t, a, acct, 100)
	accepted(t, b, command(acct, "warm", withdrawing(1)))
	for i := range 50 {
		key := fmt.Sprint("same", i)
		var wg sync.WaitGroup
		var got [2]Receipt
		for k, j := range []*Journal{a, b} {
			wg.Go(func() {
				r, err := tryExecute(t, j, command(acct, key, withdrawing(1)))
				if err != nil {
					t.Error(err)
				}
				got[k] = r
			})
		}
		wg.Wait()
		if got[0].Command.First != got[1].Command.First || got[0].Replayed == got[1].Replayed {
			t.Fatalf("twins: %+v and %+v", got[0].Command, got[1].Command)
		}
	}
	if n := len(history(t, a.Reader, acct)); n != 53 {
		t.Fatalf("%d events", n)
	}
}

func TestIfMatchAndRejectionsAreAnsweredFromTheNewestState(t *testing.T) {
	tbl, _ := store(t)
	c := newClock()
	a, _ := open(t, tbl, c)
	b, _ := open(t, tbl, c)
	openAccount(t, a, acct, 100)
	accepted(t, b, command(acct, "b1", crediting(1))) // a's lane does not know of version 3

	fresh := command(event.Account{Tenant: "main", ID: "new"}, "o", opening())
	fresh.IfMatch = 3
	if r := execute(t, a, fresh); r.Rejection == nil || r.Rejection.Code != account.CodeVersionMismatch || r.Rejection.Details["actual"] != int64(0) {
		t.Fatalf("opened under an If-Match: %+v", r)
	}
	matching := command(acct, "m", withdrawing(1))
	matching.IfMatch = 3
	if r := execute(t, a, matching); r.Rejection != nil {
		t.Fatalf("refused from an old state: %+v", r.Rejection)
	}
	stale := command(acct, "s", withdrawing(1))
	stale.IfMatch = 3
	r := execute(t, b, stale)
	if r.Rejection == nil || r.Rejection.Code != account.CodeVersionMismatch || r.Version != 4 {
		t.Fatalf("stale If-Match: %+v", r)
	}
	if r := execute(t, b, matching); !r.Replayed {
		t.Fatal("a key seen comes before If-Match")
	}
	// Nothing was stored for the rejection, so its key is free.
	if r := execute(t, b, command(acct, "s", withdrawing(1))); r.Rejection != nil || r.Replayed {
		t.Fatalf("key of a rejection: %+v", r)
	}
}

func TestDeclinesAreStoredUpToALimitAMinute(t *testing.T) {
	tbl, _ := store(t)
	c := newClock()
	j, _ := open(t, tbl, c)
	openAccount(t, j, acct, 10)
	for i := range MaxDeclines {
		if r := execute(t, j, command(acct, fmt.Sprint("d", i), withdrawing(50))); r.Command.Status != 422 {
			t.Fatalf("decline %d: %+v", i, r)
		}
	}
	if _, err := tryExecute(t, j, command(acct, "over", withdrawing(50))); !errors.Is(err, ErrRateLimited) {
		t.Fatalf("got %v", err)
	}
	accepted(t, j, command(acct, "money", withdrawing(10)))
	c.add(time.Minute)
	if r := execute(t, j, command(acct, "over", withdrawing(50))); r.Command.Status != 422 || r.Replayed {
		t.Fatalf("after a minute: %+v", r)
	}
	if n := len(history(t, j.Reader, acct)); n != MaxDeclines+4 {
		t.Fatalf("%d events", n)
	}
}

// Declines that share an entry count like those that come one by one.
func TestDeclinesThatShareAnEntryAreStoredUpToTheLimit(t *testing.T) {
	tbl, _ := store(t)
	c := newClock()
	j, _ := open(t, tbl, c)
	openAccount(t, j, acct, 10)
	execute(t, j, command(acct, "alone", withdrawing(50)))
	var rest []Command
	for i := range MaxDeclines + 20 {
		rest = append(rest, command(acct, fmt.Sprint("d", i), withdrawing(50)))
	}
	_, errs := together(t, tbl, j, command(acct, "first", crediting(1)), rest...)
	refused := 0
	for _, err := range errs {
		if err != nil && !errors.Is(err, ErrRateLimited) {
			t.Fatal(err)
		} else if err != nil {
			refused++
		}
	}
	if refused != 21 {
		t.Errorf("%d of %d declines were refused after 1, want 21", refused, len(rest))
	}
	if _, err := tryExecute(t, j, command(acct, "over", withdrawing(50))); !errors.Is(err, ErrRateLimited) {
		t.Errorf("one more: %v", err)
	}
	if n := len(history(t, j.Reader, acct)); n != 3+MaxDeclines {
		t.Errorf("%d events, want %d declines after 3", n, MaxDeclines)
	}
}

func TestInternalCommandWithNothingToDo(t *testing.T) {
	tbl, _ := store(t)
	j, o := open(t, tbl, newClock())
	openAccount(t, j, acct, 10)
	r := execute(t, j, Command{Account: acct, Status: 200, Decide: func(account.State, time.Time) account.Decision { return account.Decision{} }})
	if r.Entry != nil || r.Rejection != nil || r.Version != 2 || len(o.firsts(t)) != 2 {
		t.Fatalf("receipt %+v", r)
	}
}

func TestHeadWithAndWithoutStates(t *testing.T) {
	tbl, _ := store(t)
	c := newClock()
	j, _ := open(t, tbl, c)
	openAccount(t, j, acct, 0)
	long := event.Text{Plain: fmt.Sprintf("%0140d", 1)}
	for i := range 250 { // long references leave no room for the state within a write unit
		accepted(t, j, command(acct, fmt.Sprintf("%0255d", i), func(s account.State, now time.Time) account.Decision {
			d := account.NewDraft(s, now)
			d.Credit(event.MoneyCredited{Amount: 2, Kind: event.KindDeposit, Reference: long}, d.Today())
			return d.Decision()
		}))
	}
	states := 0
	since := int64(0)
	for e, err := range j.Entries(t.Context(), acct, 1, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.State != nil {
			states++
			since = e.Last
		}
		if e.Last-since > rowkey.StateEvery {
			t.Fatalf("no state from v%d to v%d", since, e.Last)
		}
	}
	if states > 10 {
		t.Fatalf("%d entries carry the state though it does not fit", states)
	}
	for _, version := range []int64{1, 2, 99, 100, 101, 199, 251} {
		s, err := j.StateAt(t.Context(), acct, version)
		if err != nil || s.Version != version || s.Posted != 2*(version-1) {
			t.Fatalf("state at %d: %+v, %v", version, s, err)
		}
	}
	if _, err := j.StateAt(t.Context(), acct, 252); !errors.Is(err, ErrNoEvent) {
		t.Fatalf("beyond the head: %v", err)
	}
}
