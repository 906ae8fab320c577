package origin_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/account"
	"passbook/shared/archive/archivetest"
	"passbook/shared/control"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/journal/restorer"
	"passbook/shared/keywrap"
	"passbook/shared/origin"
	"passbook/shared/storetest"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/table"
)

var errDown = errors.New("down")

// tables counts the reads of the control table and fails them while it is down.
type tables struct {
	table.Table
	reads atomic.Int64
	down  atomic.Bool
}

func (c *tables) Get(ctx context.Context, name string, key table.Key, consistent bool) (table.Row, error) {
	if name == control.Name {
		c.reads.Add(1)
		if c.down.Load() {
			return table.Row{}, errDown
		}
	}
	return c.Table.Get(ctx, name, key, consistent)
}

// unwraps counts the calls of Unwrap.
type unwraps struct {
	keywrap.Wrapper
	calls atomic.Int64
}

func (u *unwraps) Unwrap(ctx context.Context, bank string, wrapped []byte) ([]byte, error) {
	u.calls.Add(1)
	return u.Wrapper.Unwrap(ctx, bank, wrapped)
}

// bank is a bank's tables, with the row as it was written last.
type bank struct {
	t *testing.T
	*tables
	keys *unwraps
	row  origin.Bank
}

func newBank(t *testing.T) *bank {
	t.Helper()
	store := storetest.Memory(t, pebblestream.Options{}, journal.Schemas...)
	return &bank{t: t, tables: &tables{Table: store.Table}, keys: &unwraps{Wrapper: wrapper(t)}}
}

// write writes the bank's row.
func (b *bank) write(now origin.Bank) {
	b.t.Helper()
	b.row = mustWrite(b.t, b.Table, b.row, now)
}

// key makes a data key.
func (b *bank) key(id int) {
	b.t.Helper()
	if _, err := origin.NewKey(b.t.Context(), b.Table, b.keys, "b", id); err != nil {
		b.t.Fatal(err)
	}
}

// open opens a Keeper as one process has it, which runs until the test ends.
func (b *bank) open() *origin.Keeper {
	b.t.Helper()
	k, err := origin.Open(b.t.Context(), origin.Config{
		Table: b.tables, Keys: keywrap.Once(b.keys), Journal: journal.NewReader(b.Table), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.t.Fatal(err)
	}
	running, stop := context.WithCancel(b.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- k.Run(running) }()
	b.t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			b.t.Errorf("the keeper ended: %v", err)
		}
	})
	return k
}

// entry returns an entry of an account, signed by a signer, or of format 1 without one.
func entry(t *testing.T, signer event.Signer) *event.Entry {
	t.Helper()
	e := archivetest.Bank(1, 1, 1)[0]
	e.State = nil
	if e.Format = 1; signer != nil {
		e.Format = 2
	}
	if _, err := event.Seal(e, signer); err != nil {
		t.Fatal(err)
	}
	return e
}

// forged returns an entry with a mac of a key that only the test has.
func forged(t *testing.T, bank string, id int) *event.Entry {
	t.Helper()
	keys, err := event.NewKeyring(bank, map[int][]byte{id: make([]byte, event.KeyBytes)})
	if err != nil {
		t.Fatal(err)
	}
	return entry(t, keys)
}

func mustBeForeign(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, event.ErrForeign) {
		t.Errorf("%s: %v, want ErrForeign", what, err)
	}
}

func mustPass(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

// A bank that is born at format 2 signs its first entry, and every other process takes it.
func TestKeeperOfANewBankSignsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBank(t)
		early := b.open() // a reader that was started before the bank began
		mustBeRepeated(t, "before there is a bank", early.Check(t.Context(), forged(t, "b", 1)))
		b.key(1)
		b.write(origin.Bank{ID: "b", Format: 2, Key: 1, Heads: "sum"})
		writer := b.open()
		if writer.Format() != 2 || writer.Bank() != "b" {
			t.Fatalf("format %d of bank %q", writer.Format(), writer.Bank())
		}
		e := entry(t, writer)
		mustPass(t, "to the writer", writer.Check(t.Context(), e))
		mustPass(t, "to the early reader", early.Check(t.Context(), e))
		mustBeForeign(t, "another key 1", early.Check(t.Context(), forged(t, "b", 1)))
		mustBeForeign(t, "an unknown key", early.Check(t.Context(), forged(t, "b", 7)))
		e.MAC = event.MAC{}
		mustBeForeign(t, "no mac", early.Check(t.Context(), e))
		mustBeForeign(t, "format 1", early.Check(t.Context(), entry(t, nil)))
		if n := b.keys.calls.Load(); n != 2 {
			t.Errorf("two processes unwrapped the key %d times", n)
		}
	})
}

// mustBeRepeated fails the test unless an error is one that is no verdict.
func mustBeRepeated(t *testing.T, what string, err error) {
	t.Helper()
	if err == nil || errors.Is(err, event.ErrForeign) {
		t.Errorf("%s: %v, want a failure to be repeated", what, err)
	}
}

