package audit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"passbook/shared/account"
	"passbook/shared/archive"
	"passbook/shared/archive/archivetest"
	"passbook/shared/audit"
	"passbook/shared/bucket/dirbucket"
	"passbook/shared/event"
	"passbook/shared/event/eventtest"
	"passbook/shared/faults"
	"passbook/shared/journal"
	"passbook/shared/journal/restorer"
	"passbook/shared/readmodel"
	"passbook/shared/replay/spill"
	"passbook/shared/segment"
	"passbook/shared/storetest"
	"passbook/shared/stream"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/table"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const model = "standing"

var standing = readmodel.Model[account.State]{
	Name:  model,
	Fold:  account.Fold,
	After: func(s account.State) event.After { return event.After{Posted: s.Posted, Held: s.Held, Limit: s.Limit} },
	Encode: func(attrs table.Map, _ int64, _ event.Account, s account.State) {
		attrs["state"], attrs["currency"] = table.S(account.AppendState(nil, s)), table.S(s.Currency)
		attrs["posted"], attrs["held"], attrs["limit"] = table.N(s.Posted), table.N(s.Held), table.N(s.Limit)
		attrs["available"], attrs["drawn"] = table.N(s.Available()), table.N(s.Drawn())
		if bps, ok := s.UtilisationBps(); ok {
			attrs["utilisation_bps"] = table.N(bps)
		}
	},
	Decode: func(a table.Map) (account.State, error) { return account.ParseState([]byte(a.Text("state"))) },
}

// bank is a complete bank of ten accounts, which each test changes.
type bank struct {
	entries  []*event.Entry
	archived []segment.Record
	dir      string
	table    *faults.Table
	stream   *faults.Stream
	config   audit.Config
	rows     *readmodel.Rows[account.State]
}

func newBank(t *testing.T) *bank {
	t.Helper()
	b := &bank{entries: archivetest.Bank(1, 10, 300), dir: t.TempDir()}
	b.archived = archivetest.Records(b.entries)
	store := storetest.Memory(t, pebblestream.Options{}, append([]table.Schema{{Name: model}}, journal.Schemas...)...)
	b.table, b.stream = store.Table, store.Streams
	disk, err := dirbucket.New(b.dir)
	if err != nil {
		t.Fatal(err)
	}
	b.rows = readmodel.NewRows(b.table, standing, 0)
	b.config = audit.Config{
		Table: b.table, Accounts: journal.NewReader(b.table), Bucket: disk, Models: []string{model}, Limits: spill.Limits{Memory: 100 << 8},
	}
	return b
}

// of returns the index in entries of the nth entry of an account.
func (b *bank) of(id string, n int) int {
	for i, e := range b.entries {
		if e.AccountID == id {
			if n--; n == 0 {
				return i
			}
		}
	}
	panic("no such entry")
}

// fill commits, projects and archives what the test left of each.
func (b *bank) fill(t *testing.T, committed, projected []*event.Entry, archived []segment.Record) {
	t.Helper()
	restorer := restorer.New(b.table)
	states := map[event.Account]account.State{}
	for _, e := range committed {
		s := states[e.Account()]
		for _, ev := range e.Events {
			if next, err := account.Fold(s, ev); err == nil {
				s = next
			}
		}
		s.Version = e.Last
		states[e.Account()] = s
		if err := restorer.Restore(t.Context(), e, s); err != nil {
			t.Fatal(err)
		}
	}
	p := b.projection()
	for _, e := range projected {
		if err := p.ProjectEntries(t.Context(), e.Account(), []*event.Entry{e}); err != nil {
			t.Fatal(err)
		}
	}
	b.archive(t, "shardId-000000000000", archived)
}

