package stores_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"passbook/shared/archive"
	"passbook/shared/archive/archivetest"
	"passbook/shared/stores"
)

// A program that serves ties, accepts or refuses an archive, by the state of its owner and of the
// bank's row.
func TestBegin_ChecksTheOwner(t *testing.T) {
	for name, tt := range map[string]struct {
		// change is what befalls a bank whose archive holds its history.
		change func(t *testing.T, b *bank)
		says   string // "" begins, and both sides name one bank
		next   string
	}{
		"as it was":                 {change: func(*testing.T, *bank) {}},
		"the object is gone":        {change: func(_ *testing.T, b *bank) { b.loseOwner() }},
		"the row is gone":           {change: func(_ *testing.T, b *bank) { b.loseRow() }},
		"from before there was one": {change: func(_ *testing.T, b *bank) { b.loseRow(); b.loseOwner() }},
		"the archive was emptied":   {change: func(t *testing.T, b *bank) { b.use(t.TempDir()) }},
		"the object is damaged": {
			change: func(t *testing.T, b *bank) { b.write(t, `{"format":1,"ba`) }, says: "owner.json of the archive is damaged", next: "bank archive claim",
		},
		"the object is of a newer program": {
			change: func(t *testing.T, b *bank) { b.write(t, `{"format":2}`) }, says: "has format 2", next: "newer program",
		},
		"another bank's": {
			change: func(t *testing.T, b *bank) { b.use(other(t, "passbook-events").dir) }, says: "belongs to bank", next: "bank archive claim --yes",
		},
		"another prefix's": {
			change: func(t *testing.T, b *bank) { b.use(other(t, "second-events").dir) }, says: "of stream second-events", next: "PASSBOOK_PREFIX",
		},
		"another bank's, and the row is gone": {
			change: func(t *testing.T, b *bank) { b.use(other(t, "passbook-events").dir); b.loseRow() }, says: "the journal lacks its entry main/", next: "bank archive claim --yes",
		},
		"another bank's, from before there was one": {
			change: func(t *testing.T, b *bank) {
				o := other(t, "passbook-events")
				o.loseOwner()
				b.use(o.dir)
			}, says: "the journal lacks its entry main/", next: "bank archive claim --yes",
		},
		"shared with another prefix, from before there was one": {
			change: func(t *testing.T, b *bank) {
				b.loseOwner()
				o := newBank(t, b.dir)
				o.Stream = "second-events"
				o.archive(history()...)
			}, says: "segments of stream second-events", next: "bank archive claim --yes",
		},
		"another bank's, nothing archived yet": {
			change: func(t *testing.T, b *bank) {
				o := newBank(t, t.TempDir())
				must(t, "the other", o.Begin(t.Context()), "", "")
				b.use(o.dir)
				b.loseRow()
			}, says: "to no bank yet", next: "bank archive claim --yes",
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, signed := range []bool{false, true} {
				b := newBank(t, t.TempDir())
				if !signed {
					b.fromBefore()
				}
				must(t, "the first start", b.Begin(t.Context()), "", "")
				entries := history()
				b.commit(entries...)
				b.archive(entries...)
				first := b.row()
				tt.change(t, b)
				before := b.id()
				must(t, "a job", b.CheckOwner(t.Context()), tt.says, tt.next)
				if b.id() != before {
					t.Error("a job has tied the archive")
				}
				must(t, "the start", b.Begin(t.Context()), tt.says, tt.next)
				if tt.says != "" {
					continue
				}
				row := b.row()
				if o := b.owner(); o == nil || o.Bank != row.ID || before != "" && before != row.ID {
					t.Errorf("the archive is that of %+v, the bank %s, before %s", o, row.ID, before)
				}
				if row.Format != first.Format || row.Heads != first.Heads || row.Key != first.Key {
					t.Errorf("the bank is %+v, was %+v", row, first)
				}
			}
		})
	}
}

// write replaces owner.json.
func (b *bank) write(t *testing.T, text string) {
	t.Helper()
	b.loseOwner()
	if err := os.WriteFile(filepath.Join(b.dir, stores.OwnerKey), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// other returns another bank, with its archive and its history.
func other(t *testing.T, stream string) *bank {
	t.Helper()
	b := newBank(t, t.TempDir())
	b.Stream = stream
	must(t, "the other's first start", b.Begin(t.Context()), "", "")
	b.archive(archivetest.Bank(2, 3, 9)...)
	return b
}

// A claim ties what cannot be proven, with either side missing, and no later check asks again.
func TestClaim_TiesWhatCannotBeProven(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, b *bank){
		"another bank's":           func(t *testing.T, b *bank) { b.use(other(t, events).dir) },
		"no row":                   func(t *testing.T, b *bank) { b.use(other(t, events).dir); b.loseRow() },
		"no owner":                 func(t *testing.T, b *bank) { b.use(other(t, events).dir); b.loseOwner() },
		"neither":                  func(t *testing.T, b *bank) { b.use(other(t, events).dir); b.loseOwner(); b.loseRow() },
		"claimed before":           func(*testing.T, *bank) {},
		"nothing archived, no row": func(_ *testing.T, b *bank) { b.loseRow() },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBank(t, t.TempDir())
			b.fromBefore()
			must(t, "the first start", b.Begin(t.Context()), "", "")
			b.commit(history()...)
			change(t, b)
			before := b.id()
			done, err := b.Claim(t.Context())
			if err != nil || done.Bank != b.id() || done.Bank != b.owner().Bank || done.Before != "" && done.Before != before {
				t.Fatalf("%+v, %v; the bank is %s, was %s", done, err, b.id(), before)
			}
			must(t, "a job", b.CheckOwner(t.Context()), "", "")
		})
	}
	b := newBank(t, other(t, "second-events").dir)
	_, err := b.Claim(t.Context())
	must(t, "claim of another prefix's archive", err, "of stream second-events", "PASSBOOK_PREFIX")
}

