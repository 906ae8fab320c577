package replay_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"

	"passbook/shared/account"
	"passbook/shared/archive/archivetest"
	"passbook/shared/event"
	"passbook/shared/event/eventtest"
	"passbook/shared/journal"
	"passbook/shared/journal/restorer"
	"passbook/shared/replay"
)

// nth returns the index of an account's nth entry.
func nth(entries []*event.Entry, id string, n int) int {
	for i, entry := range entries {
		if entry.AccountID == id {
			if n--; n == 0 {
				return i
			}
		}
	}
	panic("no such entry")
}

func without[T any](list []T, i int) []T { return append(append([]T{}, list[:i]...), list[i+1:]...) }

// bytesOf returns the records of all entries in the journal, by the event id of the first event.
func bytesOf(t *testing.T, reader *journal.Reader, accounts []event.Account) map[string]string {
	t.Helper()
	records := map[string]string{}
	for _, a := range accounts {
		for entry, err := range reader.Entries(t.Context(), a, 1, 0) {
			if err != nil {
				t.Fatal(err)
			}
			sealed, err := event.Seal(entry, eventtest.Keys)
			if err != nil {
				t.Fatal(err)
			}
			records[a.EventID(entry.First)] = string(sealed.Record)
		}
	}
	return records
}

func TestRestoreJournal_RestoresWhatWasArchived(t *testing.T) {
	e := newEnv(t)
	entries := archivetest.Bank(3, 40, 1200)
	e.commit(t, entries)
	e.archiveShuffled(t, entries, 5)
	lost := newEnv(t)
	lost.bucket = e.bucket
	for range 2 { // the second run finds everything in place
		done, err := replay.RestoreJournal(t.Context(), lost.restoring())
		if err != nil {
			t.Fatal(err)
		}
		if done.Accounts != 40 || done.Entries != int64(len(entries)) {
			t.Fatalf("%+v", done)
		}
	}
	if !reflect.DeepEqual(dump(t, e.table, "journal"), dump(t, lost.table, "journal")) {
		t.Fatal("the journals differ")
	}
	accounts := accountsOf(entries)
	if !reflect.DeepEqual(bytesOf(t, e.reader, accounts), bytesOf(t, lost.reader, accounts)) {
		t.Fatal("the records differ")
	}
	for _, a := range accounts {
		want, err := e.reader.Head(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := lost.reader.Head(t.Context(), a); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("head of %s: %+v, %v; want %+v", a, got, err, want)
		}
	}
}