func (b *bank) projection() *readmodel.Projection[account.State] {
	return readmodel.NewProjection(readmodel.ProjectionConfig[account.State]{
		Generation: 1, Rows: b.rows, Journal: journal.NewReader(b.table), Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
}

// archive seals records in segments of a hundred.
func (b *bank) archive(t *testing.T, shard string, records []segment.Record) {
	t.Helper()
	var link segment.Link
	for len(records) > 0 {
		w := segment.NewWriter(1, "", segment.Source{Stream: "s", Created: archivetest.Start, Shard: shard}, link)
		n := min(100, len(records))
		for _, rec := range records[:n] {
			if err := w.Append(rec); err != nil {
				t.Fatal(err)
			}
		}
		records = records[n:]
		sealed, err := w.Seal()
		if err != nil {
			t.Fatal(err)
		}
		if err := b.config.Bucket.Create(t.Context(), sealed.Key, sealed.Data); err != nil {
			t.Fatal(err)
		}
		link = segment.Link{Key: sealed.Key, Last: sealed.Footer.Last}
	}
}

// segment returns the file of the nth segment.
func (b *bank) segment(t *testing.T, n int) string {
	t.Helper()
	for object, err := range archive.List(t.Context(), b.config.Bucket) {
		if err != nil {
			t.Fatal(err)
		}
		if n--; n == 0 {
			return filepath.Join(b.dir, object.Key)
		}
	}
	t.Fatal("no such segment")
	return ""
}

// row changes an account's row.
func (b *bank) row(t *testing.T, id string, change func(table.Map)) {
	t.Helper()
	key := readmodel.RowKey(1, event.Account{Tenant: "main", ID: id})
	row, err := b.table.Get(t.Context(), model, key, true)
	if err != nil {
		t.Fatal(err)
	}
	rev := row.Attrs["rev"]
	change(row.Attrs)
	if err := b.table.Put(t.Context(), table.Put{Table: model, Row: row, If: table.Equals("rev", rev)}); err != nil {
		t.Fatal(err)
	}
}

func without[T any](list []T, i int) []T {
	return append(append([]T{}, list[:i]...), list[i+1:]...)
}

// twin returns another entry with the versions of one: with a greater amount and a matching hash.
func twin(t *testing.T, e *event.Entry) *event.Entry {
	t.Helper()
	forged := *e
	forged.RecordedAt = e.RecordedAt.Add(time.Microsecond)
	forged.Events = append([]event.Event(nil), e.Events...)
	for i := range forged.Events {
		forged.Events[i].RecordedAt = forged.RecordedAt
	}
	if _, err := event.Seal(&forged, eventtest.Keys); err != nil {
		t.Fatal(err)
	}
	return &forged
}

// TestRun_FindsEachCorruption makes one corruption in a complete bank, and expects this finding and
// no other.
func TestRun_FindsEachCorruption(t *testing.T) {
	for name, c := range map[string]struct {
		plant func(*testing.T, *bank)
		want  []string
	}{
		"nothing": {plant: func(t *testing.T, b *bank) { b.fill(t, b.entries, b.entries, b.archived) }},
		"entry not archived": {
			plant: func(t *testing.T, b *bank) { b.fill(t, b.entries, b.entries, without(b.archived, b.of("A-3", 5))) },
			want:  []string{"archive: main#A-3 v%d: missing up to"},
		},
		"entry not in the journal": {
			plant: func(t *testing.T, b *bank) {
				i := b.of("A-3", 5)
				b.fill(t, without(b.entries, i), nil, b.archived)
				b.config.Models = nil
			},
			want: []string{"journal: main#A-3 v%d: missing up to"},
		},
		"twin in the archive": {
			plant: func(t *testing.T, b *bank) {
				forged := b.archived[b.of("A-3", 5)]
				forged.Entry, forged.Sequence = twin(t, forged.Entry), "999999"
				b.fill(t, b.entries, b.entries, append(b.archived, forged))
			},
			want: []string{"archive: main#A-3 v%d: an entry that the journal does not have"},
		},
		"twin instead, in the archive": {
			plant: func(t *testing.T, b *bank) {
				i := b.of("A-3", 5)
				b.archived[i].Entry = twin(t, b.archived[i].Entry)
				b.fill(t, b.entries, b.entries, b.archived)
			},
			want: []string{"archive: main#A-3 v%d: an entry that the journal does not have", "archive: main#A-3 v%d: missing up to"},
		},
		"repeat in the archive": {
			plant: func(t *testing.T, b *bank) {
				again := b.archived[b.of("A-3", 5)]
				again.Sequence = "999999"
				b.fill(t, b.entries, b.entries, append(b.archived, again))
			},
		},
		"swapped in the archive": {
			plant: func(t *testing.T, b *bank) {
				i, j := b.of("A-3", 5), b.of("A-3", 6)
				b.archived[i].Entry, b.archived[j].Entry = b.archived[j].Entry, b.archived[i].Entry
				b.fill(t, b.entries, b.entries, b.archived)
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBank(t)
			version := b.entries[b.of("A-3", 5)].First
			c.plant(t, b)
			expect(t, b, version, c.want)
		})
	}
}

// expect runs the audit and compares the beginnings of its findings, in which %d stands for the
// version.
func expect(t *testing.T, b *bank, version int64, want []string) *audit.Report {
	t.Helper()
	report, err := audit.Run(t.Context(), b.config)
	if (err != nil) != (len(want) > 0) || (err != nil && !errors.Is(err, audit.ErrDifference)) {
		t.Errorf("error %v", err)
	}
	if len(report.Findings) != len(want) {
		t.Fatalf("%d findings, want %d: %v", len(report.Findings), len(want), report.Findings)
	}
	for i, f := range report.Findings {
		prefix := strings.ReplaceAll(want[i], "%d", fmt.Sprint(version))
		if !strings.Contains(f.String(), prefix) || f.Advice == "" {
			t.Errorf("got %q with the advice %q, want %q", f, f.Advice, prefix)
		}
	}
	return report
}

func TestRun_FindsAnAccountMissingFromTheJournal(t *testing.T) {
	b := newBank(t)
	var rest []*event.Entry
	for _, e := range b.entries {
		if e.AccountID != "A-3" {
			rest = append(rest, e)
		}
	}
	b.fill(t, rest, rest, b.archived)
	report := mustFind(t, b, "journal: main#A-3 v1: missing up to v1; the archive has it", len(b.entries)-len(rest))
	for _, f := range report.Findings {
		if f.Where != "journal" || f.Account != "main#A-3" {
			t.Errorf("unexpected: %s", f)
		}
	}
}

func TestRun_NamesDamagedSegments(t *testing.T) {
	t.Run("bit flip", func(t *testing.T) {
		b := newBank(t)
		b.fill(t, b.entries, b.entries, b.archived)
		file := b.segment(t, 2)
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		data[len(data)/3] ^= 4
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
		mustFind(t, b, "damaged: ", 101)
	})
	t.Run("gone", func(t *testing.T) {
		b := newBank(t)
		b.fill(t, b.entries, b.entries, b.archived)
		if err := os.Remove(b.segment(t, 2)); err != nil {
			t.Fatal(err)
		}
		mustFind(t, b, "is missing: ", 101)
	})
	for name, forge := range map[string]func(*event.Event){
		"forged balance": func(ev *event.Event) { ev.After.Posted += 100 },
		"forged amount": func(ev *event.Event) {
			if body, ok := ev.Body.(event.MoneyCredited); ok {
				body.Amount++
				ev.Body = body
				return
			}
			ev.After.Limit++
		},
		"forged data": func(ev *event.Event) { ev.Data = append([]byte(" "), ev.Data...) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBank(t)
			i := b.of("A-3", 5)
			forged := *b.archived[i].Entry
			forged.Events = append([]event.Event(nil), forged.Events...)
			for j := range forged.Events {
				forge(&forged.Events[j])
			}
			b.archived[i].Entry = &forged
			b.fill(t, b.entries, b.entries, b.archived)
			report := mustFind(t, b, fmt.Sprintf("archive: main#A-3 v%d", forged.First), 2)
			for _, f := range report.Findings {
				if f.Version != forged.First {
					t.Errorf("unexpected: %s", f)
				}
			}
		})
	}
}

// mustFind expects a finding that contains text, and this many findings in all unless that is 0.
func mustFind(t *testing.T, b *bank, text string, count int) *audit.Report {
	t.Helper()
	report, err := audit.Run(t.Context(), b.config)
	if !errors.Is(err, audit.ErrDifference) {
		t.Fatalf("got %v", err)
	}
	for _, f := range report.Findings {
		if strings.Contains(f.String(), text) {
			if count != 0 && len(report.Findings) != count {
				t.Fatalf("%d findings, want %d", len(report.Findings), count)
			}
			return report
		}
	}
	t.Fatalf("no finding has %q: %v", text, report.Findings)
	return nil
}

func TestRun_FindsWrongRowsOfReadModels(t *testing.T) {
	for name, c := range map[string]struct {
		change func(table.Map)
		want   string
	}{
		"balance":    {func(a table.Map) { a["posted"] = a["posted"].(table.N) + 1 }, "posted does not follow from the journal"},
		"derived":    {func(a table.Map) { a["utilisation_bps"] = table.N(77) }, "utilisation_bps does not follow"},
		"lost value": {func(a table.Map) { delete(a, "held") }, "held is missing"},
		"hash":       {func(a table.Map) { a["hash"] = table.S(event.Hash{1}.String()) }, "folded from another entry"},
		"ahead":      {func(a table.Map) { a["version"] = a["version"].(table.N) + 1 }, "ahead of the journal"},
		"blocked": {func(a table.Map) {
			a["blocked_at_version"], a["cause"] = table.N(3), table.S("a cause")
		}, "the row is in quarantine: a cause"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBank(t)
			b.fill(t, b.entries, b.entries, b.archived)
			b.row(t, "A-3", c.change)
			mustFind(t, b, "standing: main#A-3", 1)
			report := mustFind(t, b, c.want, 1)
			for _, f := range report.Findings {
				if strings.Contains(f.What, "does not follow from the journal") && (f.Expected == "" || f.Expected == f.Found) {
					t.Errorf("%s: expected %q, found %q", f, f.Expected, f.Found)
				}
			}
		})
	}
	t.Run("stranger", func(t *testing.T) {
		b := newBank(t)
		b.fill(t, b.entries, b.entries, b.archived)
		row := table.Row{Key: readmodel.RowKey(1, event.Account{Tenant: "main", ID: "Z"}), Attrs: table.Map{"version": table.N(4)}}
		if err := b.table.Put(t.Context(), table.Put{Table: model, Row: row, If: table.Absent()}); err != nil {
			t.Fatal(err)
		}
		mustFind(t, b, "standing: main#Z v4: a row of an account that the journal does not have", 1)
	})
}

