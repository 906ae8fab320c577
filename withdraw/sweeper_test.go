package withdraw

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/readmodel"
	"passbook/shared/readmodel/due"
	"passbook/shared/storetest"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/table"
)

// dueRows is a table of balances of which only the index of due accounts is used.
type dueRows struct {
	t     *testing.T
	table table.Table
}

func newDueRows(t *testing.T) dueRows {
	t.Helper()
	schema := table.Schema{Name: DueTable, Indexes: []table.Index{due.Index()}}
	return dueRows{t, storetest.Memory(t, pebblestream.Options{}, append(journal.Schemas[:len(journal.Schemas):len(journal.Schemas)], schema)...).Table}
}

// set lists an account as due at a time, in a generation's row; the zero time removes it from the
// list.
func (d dueRows) set(generation int64, a event.Account, at time.Time) {
	d.t.Helper()
	put := table.Put{Table: DueTable, Row: table.Row{Key: readmodel.RowKey(generation, a), Attrs: table.Map{"rev": table.N(1)}}, If: table.Absent()}
	if _, err := d.table.Get(d.t.Context(), DueTable, put.Row.Key, true); err == nil {
		put.If = table.Equals("rev", table.N(1))
	}
	due.Set(put.Row.Attrs, generation, a, at)
	if err := d.table.Put(d.t.Context(), put); err != nil {
		d.t.Fatal(err)
	}
}

// ledger counts the tries of each account, and answers as the test says.
type ledger struct {
	mu     sync.Mutex
	tried  map[event.Account]int
	answer func(event.Account) error
}

func (l *ledger) expire(_ context.Context, a event.Account) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tried[a]++
	if l.answer != nil {
		return l.answer(a)
	}
	return nil
}

func (l *ledger) times(a event.Account) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tried[a]
}

func (l *ledger) accounts() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.tried)
}

func sweeping(t *testing.T, d dueRows, every time.Duration) *ledger {
	t.Helper()
	l := &ledger{tried: map[event.Account]int{}}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	s := NewSweeper(SweeperConfig{Table: d.table, Expire: l.expire, Every: every, Log: slog.New(slog.DiscardHandler)})
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return l
}

func TestSweeperExpiresEveryAccountThatIsDueAndNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDueRows(t)
		var due, later []event.Account
		for i := range 40 { // spread over the index's partitions
			due = append(due, event.Account{Tenant: "main", ID: fmt.Sprintf("due-%d", i)})
			later = append(later, event.Account{Tenant: "main", ID: fmt.Sprintf("later-%d", i)})
			d.set(1, due[i], time.Now().Add(time.Minute))
			d.set(1, later[i], time.Now().Add(2*time.Minute))
		}
		rebuilt := event.Account{Tenant: "main", ID: "candidate"}
		d.set(2, rebuilt, time.Now().Add(time.Second))
		l := sweeping(t, d, 0)
		l.mu.Lock()
		l.answer = func(a event.Account) error {
			if a == due[7] {
				return errors.New("journal unavailable")
			}
			d.set(1, a, time.Time{}) // the projection follows
			return nil
		}
		l.mu.Unlock()
		time.Sleep(59 * time.Second)
		synctest.Wait()
		if n := l.accounts(); n != 0 {
			t.Errorf("%d accounts were tried before their time", n)
		}
		time.Sleep(DefaultSweep + time.Second)
		for i, a := range due {
			if n := l.times(a); n != 1 {
				t.Errorf("due %d was tried %d times", i, n)
			}
		}
		time.Sleep(55 * time.Second)
		if n := l.times(due[7]); n < 3 {
			t.Errorf("one that failed was tried %d times in a minute", n)
		}
		if n := l.accounts(); n != len(due) {
			t.Errorf("%d accounts were tried, %d were due", n, len(due))
		}
	})
}

// A row that does not advance, like that of a quarantined account, stays in the index. It is tried
// at growing intervals, and at once when something new is due on it.
func TestSweeperTriesWhatStaysListedAtGrowingIntervals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDueRows(t)
		a := event.Account{Tenant: "main", ID: "blocked"}
		d.set(1, a, time.Now())
		l := sweeping(t, d, 20*time.Second)
		time.Sleep(6 * time.Hour)
		n := l.times(a)
		if n < 12 || n > 20 {
			t.Errorf("tried %d times in 6 hours", n)
		}
		d.set(1, a, time.Now().Add(time.Second))
		time.Sleep(time.Minute)
		if m := l.times(a); m < n+2 {
			t.Errorf("tried %d times after something new was due", m-n)
		}
	})
}

// An account that never answers is abandoned after expireLimit, and the sweeps continue.
func TestSweeperAbandonsAnAccountThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDueRows(t)
		a := event.Account{Tenant: "main", ID: "hangs"}
		d.set(1, a, time.Now())
		ended := make(chan error, 1)
		s := NewSweeper(SweeperConfig{Table: d.table, Log: slog.New(slog.DiscardHandler), Expire: func(ctx context.Context, _ event.Account) error {
			<-ctx.Done()
			ended <- ctx.Err()
			return ctx.Err()
		}})
		if err := s.sweep(t.Context(), time.Now()); err != nil {
			t.Errorf("sweep: %v", err)
		}
		if err := <-ended; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("ended with %v", err)
		}
	})
}
