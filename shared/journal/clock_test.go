package journal

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/event"
	"passbook/shared/journal/clockwatch"

	"github.com/prometheus/client_golang/prometheus"
)

// An entry is committed under a wrong clock, or the clock is wrong afterwards. Within the bound the
// account continues in version order and keeps its time; beyond it a person has to accept. An
// answered key gets its answer under any clock.
func TestAccountKeepsItsTimeUnderAWrongClock(t *testing.T) {
	const beyond = MaxAhead + time.Hour
	for name, tt := range map[string]struct {
		during, after time.Duration // of the clock, while the last entry is committed and then
		barred        bool
	}{
		"ahead, within":  {7 * 24 * time.Hour, 0, false},
		"ahead, beyond":  {beyond, 0, true},
		"back, within":   {0, -time.Hour, false},
		"back, beyond":   {0, -beyond, true},
		"ahead for good": {beyond, beyond, false},
	} {
		t.Run(name, func(t *testing.T) {
			tbl, _ := store(t)
			c := newClock()
			j, _ := open(t, tbl, c)
			openAccount(t, j, acct, 100)
			openAccount(t, j, b2, 100)
			accepted(t, j, command(acct, "before", crediting(1)))
			c.add(tt.during)
			last := accepted(t, j, command(acct, "during", crediting(1))).Entry.RecordedAt
			c.add(tt.after - tt.during)
			for _, again := range []*Journal{j, func() *Journal { j, _ := open(t, tbl, c); return j }()} {
				for _, key := range []string{"before", "during"} {
					if r := execute(t, again, command(acct, key, crediting(1))); !r.Replayed {
						t.Errorf("key %q is not answered: %+v", key, r)
					}
				}
			}
			_, err := tryExecute(t, j, command(acct, "after", crediting(1)))
			to := transferOf("to", 1)
			to.Command, to.To = command(b2, "to", nil), acct
			_, moved := tryTransfer(t, j, to)
			if errors.Is(err, ErrClockSkew) != tt.barred || errors.Is(moved, ErrClockSkew) != tt.barred {
				t.Fatalf("a credit %v, a transfer %v", err, moved)
			}
			off := tt.during != tt.after
			if said := j.Clock(); (said != nil) != off || tt.barred && !strings.Contains(said.Error(), "bank clock accept main#A-1") {
				t.Errorf("says %v", said)
			}
			at, err := j.AcceptTime(t.Context(), acct)
			if err != nil || at.Before(last) {
				t.Fatalf("accepted until %v, %v", at, err)
			}
			if _, err := j.AcceptTime(t.Context(), b2); err != nil {
				t.Fatal(err)
			}
			if r := accepted(t, j, command(acct, "accepted", crediting(1))); r.Entry.RecordedAt.Before(last) {
				t.Errorf("time fell from %v to %v", last, r.Entry.RecordedAt)
			}
			restarted, _ := open(t, tbl, c)
			for name, j := range map[string]*Journal{"kept": j, "restarted": restarted} {
				fresh := accepted(t, j, command(acct, "new, "+name, crediting(1)))
				if _, err := tryTransfer(t, j, transferOf("from, "+name, 1)); err != nil {
					t.Fatalf("a transfer from it, %s: %v", name, err)
				}
				accepted(t, j, reversalOf("reversal, "+name, fresh.Entry.Events[0]))
				accepted(t, j, command(b2, "after, "+name, crediting(1)))
			}
		})
	}
	tbl, _ := store(t)
	j, _ := open(t, tbl, newClock())
	if _, err := j.AcceptTime(t.Context(), acct); !errors.Is(err, ErrNoEvent) {
		t.Errorf("of an account that does not exist: %v", err)
	}
}