func TestRestoreJournal_NamesWhatDoesNotFit(t *testing.T) {
	entries := archivetest.Bank(6, 5, 200)
	place := nth(entries, "A-2", 10)
	at := entries[place]
	last := nth(entries, "A-2", count(entries, "A-2"))
	twin := *at
	twin.RecordedAt = twin.RecordedAt.Add(1000)
	twin.Events = append([]event.Event(nil), twin.Events...)
	for i := range twin.Events {
		twin.Events[i].RecordedAt = twin.RecordedAt
	}
	if _, err := event.Seal(&twin, eventtest.Keys); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		prepare func(*env)
		version int64
		what    string
	}{
		"gap": {func(e *env) {
			e.archive(t, "s-0", archivetest.Records(without(entries, place)), 50)
		}, at.First, "gap"},
		"two contents": {func(e *env) {
			e.archive(t, "s-0", archivetest.Records(append(entries, &twin)), 50)
		}, at.First, "two entries"},
		"damaged entry": {func(e *env) {
			forged := *at
			forged.Events = append([]event.Event(nil), at.Events...)
			forged.Events[0].After.Limit++
			records := archivetest.Records(entries)
			records[place].Entry = &forged
			// The account ends there, so that only the damage itself tells.
			for i := len(records) - 1; i > place; i-- {
				if records[i].Entry.AccountID == "A-2" {
					records = without(records, i)
				}
			}
			e.archive(t, "s-0", records, 50)
		}, at.First, "is damaged"},
		"another in place": {func(e *env) {
			e.archive(t, "s-0", archivetest.Records(entries), 50)
			var before []*event.Entry
			for _, entry := range entries[:place] {
				if entry.AccountID == "A-2" {
					before = append(before, entry)
				}
			}
			e.commit(t, append(before, &twin))
		}, at.First, "another entry here"},
		"row ahead": {func(e *env) {
			e.archive(t, "s-0", archivetest.Records(without(entries, last)), 50)
			e.project(t, 1, entries)
		}, entries[last].Last, "row is ahead"},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t)
			c.prepare(e)
			before := dump(t, e.table, journal.Table)
			dry := e.restoring()
			dry.DryRun = true
			would, dryErr := replay.RestoreJournal(t.Context(), dry)
			if !reflect.DeepEqual(before, dump(t, e.table, journal.Table)) {
				t.Fatal("the dry run wrote")
			}
			done, err := replay.RestoreJournal(t.Context(), e.restoring())
			if !reflect.DeepEqual(would.Faults, done.Faults) || !errors.Is(dryErr, replay.ErrDifference) || would.Entries != done.Entries {
				t.Fatalf("the dry run says %+v, %v, and the real one %+v", would, dryErr, done)
			}
			if !errors.Is(err, replay.ErrDifference) || done.Faults.Count != 1 {
				t.Fatalf("%+v, %v", done.Faults, err)
			}
			f := done.Faults.List[0]
			if f.Account.ID != "A-2" || f.Version != c.version || !strings.Contains(f.What, c.what) {
				t.Fatalf("%s, want v%d: %s", f, c.version, c.what)
			}
			// Everything before the fault, and every other account, is there.
			head, err := e.reader.Head(t.Context(), event.Account{Tenant: "main", ID: "A-1"})
			if err != nil || head.State.Version == 0 {
				t.Fatalf("%+v, %v", head, err)
			}
			if _, err := e.reader.Entry(t.Context(), event.Account{Tenant: "main", ID: "A-2"}, at.First-1); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func count(entries []*event.Entry, id string) int {
	n := 0
	for _, entry := range entries {
		if entry.AccountID == id {
			n++
		}
	}
	return n
}

// interrupted fails after some entries, as Ctrl-C does.
type interrupted struct {
	replay.Restorer
	left, put atomic.Int64
}

func (r *interrupted) Restore(ctx context.Context, e *event.Entry, s account.State) error {
	if r.left.Add(-1) < 0 {
		return context.Canceled
	}
	r.put.Add(1)
	return r.Restorer.Restore(ctx, e, s)
}

func TestRestoreJournal_ContinuesAfterAnInterruption(t *testing.T) {
	e := newEnv(t)
	entries := archivetest.Bank(7, 20, 600)
	e.archiveShuffled(t, entries, 3)
	c := e.restoring()
	c.Limits.Memory = 100 << 10
	puts := 0
	for {
		r := &interrupted{Restorer: restorer.New(e.table)}
		r.left.Store(250)
		c.Restorer = r
		_, err := replay.RestoreJournal(t.Context(), c)
		puts += int(r.put.Load())
		if err == nil {
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	// Finished parts are not put again: only the one that was interrupted.
	if puts >= 2*len(entries) {
		t.Fatalf("%d puts of %d entries", puts, len(entries))
	}
	total := 0
	for _, a := range accountsOf(entries) {
		for _, err := range e.reader.Entries(t.Context(), a, 1, 0) {
			if err != nil {
				t.Fatal(err)
			}
			total++
		}
	}
	if total != len(entries) {
		t.Fatalf("%d entries restored, want %d", total, len(entries))
	}
}

func TestRestoreJournal_FlushesTheArchiverFirst(t *testing.T) {
	e := newEnv(t)
	entries := archivetest.Bank(8, 3, 30)
	c := e.restoring()
	c.Flush = func(context.Context) error {
		e.archive(t, "s-0", archivetest.Records(entries), 50)
		return nil
	}
	done, err := replay.RestoreJournal(t.Context(), c)
	if err != nil || done.Entries != int64(len(entries)) {
		t.Fatalf("%+v, %v", done, err)
	}
	c.Flush = func(context.Context) error { return errors.New("the shard was given up") }
	if _, err := replay.RestoreJournal(t.Context(), c); err == nil {
		t.Fatal("the journal was restored without the archiver's flush")
	}
}
