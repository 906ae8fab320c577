package replay_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"passbook/shared/account"
	"passbook/shared/archive"
	"passbook/shared/archive/archivetest"
	"passbook/shared/archive/forgetest"
	"passbook/shared/audit"
	"passbook/shared/bucket"
	"passbook/shared/bucket/dirbucket"
	"passbook/shared/control"
	"passbook/shared/event"
	"passbook/shared/event/eventtest"
	"passbook/shared/origin"
	"passbook/shared/readmodel"
	"passbook/shared/replay"
	"passbook/shared/segment"
	"passbook/shared/table"
)

const forgedAccounts, forgedEntries = 6, 90

// forged is a bank with a forged archive, and what is true.
type forged struct {
	*env
	entries []*event.Entry
	proof   *origin.Proof
	states  map[event.Account]account.State
	forgery forgetest.Forgery
	// of and version are what is forged, in the archive with the true end markers if marked.
	of      event.Account
	version int64
	marked  bool
	// forgeries are the forged entries; appended means that no true one is missing.
	forgeries []*event.Entry
	appended  bool
}

// signedBank is a bank with its archive on disk, of which each forgery gets a copy.
type signedBank struct {
	dir     string
	entries []*event.Entry
	heads   string
}

// newSignedBank makes a bank that was switched to macs after so many entries.
func newSignedBank(t *testing.T, switched int) signedBank {
	t.Helper()
	b := signedBank{dir: t.TempDir(), entries: forgetest.Upgraded(archivetest.Bank(31, forgedAccounts, forgedEntries), switched, eventtest.Keys)}
	disk, err := dirbucket.New(b.dir)
	if err != nil {
		t.Fatal(err)
	}
	heads, err := forgetest.Heads(t.Context(), disk, eventtest.Bank, eventtest.Keys, b.entries)
	if err != nil {
		t.Fatal(err)
	}
	b.heads = heads.Sum()
	archiveSigned(t, disk, archivetest.Records(b.entries), 22)
	return b
}

