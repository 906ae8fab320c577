package derived

import (
	"context"
	"slices"
	"testing"
	"time"

	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/storetest"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/table"
)

// accounts is a journal that has accounts or none.
type accounts bool

// Accounts implements readmodel.Directory.
func (a accounts) Accounts(_ context.Context, bucket byte, _ string) ([]event.Account, string, error) {
	if bool(a) && bucket == 'a' {
		return []event.Account{{Tenant: "main", ID: "A-1"}}, "", nil
	}
	return nil, "", nil
}

func markTable(t *testing.T) table.Table {
	t.Helper()
	return storetest.Memory(t, pebblestream.Options{}, append(slices.Clone(journal.Schemas), Schema)...).Table
}

var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// keep has a process compare the marks, minutes after noon.
func keep(t *testing.T, in table.Table, index, exclusive bool, journal accounts, minutes int) Mark {
	t.Helper()
	m := Marks{
		Table: in, Model: "balance", Accounts: journal, Index: index, Exclusive: exclusive,
		Now: func() time.Time { return noon.Add(time.Duration(minutes) * time.Minute) },
	}
	if err := m.Keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	return load(t, in, 1)
}

func load(t *testing.T, in table.Table, generation int64) Mark {
	t.Helper()
	mark, err := LoadMark(t.Context(), in, generation)
	if err != nil {
		t.Fatal(err)
	}
	return mark
}

func TestIndexOfANewBankHasAllEvents(t *testing.T) {
	in := markTable(t)
	if mark := load(t, in, 1); mark.Known() || !mark.CompleteFrom(noon).Equal(noon) {
		t.Errorf("of nothing: %+v", mark)
	}
	mark := keep(t, in, true, true, false, 0)
	if !mark.From.IsZero() || !mark.HoldersFrom.IsZero() || !mark.CompleteFrom(noon).Equal(noon.Add(-Retention)) {
		t.Errorf("%+v", mark)
	}
	if again := keep(t, in, true, true, true, 60); again != mark {
		t.Errorf("an hour later: %+v, not %+v", again, mark)
	}
}

func TestIndexThatBeginsLaterHasEventsFromThenOn(t *testing.T) {
	if mark := keep(t, markTable(t), true, true, true, 0); !mark.From.Equal(noon) || !mark.HoldersFrom.Equal(noon) || !mark.CompleteFrom(noon).Equal(noon) {
		t.Errorf("of the only process: %+v", mark)
	}
	if mark := keep(t, markTable(t), true, false, true, 0); !mark.From.Equal(noon.Add(2 * MarkEvery)) {
		t.Errorf("of one of several: %+v", mark)
	}
}

// A process without the index that runs beside one with it says so whenever that one claims the
// index, and all that it projects before its last word is older than what is claimed after it.
func TestIndexThatWasOffIsCompleteFromLaterOn(t *testing.T) {
	in := markTable(t)
	keep(t, in, true, false, false, 0)
	if mark := keep(t, in, false, false, true, 5); !mark.Off || !mark.HoldersFrom.IsZero() || !mark.CompleteFrom(noon).Equal(noon) {
		t.Errorf("off: %+v", mark)
	}
	if mark := keep(t, in, true, false, true, 6); mark.Off || !mark.From.Equal(noon.Add(8*time.Minute)) || !mark.HoldersFrom.IsZero() {
		t.Errorf("on again: %+v", mark)
	}
	if mark := keep(t, in, false, false, true, 7); !mark.Off {
		t.Errorf("the other one still runs: %+v", mark)
	}
	if mark := keep(t, in, true, false, true, 30); mark.Off || !mark.From.Equal(noon.Add(32*time.Minute)) {
		t.Errorf("it has ended: %+v", mark)
	}
}

func TestCandidatesAreMarkedAsTheLiveGeneration(t *testing.T) {
	for _, tt := range []struct {
		live, job, off bool
		known          bool
	}{{known: false, job: true, off: false}, {known: false, job: false, off: true}, {known: true, live: true, job: false, off: false}, {known: true, live: false, job: true, off: true}} {
		in := markTable(t)
		if tt.known {
			keep(t, in, tt.live, true, true, 0)
		}
		for range 2 { // a reservation may be repeated
			if err := Begin(t.Context(), in, 1, 2, tt.job); err != nil {
				t.Fatal(err)
			}
		}
		if mark := load(t, in, 2); !mark.Known() || mark.Off != tt.off || !mark.From.IsZero() {
			t.Errorf("%+v: %+v", tt, mark)
		}
	}
}

// overtaken is a table in which another process writes first.
type overtaken struct {
	table.Table
	first func()
}

// Put implements table.Table.
func (o *overtaken) Put(ctx context.Context, p table.Put) error {
	if first := o.first; first != nil {
		o.first = nil
		first()
	}
	return o.Table.Put(ctx, p)
}

// PutEach implements table.Table.
func (o *overtaken) PutEach(ctx context.Context, puts []table.Put) []error {
	return table.PutApart(ctx, puts, 1, o.Put)
}

// A process that another one overtakes still says what it does before it projects.
func TestOfTwoProcessesThatBeginAtOnceBothHaveTheirSay(t *testing.T) {
	in := markTable(t)
	second := &overtaken{Table: in, first: func() { keep(t, in, true, false, false, 0) }}
	if mark := keep(t, second, false, false, false, 0); !mark.Off {
		t.Errorf("a process without the index projects, and the mark is %+v", mark)
	}
}