// While a bank switches, a writer changes the format only when every reader knows the key, and no
// entry of either format is foreign to any reader.
func TestKeeperOfASwitchingBank(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBank(t)
		b.write(origin.Bank{ID: "b", Format: 1})
		writer, reader := b.open(), b.open()
		old := entry(t, nil)
		if writer.Format() != 1 {
			t.Fatalf("format %d", writer.Format())
		}
		mustPass(t, "format 1 before", reader.Check(t.Context(), old))
		mustBeForeign(t, "a mac before there are keys", reader.Check(t.Context(), forged(t, "b", 1)))
		b.key(1)
		b.write(origin.Bank{ID: "b", Format: 2, Key: 1})
		late := b.open() // a writer that is started now
		for range 50 {
			time.Sleep(100 * time.Millisecond)
			for _, w := range []*origin.Keeper{writer, late} {
				if w.Format() == 2 {
					mustPass(t, "the first of format 2", reader.Check(t.Context(), entry(t, w)))
				}
			}
			mustPass(t, "format 1 while it switches", reader.Check(t.Context(), old))
		}
		if writer.Format() != 2 || late.Format() != 2 {
			t.Fatalf("after 5 s format %d and %d", writer.Format(), late.Format())
		}
		b.write(origin.Bank{ID: "b", Format: 2, Key: 1, Heads: "sum"})
		time.Sleep(3 * time.Second)
		mustBeForeign(t, "format 1 afterwards", reader.Check(t.Context(), old))
	})
}

// After the switch an entry of format 1 is the bank's only if the journal has it: one that arrives
// late. Where the journal cannot be asked there is no verdict.
func TestKeeperAsksTheJournalForAnEntryWithoutAMac(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBank(t)
		b.key(1)
		b.write(origin.Bank{ID: "b", Format: 2, Key: 1, Heads: "sum"})
		k, late := b.open(), entry(t, nil)
		state := account.State{}
		for _, ev := range late.Events {
			var err error
			if state, err = account.Fold(state, ev); err != nil {
				t.Fatal(err)
			}
		}
		mustBeForeign(t, "not committed", k.Check(t.Context(), late))
		if err := restorer.New(b.Table).Restore(t.Context(), late, state); err != nil {
			t.Fatal(err)
		}
		mustPass(t, "committed", k.Check(t.Context(), late))
		other := *late
		other.Commands = slices.Clone(late.Commands)
		other.Commands[0].CorrelationID = "another"
		if _, err := event.Seal(&other, nil); err != nil {
			t.Fatal(err)
		}
		mustBeForeign(t, "another of that version", k.Check(t.Context(), &other))
		b.down.Store(true)
		time.Sleep(3 * time.Second)
		mustBeRepeated(t, "the tables are down", k.Check(t.Context(), late))
		b.down.Store(false)
		time.Sleep(time.Second) // until then the failure is shared
		mustPass(t, "the tables are back", k.Check(t.Context(), late))
	})
}

// A new key is signed with only when every reader that polls knows it, entries under the old key
// stay valid, and each process unwraps the new key once.
func TestKeeperRotates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBank(t)
		b.key(1)
		b.write(origin.Bank{ID: "b", Format: 2, Key: 1, Heads: "sum"})
		time.Sleep(time.Minute)
		writer, reader := b.open(), b.open()
		before := entry(t, writer)
		b.key(2)
		b.write(origin.Bank{ID: "b", Format: 2, Key: 2, Heads: "sum"})
		restarted := b.open()
		for range 50 {
			time.Sleep(100 * time.Millisecond)
			mustPass(t, "of the writer", reader.Check(t.Context(), entry(t, writer)))
			mustPass(t, "of the restarted writer", reader.Check(t.Context(), entry(t, restarted)))
		}
		for _, w := range []*origin.Keeper{writer, restarted} {
			if e := entry(t, w); e.MAC.Key != 2 {
				t.Errorf("after 5 s the key is %d", e.MAC.Key)
			}
		}
		mustPass(t, "under the old key", reader.Check(t.Context(), before))
		if n := b.keys.calls.Load(); n != 6 {
			t.Errorf("three processes unwrapped two keys %d times", n)
		}
	})
}

// Records with unknown keys cost no reads while the polling works, and one in two seconds while it
// fails. They never make a verdict of what a newer key may have signed.
func TestForgedKeysCostNoReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBank(t)
		b.key(1)
		b.write(origin.Bank{ID: "b", Format: 2, Key: 1, Heads: "sum"})
		reader := b.open()
		time.Sleep(1500 * time.Millisecond)
		reads, bad := b.reads.Load(), forged(t, "b", 2)
		for range 10_000 {
			mustBeForeign(t, "an unknown key", reader.Check(t.Context(), bad))
		}
		if n := b.reads.Load() - reads; n != 0 {
			t.Errorf("%d reads for 10,000 forged records", n)
		}
		time.Sleep(time.Minute)
		writer := b.open()
		b.down.Store(true)
		b.key(2)
		b.write(origin.Bank{ID: "b", Format: 2, Key: 2, Heads: "sum"})
		time.Sleep(3 * time.Second)
		mustBeRepeated(t, "an unknown key while nothing can be read", reader.Check(t.Context(), bad))
		mustPass(t, "a known key", reader.Check(t.Context(), entry(t, writer)))
		b.down.Store(false)
		time.Sleep(5 * time.Second)
		mustPass(t, "the new key", reader.Check(t.Context(), entry(t, writer)))
	})
}

