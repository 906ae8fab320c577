package origin_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"passbook/shared/control"
	"passbook/shared/origin"
	"passbook/shared/storetest"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/table"
)

// controlTable returns an empty control table.
func controlTable(t testing.TB) *storetest.Store {
	return storetest.Memory(t, pebblestream.Options{}, control.Schema)
}

func mustWrite(t testing.TB, in table.Table, was, now origin.Bank) origin.Bank {
	t.Helper()
	if err := origin.WriteBank(t.Context(), in, was, now); err != nil {
		t.Fatal(err)
	}
	read, err := origin.ReadBank(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return read
}

// A bank is written in the layout of its format, and one row follows another only over the row that
// was read.
func TestBankIsReadAsItWasWritten(t *testing.T) {
	s := controlTable(t).Table
	none, err := origin.ReadBank(t.Context(), s)
	if err != nil || none != (origin.Bank{}) {
		t.Fatalf("no row is %+v, %v", none, err)
	}
	since := time.Date(2026, 11, 29, 1, 2, 3, 4000, time.UTC)
	first := mustWrite(t, s, none, origin.Bank{ID: "b", Since: since, Format: 1})
	if first != (origin.Bank{ID: "b", Since: since, Format: 1}) || first.Switching() {
		t.Errorf("format 1 is %+v", first)
	}
	steps := []origin.Bank{
		{ID: "c", Since: since, Format: 1},
		{ID: "c", Since: since, Format: 2, Key: 1},
		{ID: "c", Since: since, Format: 2, Key: 1, Heads: "sum"},
		{ID: "c", Since: since, Format: 2, Key: 2, Heads: "sum"},
	}
	was := first
	for i, now := range steps {
		read := mustWrite(t, s, was, now)
		if read.ID != now.ID || !read.Since.Equal(since) || read.Format != now.Format || read.Key != now.Key || read.Heads != now.Heads {
			t.Errorf("step %d: wrote %+v, read %+v", i, now, read)
		}
		if read.Switching() != (i == 1) {
			t.Errorf("step %d: switching is %v", i, read.Switching())
		}
		if err := origin.WriteBank(t.Context(), s, was, now); !errors.Is(err, table.ErrConditionFailed) {
			t.Errorf("step %d over an older row: %v", i, err)
		}
		was = read
	}
	if err := origin.WriteBank(t.Context(), s, none, first); !errors.Is(err, table.ErrConditionFailed) {
		t.Errorf("a second first row: %v", err)
	}
}

// A program from before format 2 reads only id, and refuses to start without it.
func TestNewerLayoutHidesTheBankFromOlderPrograms(t *testing.T) {
	s := controlTable(t).Table
	mustWrite(t, s, origin.Bank{}, origin.Bank{ID: "b", Format: 2, Key: 1})
	row, err := control.Bank(s).Get(t.Context(), control.BankKey)
	if err != nil || row.Attrs.Text("id") != "" {
		t.Errorf("the row has the id %q, %v", row.Attrs.Text("id"), err)
	}
}

func TestDamagedBankIsRefused(t *testing.T) {
	for name, attrs := range map[string]table.Map{
		"id":     {"id": table.N(1)},
		"bank":   {"rev": table.N(1), "format": table.N(2)},
		"format": {"rev": table.N(1), "bank": table.S("b"), "format": table.S("2")},
	} {
		s := controlTable(t).Table
		if err := control.Bank(s).Put(t.Context(), control.BankKey, attrs, nil); err != nil {
			t.Fatal(err)
		}
		var refused *origin.Refusal
		if _, err := origin.ReadBank(t.Context(), s); !errors.As(err, &refused) || !strings.Contains(refused.What, name) || refused.Next == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNewerFormatIsRefused(t *testing.T) {
	b := origin.Bank{ID: "b", Format: 3}
	var refused *origin.Refusal
	if err := b.CheckFormat(2); !errors.As(err, &refused) || refused.Next == "" {
		t.Errorf("format 3 with a program of 2: %v", err)
	}
	if err := b.CheckFormat(3); err != nil {
		t.Errorf("format 3 with a program of 3: %v", err)
	}
}