// A transfer with an account that is ahead does not change the other account's time, in either
// direction; within MaxSkew both have one time.
func TestTransferDoesNotSpreadAWrongTime(t *testing.T) {
	for name, by := range map[string]time.Duration{"3 s": 3 * time.Second, "7 days": 7 * 24 * time.Hour, "accepted": MaxAhead + time.Hour} {
		t.Run(name, func(t *testing.T) {
			tbl, _ := store(t)
			c := newClock()
			j, _ := open(t, tbl, c)
			openAccount(t, j, acct, 100)
			openAccount(t, j, b2, 100)
			c.add(by)
			wrong := accepted(t, j, command(acct, "during", crediting(1))).Entry.RecordedAt
			c.add(-by)
			if _, err := j.AcceptTime(t.Context(), acct); err != nil {
				t.Fatal(err)
			}
			back := transferOf("back", 1)
			back.Command, back.To = command(b2, "back", nil), acct
			for _, tr := range []Transfer{transferOf("there", 1), back} {
				if r, err := tryTransfer(t, j, tr); err != nil || r.Rejection != nil {
					t.Fatalf("%+v, %v", r, err)
				}
			}
			sound := c.now()
			if by <= MaxSkew {
				sound = wrong
			}
			for a, want := range map[event.Account]time.Time{acct: wrong, b2: sound} {
				for _, ev := range history(t, j.Reader, a)[3:] {
					if !ev.RecordedAt.Equal(want) {
						t.Errorf("%s v%d at %v, want %v", a.ID, ev.Version, ev.RecordedAt, want)
					}
				}
			}
			if r := accepted(t, j, command(b2, "next", crediting(1))); !r.Entry.RecordedAt.Equal(sound) {
				t.Errorf("the other account is at %v, want %v", r.Entry.RecordedAt, sound)
			}
		})
	}
}

// The gauge of the furthest account that is ahead exists from the start, and one log line stands
// for all accounts.
func TestAccountsAheadAreReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tbl, _ := store(t)
		registry, lines, c := prometheus.NewRegistry(), &bytes.Buffer{}, newClock()
		j, err := Open(t.Context(), Config{
			Table: tbl, Outbox: &outbox{}, Now: c.now, Metrics: registry, Log: slog.New(slog.NewTextHandler(lines, nil)),
		})
		if err != nil {
			t.Fatal(err)
		}
		defer j.Close(t.Context())
		gauge := func(want float64) {
			t.Helper()
			families, err := registry.Gather()
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range families {
				if f.GetName() == "passbook_journal_clock_ahead_seconds" {
					if got := f.GetMetric()[0].GetGauge().GetValue(); got != want {
						t.Errorf("ahead by %v s, want %v", got, want)
					}
					return
				}
			}
			t.Error("there is no gauge")
		}
		gauge(0)
		openAccount(t, j, acct, 100)
		openAccount(t, j, b2, 100)
		c.add(time.Hour)
		accepted(t, j, command(b2, "an hour", crediting(1)))
		c.add(time.Hour)
		accepted(t, j, command(acct, "two", crediting(1)))
		if lines.Len() > 0 {
			t.Errorf("said under one clock: %s", lines)
		}
		c.add(-2 * time.Hour)
		accepted(t, j, command(acct, "", crediting(1)))
		accepted(t, j, command(b2, "", crediting(1)))
		gauge(7200)
		for _, want := range []string{"level=WARN", "A-1 is 2h0m0s ahead", "B-2 is 1h0m0s ahead"} {
			if !strings.Contains(lines.String(), want) {
				t.Errorf("%q is not said: %s", want, lines)
			}
		}
		time.Sleep(clockwatch.Remembered + time.Second)
		gauge(0)
	})
}

// A minute of declines ends also on an account whose time does not advance.
func TestDeclinesAreCountedByThisMachinesClock(t *testing.T) {
	tbl, _ := store(t)
	c := newClock()
	j, _ := open(t, tbl, c)
	openAccount(t, j, acct, 100)
	c.add(24 * time.Hour)
	accepted(t, j, command(acct, "ahead", crediting(1)))
	c.add(-24 * time.Hour)
	for range 2 {
		for range MaxDeclines {
			execute(t, j, command(acct, "", withdrawing(1000)))
		}
		if _, err := tryExecute(t, j, command(acct, "", withdrawing(1000))); !errors.Is(err, ErrRateLimited) {
			t.Fatalf("one more: %v", err)
		}
		c.add(time.Minute)
	}
}

// Without room nothing is committed, and repeated keys get their answers.
func TestWithoutRoomOnlyAnsweredKeysAreAnswered(t *testing.T) {
	tbl, _ := store(t)
	var full error
	o := &outbox{}
	j, err := Open(t.Context(), Config{Table: tbl, Outbox: o, Now: newClock().now, Room: func() error { return full }})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close(t.Context())
	openAccount(t, j, acct, 100)
	accepted(t, j, command(acct, "k", crediting(1)))
	full = ErrStorageFull
	if _, err := tryExecute(t, j, command(acct, "new", crediting(1))); !errors.Is(err, ErrStorageFull) {
		t.Errorf("without room: %v", err)
	}
	if r := execute(t, j, command(acct, "k", crediting(1))); !r.Replayed {
		t.Errorf("a key that was answered: %+v", r)
	}
	full = nil
	accepted(t, j, command(acct, "new", crediting(1)))
}