// A program ends with a Refusal as soon as its bank writes a format that it does not know, and
// does not start on such a bank.
func TestKeeperEndsAtANewerFormat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBank(t)
		b.key(1)
		b.write(origin.Bank{ID: "b", Format: event.Format, Key: 1, Heads: "sum"})
		config := origin.Config{Table: b.tables, Keys: b.keys, Journal: journal.NewReader(b.Table)}
		k, err := origin.Open(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		mustBeForeign(t, "a record of a format that nobody writes", k.CheckFormat(t.Context(), event.Format+1))
		ended := make(chan error, 1)
		go func() { ended <- k.Run(t.Context()) }()
		time.Sleep(time.Second)
		b.write(origin.Bank{ID: "b", Format: event.Format + 1, Key: 1})
		var refused *origin.Refusal
		if err := <-ended; !errors.As(err, &refused) {
			t.Errorf("Run: %v", err)
		}
		if _, err := origin.Open(t.Context(), config); !errors.As(err, &refused) {
			t.Errorf("Open: %v", err)
		}
		time.Sleep(3 * time.Second)
		if err := k.CheckFormat(t.Context(), event.Format+1); !errors.As(err, &refused) || errors.Is(err, event.ErrForeign) {
			t.Errorf("CheckFormat: %v", err)
		}
	})
}

func TestKeeperNeedsTheKeyThatTheRowNames(t *testing.T) {
	b := newBank(t)
	b.key(1)
	b.write(origin.Bank{ID: "b", Format: 2, Key: 2, Heads: "sum"})
	var refused *origin.Refusal
	_, err := origin.Open(t.Context(), origin.Config{Table: b.tables, Keys: b.keys, Journal: journal.NewReader(b.Table)})
	if !errors.As(err, &refused) || refused.Next == "" {
		t.Errorf("%v, want a Refusal", err)
	}
}

// A key that was made long before the bank's row named it, since the rotation was interrupted, is
// settled only from then on, also by a writer that starts in that moment.
func TestKeySettlesFromItsNaming(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBank(t)
		b.key(1)
		b.write(origin.Bank{ID: "b", Format: 2, Key: 1, Heads: "sum"})
		running, reader := b.open(), b.open()
		b.key(2)
		time.Sleep(time.Minute)
		b.write(origin.Bank{ID: "b", Format: 2, Key: 2, Heads: "sum"})
		started := b.open()
		for range 50 {
			mustPass(t, "of the writer that started", reader.Check(t.Context(), entry(t, started)))
			mustPass(t, "of the writer that runs", reader.Check(t.Context(), entry(t, running)))
			time.Sleep(100 * time.Millisecond)
		}
		if e := entry(t, started); e.MAC.Key != 2 {
			t.Errorf("after 5 s it signs with key %d", e.MAC.Key)
		}
		if e := entry(t, running); e.MAC.Key != 2 {
			t.Errorf("after 5 s the other signs with key %d", e.MAC.Key)
		}
	})
}

// A bank that was switched while no writer ran has one key and no other format: the first writer
// waits until every reader knows it.
func TestFirstWriterAfterASwitchWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBank(t)
		b.write(origin.Bank{ID: "b", Format: 1})
		b.key(1)
		time.Sleep(time.Minute)
		reader := b.open()
		b.write(origin.Bank{ID: "b", Format: 2, Key: 1})
		b.write(origin.Bank{ID: "b", Format: 2, Key: 1, Heads: "sum", KeySince: b.row.KeySince})
		writer := b.open()
		mustPass(t, "its first entry", reader.Check(t.Context(), entry(t, writer)))
	})
}

// While a bank switches, a program that may not use the key still takes entries of format 1, and
// calls none foreign that has a mac.
func TestKeeperWithoutTheRightToTheKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBank(t)
		b.write(origin.Bank{ID: "b", Format: 1})
		k, err := origin.Open(t.Context(), origin.Config{
			Table: b.tables, Keys: forbidden{b.keys}, Journal: journal.NewReader(b.Table), Log: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		b.key(1)
		b.write(origin.Bank{ID: "b", Format: 2, Key: 1})
		time.Sleep(3 * time.Second)
		mustPass(t, "format 1", k.Check(t.Context(), entry(t, nil)))
		if k.Format() != 1 {
			t.Errorf("it writes format %d", k.Format())
		}
		mustBeRepeated(t, "an entry with a mac", k.Check(t.Context(), forged(t, "b", 1)))
	})
}

// forbidden is a Wrapper without the right to unwrap.
type forbidden struct{ keywrap.Wrapper }

func (forbidden) Unwrap(context.Context, string, []byte) ([]byte, error) {
	return nil, keywrap.ErrRefused
}