// Two programs that begin a bank at once agree on its id; of two banks in one bucket one is
// refused.
func TestBegin_TwoProgramsAtOnceAgree(t *testing.T) {
	b := newBank(t, t.TempDir())
	ended := make(chan error)
	for range 4 {
		go func() { ended <- b.Begin(context.WithoutCancel(t.Context())) }()
	}
	for range 4 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	if b.owner().Bank != b.id() {
		t.Errorf("%s and %s", b.owner().Bank, b.id())
	}
	second := newBank(t, b.dir)
	must(t, "a second bank", second.Begin(t.Context()), "to no bank yet", "name another archive")
}

// A lost journal is not begun again beside its archive. It is restored by a program that may do so.
func TestBegin_RefusesALostJournal(t *testing.T) {
	b := newBank(t, t.TempDir())
	must(t, "the first start", b.Begin(t.Context()), "", "")
	entries := history()
	b.commit(entries...)
	b.archive(entries...)
	empty := newBank(t, b.dir)
	must(t, "the start", empty.Begin(t.Context()), "the journal is empty", "replay journal")
	must(t, "a rebuild", empty.Check(t.Context()), "the journal is empty", "replay journal")
	must(t, "a dry restore", empty.CheckRestore(t.Context(), false), "", "")
	if empty.id() != "" {
		t.Error("a dry restore has tied the archive")
	}
	must(t, "a restore", empty.CheckRestore(t.Context(), true), "", "")
	if empty.id() != b.owner().Bank {
		t.Errorf("restored as bank %q, the archive is that of %q", empty.id(), b.owner().Bank)
	}
	empty.commit(entries...)
	must(t, "the start after it", empty.Begin(t.Context()), "", "")
	foreign := other(t, "second-events")
	must(t, "states of the past", empty.CheckStream(t.Context()), "", "")
	empty.use(foreign.dir)
	must(t, "states of another prefix's past", empty.CheckStream(t.Context()), "of stream second-events", "PASSBOOK_PREFIX")
	must(t, "a restore of another prefix's archive", empty.CheckRestore(t.Context(), true), "of stream second-events", "PASSBOOK_PREFIX")
	foreign.loseOwner()
	must(t, "and states of one without an owner", empty.CheckStream(t.Context()), "segments of stream second-events", "claim")
	must(t, "and a restore of it", empty.CheckRestore(t.Context(), true), "segments of stream second-events", "claim")
}

// A writer that does not see the archive finds out from the control table whether the tables are a
// bank's and the journal is not lost.
func TestCheckWriter_AsksTheControlTable(t *testing.T) {
	b := newBank(t, t.TempDir())
	must(t, "tables of nobody", b.CheckWriter(t.Context()), "belong to no bank yet", "bank resources --store aws")
	must(t, "the archiver's start", b.Begin(t.Context()), "", "")
	must(t, "a new bank", b.CheckWriter(t.Context()), "", "")
	b.checkpoint("")
	must(t, "a new bank, its archiver at work", b.CheckWriter(t.Context()), "", "")
	b.checkpoint("17")
	must(t, "a lost journal", b.CheckWriter(t.Context()), "the journal is empty", "replay journal")
	b.checkpoint("SHARD_END")
	must(t, "a lost journal after a split", b.CheckWriter(t.Context()), "the journal is empty", "replay journal")
	b.commit(history()...)
	must(t, "a bank with accounts", b.CheckWriter(t.Context()), "", "")
}

// An archive from before there were owners and end markers belongs wholly to the bank that takes
// it. Its shards have markers from then on, so that they are not taken for another bank's beside
// those of a later stream.
func TestBegin_MarksWhatWasArchivedBefore(t *testing.T) {
	b := newBank(t, t.TempDir())
	entries := history()
	b.commit(entries...)
	b.archive(entries[:10]...)
	b.archive(entries[10:20]...)
	must(t, "the first start", b.Begin(t.Context()), "", "")
	b.renew()
	if key, _ := b.archive(entries[20:]...); key == "" {
		t.Fatal("nothing is archived")
	}
	plan, err := archive.LoadPlan(t.Context(), b.Bucket)
	if err != nil {
		t.Fatal(err)
	}
	proven := 0
	for _, end := range plan.Ends {
		if end.Proven {
			proven++
		}
	}
	if proven != 1 {
		t.Errorf("%d of %d sources have an end marker, want the one that was there before", proven, len(plan.Ends))
	}
	last := plan.Segments[len(plan.Segments)-1]
	// as the archiver does
	if err := archive.NewEndMarker(last.Name, last.Footer, false).Write(t.Context(), b.Bucket); err != nil {
		t.Fatal(err)
	}
	if plan, err = archive.LoadPlan(t.Context(), b.Bucket); err != nil {
		t.Fatal(err)
	}
	if known := plan.With(archive.Evidence{Since: b.owner().Since}); len(known.Gaps) > 0 || len(known.Segments) != 3 {
		t.Errorf("%d of 3 segments are read, gaps %v", len(known.Segments), known.Gaps)
	}
}
