package journal

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// TestWrongClocks: one entry under a clock that is off, or the clock off afterwards. Within the bound the account goes on in version
// order and its time stands; beyond it a person has to accept. A key that was answered gets its answer under any clock.
func TestWrongClocks(t *testing.T) {
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
			if said := j.Clock(); (said != nil) != off || tt.barred && !strings.Contains(said.Error(), "bank clock accept A-1") {
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
			if _, err := tryTransfer(t, j, transferOf("from", 1)); err != nil {
				t.Errorf("a transfer from it: %v", err)
			}
		})
	}
	tbl, _ := store(t)
	j, _ := open(t, tbl, newClock())
	if _, err := j.AcceptTime(t.Context(), acct); !errors.Is(err, ErrNoEvent) {
		t.Errorf("of an account that does not exist: %v", err)
	}
}

// Where the time stands, a minute of declines still ends.
func TestDeclinesAreCountedByThisClock(t *testing.T) {
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

// Without room nothing is committed, and keys that were answered are answered.
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