func TestRun_RowsBehindAreRepairedAfterTheGrace(t *testing.T) {
	b := newBank(t)
	cut := len(b.entries) - 50
	b.fill(t, b.entries, b.entries[:cut], b.archived[:cut])
	// Everything was recorded in March; with a long grace the last entries are on their way.
	b.config.Grace = time.Since(b.entries[0].RecordedAt)
	report := expect(t, b, 0, nil)
	if report.OnTheWay < 50 {
		t.Fatalf("%d on the way", report.OnTheWay)
	}
	b.config.Grace = 0
	if err := b.stream.CreateStream(t.Context(), "s", 1); err != nil {
		t.Fatal(err)
	}
	p := b.projection()
	b.config.Repair = &audit.Repair{
		Streams: b.stream, Stream: "s",
		CatchUp: func(ctx context.Context, _ string, a event.Account) error {
			_, err := p.CatchUp(ctx, a)
			return err
		},
	}
	b.stream.Fail(faults.Chances{Seed: 1, Refuse: 20})
	report = mustFind(t, b, "is behind the journal", 0)
	if b.stream.Fired().Refuse == 0 {
		t.Fatal("no record was refused")
	}
	b.stream.Fail(faults.Chances{})
	if report.Republished != 50 || report.Projected == 0 {
		t.Fatalf("repaired %d and %d", report.Republished, report.Projected)
	}
	b.archive(t, "shardId-000000000001", read(t, b.stream, "s"))
	b.config.Repair = nil
	report, err := audit.Run(t.Context(), b.config)
	for _, f := range report.Findings {
		t.Errorf("still: %s", f)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// An account whose row cannot be folded further is reported, and all others are audited and
// repaired.
func TestRun_RepairContinuesAfterAnAccountInQuarantine(t *testing.T) {
	b := newBank(t)
	b.fill(t, b.entries, b.entries[:len(b.entries)-100], b.archived)
	p := b.projection()
	b.config.Repair = &audit.Repair{CatchUp: func(ctx context.Context, _ string, a event.Account) error {
		if a.ID == "A-3" {
			return fmt.Errorf("A-3: %w", readmodel.ErrQuarantined)
		}
		_, err := p.CatchUp(ctx, a)
		return err
	}}
	report := mustFind(t, b, "the row cannot be folded further", 0)
	if report.Totals["journal"].Accounts != 10 {
		t.Errorf("%d accounts audited", report.Totals["journal"].Accounts)
	}
	behind := 0
	for _, f := range report.Findings {
		if strings.Contains(f.What, "is behind the journal") {
			behind++
		}
		if strings.Contains(f.What, "cannot be folded further") && f.Account != "main#A-3" {
			t.Errorf("unexpected: %s", f)
		}
	}
	if behind < 2 || report.Projected != int64(behind-1) {
		t.Errorf("%d rows behind, %d repaired", behind, report.Projected)
	}
	b.config.Repair = nil
	mustFind(t, b, "standing: main#A-3", 1)
}

// read gives the records on a stream as the archiver would get them.
func read(t *testing.T, s *faults.Stream, name string) []segment.Record {
	t.Helper()
	shards, err := s.Shards(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	iterator, err := s.Iterator(t.Context(), name, shards[0].ID, stream.Position{Where: stream.TrimHorizon})
	if err != nil {
		t.Fatal(err)
	}
	var records []segment.Record
	for {
		batch, err := s.Get(t.Context(), iterator, stream.MaxGetRecords)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range batch.Records {
			e, err := event.DecodeRecord(r.Data)
			if err != nil {
				t.Fatal(err)
			}
			records = append(records, segment.Record{Sequence: r.Sequence, Arrived: r.Arrived, Entry: e})
		}
		if iterator = batch.Next; iterator == "" || batch.Behind == 0 {
			return records
		}
	}
}

func TestReport_TextAndJSON(t *testing.T) {
	b := newBank(t)
	b.fill(t, b.entries, b.entries, without(b.archived, b.of("A-3", 5)))
	report, err := audit.Run(t.Context(), b.config)
	if !errors.Is(err, audit.ErrDifference) {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := report.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"journal", "archive", "standing", " EUR\n", "main#A-3", "differences: 1"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, text.String())
		}
	}
	data, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	var back audit.Report
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	if back.Count != 1 || back.Totals["journal"].Accounts != 10 || back.Totals["journal"].Posted["EUR"].Cmp(&back.Totals["standing"].Posted["EUR"].Int) != 0 {
		t.Fatalf("%s", data)
	}
}

// Of more differences of further rows than a report lists each is counted, and none listed twice.
func TestFurtherRowsAreListedOnce(t *testing.T) {
	const many = 10_050
	b := newBank(t)
	b.fill(t, b.entries, b.entries, b.archived)
	b.config.Derived = &audit.Derived{Model: model, Table: "derived", Compare: func(_ context.Context, _ int64, found func(readmodel.Difference)) (readmodel.Compared, error) {
		for n := range int64(many) {
			found(readmodel.Difference{Account: event.Account{Tenant: "main", ID: "A-1"}, Version: n + 1, What: "missing"})
		}
		return readmodel.Compared{}, nil
	}}
	report, err := audit.Run(t.Context(), b.config)
	if !errors.Is(err, audit.ErrDifference) || report.Count != many {
		t.Fatalf("%d, %v", report.Count, err)
	}
	for i, f := range report.Findings[1:] {
		if f.Version == report.Findings[i].Version {
			t.Fatalf("v%d is listed twice", f.Version)
		}
	}
}

// An account whose further rows lack several things is folded again once, and one in quarantine is
// not called repaired.
func TestAnAccountIsFoldedAgainOnce(t *testing.T) {
	b := newBank(t)
	b.fill(t, b.entries, b.entries, b.archived)
	sound, blocked := event.Account{Tenant: "main", ID: "A-1"}, event.Account{Tenant: "main", ID: "A-2"}
	b.config.Derived = &audit.Derived{Model: model, Table: "derived", Compare: func(_ context.Context, _ int64, found func(readmodel.Difference)) (readmodel.Compared, error) {
		for _, a := range []event.Account{sound, blocked, sound, blocked} {
			found(readmodel.Difference{Account: a, Version: 1, What: "missing"})
		}
		return readmodel.Compared{}, nil
	}}
	folds := map[event.Account]int{}
	b.config.Repair = &audit.Repair{Refold: func(_ context.Context, _ string, a event.Account) error {
		folds[a]++
		if a == blocked {
			return readmodel.ErrQuarantined
		}
		return nil
	}}
	report, err := audit.Run(t.Context(), b.config)
	if !errors.Is(err, audit.ErrDifference) || report.Projected != 1 || len(report.Findings) != 4 {
		t.Fatalf("%+v, %v", report, err)
	}
	if folds[sound] != 1 || folds[blocked] != 1 {
		t.Errorf("folded: %v", folds)
	}
	for _, f := range report.Findings {
		if f.Repaired != (f.Account == sound.String()) {
			t.Errorf("%+v", f)
		}
	}
}