// forge forges a copy of the bank's archive.
func (b signedBank) forge(t *testing.T, forge func(history []*event.Entry) forgetest.Forgery) *forged {
	t.Helper()
	f := &forged{env: newEnv(t), entries: b.entries, states: map[event.Account]account.State{}}
	dir := t.TempDir()
	err := os.CopyFS(dir, os.DirFS(b.dir))
	if err == nil {
		f.bucket, err = dirbucket.New(dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	f.proof = &origin.Proof{Bank: eventtest.Bank, Keys: eventtest.Keys}
	if f.proof.Heads, err = origin.LoadHeads(t.Context(), f.bucket, b.heads); err != nil {
		t.Fatal(err)
	}
	f.commit(t, f.entries)
	f.project(t, 1, f.entries)
	var history []*event.Entry
	for _, e := range f.entries {
		s := f.states[e.Account()]
		for _, ev := range e.Events {
			if s, err = account.Fold(s, ev); err != nil {
				t.Fatal(err)
			}
		}
		f.states[e.Account()] = s
		if e.AccountID == "A-3" {
			history = append(history, e)
		}
	}
	f.forgery = forge(history)
	change, of, version := f.forgery.Forge(history)
	f.forgeries, f.appended = change.Entries(), len(change.Replace) == 0
	f.of, f.version = of, version
	// Without the right to delete, the true end markers stay: only they show that an entry with a
	// mac was left out at the end.
	f.marked = f.forgery.LeavesOut && history[len(history)-1].Signed()
	err = forgetest.Forger{Dir: dir, Bucket: f.bucket, KeepMarkers: f.marked}.Forge(t.Context(), change)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// archiveSigned archives records in segments of the newest format, with their end markers.
func archiveSigned(t *testing.T, to bucket.Bucket, records []segment.Record, perSegment int) {
	t.Helper()
	archiveOf(t, eventtest.Bank, "s-0", to, records, perSegment)
}

// archiveOf archives as archiveSigned does, for a bank and a shard.
func archiveOf(t *testing.T, bank, shard string, to bucket.Bucket, records []segment.Record, perSegment int) {
	t.Helper()
	source := segment.Source{Stream: "passbook-events", Created: archivetest.Start.Truncate(time.Second), Shard: shard}
	var link segment.Link
	for chunk := range slices.Chunk(records, perSegment) {
		w := segment.NewWriter(segment.Format, bank, source, link)
		for _, rec := range chunk {
			if err := w.Append(rec); err != nil {
				t.Fatal(err)
			}
		}
		sealed, err := w.Seal()
		if err == nil {
			err = to.Create(t.Context(), sealed.Key, sealed.Data)
		}
		var name segment.Name
		if err == nil {
			name, err = segment.ParseKey(sealed.Key)
		}
		if err == nil {
			err = archive.NewEndMarker(name, sealed.Footer, false).Write(t.Context(), to)
		}
		if err != nil {
			t.Fatal(err)
		}
		link = segment.Link{Key: sealed.Key, Last: sealed.Footer.Last, Sum: sealed.Footer.Sum}
	}
}

// stateAt returns the true state of an account after a version.
func (f *forged) stateAt(t *testing.T, a event.Account, version int64) (s account.State) {
	t.Helper()
	for _, e := range f.entries {
		if e.Account() != a || e.Last > version {
			continue
		}
		for _, ev := range e.Events {
			var err error
			if s, err = account.Fold(s, ev); err != nil {
				t.Fatal(err)
			}
		}
	}
	return s
}

// named checks that a job ended with a difference and named what is forged.
func (f *forged) named(t *testing.T, faults replay.Faults, err error) {
	t.Helper()
	if code(err) != 3 {
		t.Errorf("ends with %v", err)
	}
	if f.marked {
		return // a gap is named by its segment
	}
	if !slices.ContainsFunc(faults.List, func(x replay.Fault) bool { return x.Account == f.of }) {
		t.Errorf("%s v%d is not named: %v, %v", f.of, f.version, faults.List, err)
	}
	for i, x := range faults.List {
		if x.Account != f.of {
			t.Errorf("another account is named: %s, %v", x, err)
		}
		if i > 0 && x.String() == faults.List[i-1].String() {
			t.Errorf("named twice: %s", x)
		}
	}
}

// doors are the readers of an archive. Each must refuse what is forged, name it, and be right about
// everything else.
var doors = []struct {
	name string
	open func(t *testing.T, f *forged)
}{
	{"consumers", forgedRecords},
	{"at", forgedAt},
	{"journal", forgedJournal},
	{"republish", forgedRepublish},
	{"audit", forgedAudit},
	{"audit of what was restored", forgedAuditOfLost},
	{"rebuild, compare", forgedRebuild},
}

// knownKey is a Wrapper that unwraps every key to that of eventtest.Keys.
type knownKey struct{}

func (knownKey) Wrap(context.Context, string, []byte) ([]byte, error) { return []byte("wrapped"), nil }
func (knownKey) Unwrap(context.Context, string, []byte) ([]byte, error) {
	return bytes.Repeat([]byte{1}, event.KeyBytes), nil
}

// forgedRecords has the forged entries checked as records of the stream, as each consumer and the
// archiver do.
func forgedRecords(t *testing.T, f *forged) {
	_, err := origin.NewKey(t.Context(), f.table, knownKey{}, eventtest.Bank, 1)
	if err == nil {
		since := table.Time(archivetest.Start) // the key is known for long, so that the keeper need not wait for it
		err = control.Bank(f.table).Put(t.Context(), control.BankKey, table.Map{
			"rev": table.N(1), "bank": table.S(eventtest.Bank), "since": since, "format": table.N(2), "key": table.N(1), "key_since": since,
			"heads": table.S(f.proof.Heads.Sum()),
		}, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	keeper, err := origin.Open(t.Context(), origin.Config{Table: f.table, Keys: knownKey{}, Journal: f.reader, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	check := func(e *event.Entry) error {
		record, err := forgetest.Record(e)
		if err == nil {
			e, err = event.DecodeRecord(record)
		}
		if err != nil {
			t.Fatal(err)
		}
		return keeper.Check(t.Context(), e)
	}
	for _, e := range f.forgeries {
		if err := check(e); !errors.Is(err, event.ErrForeign) || !strings.Contains(err.Error(), e.Account().String()) {
			t.Errorf("record of %s v%d: %v", e.Account(), e.First, err)
		}
	}
	for _, e := range f.entries {
		if err := check(e); err != nil {
			t.Errorf("true record of %s v%d: %v", e.Account(), e.First, err)
		}
	}
}

func forgedAt(t *testing.T, f *forged) {
	got, faults, err := ask(replay.StatesConfig{Bucket: f.bucket, Time: archivetest.Start.AddDate(1, 0, 0), Origin: f.proof}, t)
	f.named(t, faults, err)
	for a, s := range got {
		if want := f.stateAt(t, a, s.Version); a != f.of && s.Version != f.states[a].Version || !bytes.Equal(account.AppendState(nil, s), account.AppendState(nil, want)) {
			t.Errorf("%s is given as %+v, want %+v", a, s, want)
		}
	}
	if s, given := got[f.of]; f.appended && f.states[f.of].Version != 0 && (!given || s.Version != f.states[f.of].Version) {
		t.Errorf("%s is withheld, to which an entry was only added", f.of)
	}
	for a := range f.states {
		if _, ok := got[a]; !ok && a != f.of && !f.marked {
			t.Errorf("%s is not given", a)
		}
	}
}

// forgedJournal restores a lost journal from the archive alone.
func forgedJournal(t *testing.T, f *forged) {
	lost := newEnv(t)
	lost.bucket = f.bucket
	c := lost.restoring()
	c.Origin = f.proof
	done, err := replay.RestoreJournal(t.Context(), c)
	f.named(t, done.Faults, err)
	for a, s := range f.states {
		var want []event.Hash
		for _, e := range f.entries {
			if e.Account() == a {
				want = append(want, e.Hash)
			}
		}
		var got []event.Hash
		for e, err := range lost.reader.Entries(t.Context(), a, 1, 0) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, e.Hash)
			if err := f.proof.Verify(t.Context(), e); err != nil {
				t.Errorf("%s v%d is in the journal: %v", a, e.First, err)
			}
		}
		if len(got) > len(want) || !slices.Equal(got, want[:len(got)]) || a != f.of && len(got) != len(want) {
			t.Errorf("%s is restored with %d of %d entries, up to v%d", a, len(got), len(want), s.Version)
		}
	}
	for e := range lost.reader.Entries(t.Context(), event.Account{Tenant: "main", ID: "made-up"}, 1, 0) {
		t.Errorf("an account that the bank never had is in the journal: v%d", e.First)
	}
}

// forgedRebuild rebuilds beside a journal that is right, and compares.
func forgedRebuild(t *testing.T, f *forged) {
	c := f.rebuilding()
	c.Origin = f.proof
	c.Projection = func(_ context.Context, generation int64) (replay.Projection, error) {
		return readmodel.NewProjection(readmodel.ProjectionConfig[account.State]{
			Generation: generation, Rows: f.rows, Journal: f.reader, Silent: func() bool { return true }, Log: slog.New(slog.DiscardHandler),
		}), nil
	}
	done, err := replay.Rebuild(t.Context(), c)
	if f.forgery.LeavesOut && err == nil {
		// the journal has it
	} else {
		f.named(t, done.Faults, err)
	}
	found, err := replay.Compare(t.Context(), f.comparing())
	if err != nil || found.Equal != forgedAccounts || found.Ahead != 0 {
		t.Errorf("compare: %+v, %v", found, err)
	}
}

// forgedPromote promotes the candidate that forgedRebuild made.
func forgedPromote(t *testing.T, f *forged) {
	found, err := replay.Promote(t.Context(), f.comparing(), false)
	if err != nil || found.Equal != forgedAccounts || found.Ahead != 0 {
		t.Errorf("promote: %+v, %v", found, err)
	}
}

func forgedRepublish(t *testing.T, f *forged) {
	if err := f.stream.CreateStream(t.Context(), "again", 1); err != nil {
		t.Fatal(err)
	}
	c := replay.RepublishConfig{Bucket: f.bucket, Journal: f.reader, Table: f.table, Streams: f.stream, Stream: "again", LiveStream: "events", Origin: f.proof}
	_, err := replay.Republish(t.Context(), c)
	if f.forgery.LeavesOut && err == nil {
		return // the journal has it
	}
	if code(err) != 3 || !f.marked && !strings.Contains(err.Error(), f.of.String()) {
		t.Errorf("%s is not named: %v", f.of, err)
	}
	truth, seen := map[event.Hash]bool{}, map[event.Hash]bool{}
	for _, e := range f.entries {
		truth[e.Hash] = true
	}
	for _, e := range onStream(t, f.env, "again") {
		if !truth[e.Hash] {
			t.Errorf("%s v%d is on the stream", e.Account(), e.First)
		}
		if err := f.proof.Verify(t.Context(), e); err != nil {
			t.Errorf("%s v%d is on the stream: %v", e.Account(), e.First, err)
		}
		seen[e.Hash] = true
	}
	for _, e := range f.entries {
		if e.Account() != f.of && !seen[e.Hash] {
			t.Errorf("%s v%d is not on the stream", e.Account(), e.First)
		}
	}
}

func (f *forged) audit(t *testing.T, in *env) *audit.Report {
	t.Helper()
	report, err := audit.Run(t.Context(), audit.Config{
		Table: in.table, Accounts: in.reader, Bucket: f.bucket, Grace: time.Nanosecond, Origin: f.proof,
	})
	if !errors.Is(err, audit.ErrDifference) {
		t.Fatalf("audit ends with %v", err)
	}
	for _, found := range report.Findings {
		if found.Account != f.of.String() && found.Account != "" {
			t.Errorf("another account is named: %s", found)
		}
	}
	return report
}

// forgedAudit audits beside a journal that is right: nothing may advise to restore it.
func forgedAudit(t *testing.T, f *forged) {
	report := f.audit(t, f.env)
	if !slices.ContainsFunc(report.Findings, func(x audit.Finding) bool { return x.Account == f.of.String() && x.Version == f.version }) {
		t.Errorf("%s v%d is not named: %v", f.of, f.version, report.Findings)
	}
	for _, found := range report.Findings {
		if strings.Contains(string(found.Advice), "replay journal") {
			t.Errorf("%s: %s", found, found.Advice)
		}
	}
}

// forgedAuditOfLost restores the journal because an audit says so, and audits again.
func forgedAuditOfLost(t *testing.T, f *forged) {
	if f.forgery.LeavesOut {
		return // beside a lost journal nothing shows it but what the other doors name
	}
	lost := newEnv(t)
	lost.bucket = f.bucket
	c := lost.restoring()
	c.Origin = f.proof
	if _, err := replay.RestoreJournal(t.Context(), c); code(err) != 3 {
		t.Fatal(err)
	}
	report := f.audit(t, lost)
	if !slices.ContainsFunc(report.Findings, func(x audit.Finding) bool { return x.Account == f.of.String() }) {
		t.Errorf("%s is not named: %v", f.of, report.Findings)
	}
}

// TestForgedArchives opens each door to each forgery, in banks that were switched to macs after
// their last entry, in the middle, and before the first. One candidate of each bank is promoted,
// which takes a second: whether a candidate may be is for Compare to say, of each forgery.
func TestForgedArchives(t *testing.T) {
	for bank, switched := range map[string]int{"before macs": forgedEntries, "switched": forgedEntries / 2, "with macs": 0} {
		whole := newSignedBank(t, switched)
		var f *forged
		for i, name := range whole.forgeries() {
			f = whole.forge(t, func(h []*event.Entry) forgetest.Forgery { return forgetest.Forgeries(h)[i] })
			for _, door := range doors {
				t.Run(bank+"/"+name+"/"+door.name, func(t *testing.T) { door.open(t, f) })
			}
		}
		t.Run(bank+"/promote", func(t *testing.T) { forgedPromote(t, f) })
	}
}

// forgeries returns the names of the forgeries of a bank.
func (b signedBank) forgeries() (names []string) {
	history := slices.DeleteFunc(slices.Clone(b.entries), func(e *event.Entry) bool { return e.AccountID != "A-3" })
	for _, f := range forgetest.Forgeries(history) {
		names = append(names, f.Name)
	}
	return names
}

// An account that journal and archive both lost is known by the manifest of heads.
func TestAuditNamesAnAccountThatOnlyTheManifestKnows(t *testing.T) {
	f := newSignedBank(t, forgedEntries).forge(t, func([]*event.Entry) forgetest.Forgery {
		return forgetest.Forgery{LeavesOut: true, Forge: func(h []*event.Entry) (forgetest.Change, event.Account, int64) {
			c := forgetest.Change{Replace: map[event.Hash]*event.Entry{}}
			for _, e := range h {
				c.Replace[e.Hash] = nil
			}
			return c, h[0].Account(), 1
		}}
	})
	lost := newEnv(t)
	lost.bucket = f.bucket
	c := lost.restoring()
	c.Origin = f.proof
	if _, err := replay.RestoreJournal(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	report := f.audit(t, lost)
	if report.Count != 1 || report.Findings[0].Account != f.of.String() || report.Findings[0].Where != "journal" {
		t.Errorf("findings: %v", report.Findings)
	}
}

// A segment whose footer names another bank is not read, and a gap.
func TestSegmentsOfAnotherBankAreNotRead(t *testing.T) {
	f := newSignedBank(t, 0).forge(t, func([]*event.Entry) forgetest.Forgery {
		return forgetest.Forgery{Forge: func([]*event.Entry) (c forgetest.Change, of event.Account, version int64) { return }}
	})
	archiveOf(t, "another-bank", "s-1", f.bucket, archivetest.Records(f.entries[:20]), 20)
	got, _, err := ask(replay.StatesConfig{Bucket: f.bucket, Time: archivetest.Start.AddDate(1, 0, 0), Origin: f.proof, Evidence: archive.Evidence{Bank: f.proof.Bank}}, t)
	if code(err) != 3 || !strings.Contains(err.Error(), "is of bank another-bank") {
		t.Errorf("at: %v", err)
	}
	for a, s := range got {
		if s.Version != f.states[a].Version {
			t.Errorf("%s is given at v%d", a, s.Version)
		}
	}
	report := f.audit(t, f.env)
	if report.Count != 1 || !strings.Contains(report.Findings[0].What, "is of bank another-bank") {
		t.Errorf("audit: %v", report.Findings)
	}
}
