package check_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"passbook/shared/event"
	"passbook/shared/event/eventtest"
	"passbook/shared/eventtable"
	"passbook/shared/eventtable/check"
)

func TestATableThatIsTheArchivesHasNoFindings(t *testing.T) {
	f := newFixture(t, 1)
	events := int64(0)
	for _, e := range f.entries {
		events += int64(len(e.Events))
	}
	for _, most := range []int64{1 << 20, 20} {
		r, err := f.check(most)
		if err != nil || r.Events != events || r.Accounts != 5 || len(r.Behind) > 0 {
			t.Errorf("with %d events at once: %+v, %v", most, r, err)
		}
	}
}

// damages change a table and return what the report has to say, or that it has to be an error.
var damages = map[string]func(f *fixture) []string{
	"a row left out": func(f *fixture) []string {
		file := f.files()[0]
		rows := f.rows(file)
		f.rewrite(file, append(rows[:1:1], rows[2:]...))
		return []string{file.Key + ": damaged", nameOf(rows[1].AccountID, rows[1].Version) + "the table lacks"}
	},
	"a row twice": func(f *fixture) []string {
		file := f.files()[0]
		rows := f.rows(file)
		f.rewrite(file, append(rows[:2:2], rows[1:]...))
		return []string{file.Key + ": damaged", nameOf(rows[1].AccountID, rows[1].Version) + "the table has it more than once"}
	},
	"another amount": func(f *fixture) []string {
		file := f.files()[0]
		rows := f.rows(file)
		rows[1].Posted *= 10
		rows[1].Posted++
		f.rewrite(file, rows)
		return []string{file.Key + ": damaged", nameOf(rows[1].AccountID, rows[1].Version) + "posted is"}
	},
	"another hash": func(f *fixture) []string {
		file := f.files()[0]
		rows := f.rows(file)
		rows[1].EntryHash[0] ^= 1
		f.rewrite(file, rows)
		return []string{nameOf(rows[1].AccountID, rows[1].Version) + "no entry of the bank"}
	},
	"an account renamed": func(f *fixture) []string {
		file := f.files()[0]
		rows := f.rows(file)
		was := rows[0]
		rows[0].AccountID = "A-9"
		f.rewrite(file, rows)
		return []string{nameOf("A-9", 1) + "", nameOf(was.AccountID, was.Version) + "the table lacks"}
	},
	"a file of another bank in its place": func(f *fixture) []string {
		other := newFixture(f.t, 2)
		file := f.files()[0]
		rows := f.rows(file)
		f.write(f.path(file.Key), other.read(other.path(other.files()[0].Key)))
		return []string{file.Key + ": damaged", "no entry of the bank", nameOf(rows[0].AccountID, rows[0].Version)}
	},
	"two files with each other's name": func(f *fixture) []string {
		a, b := f.files()[0], f.files()[1]
		x, y := f.read(f.path(a.Key)), f.read(f.path(b.Key))
		f.write(f.path(a.Key), y)
		f.write(f.path(b.Key), x)
		return []string{a.Key + ": damaged", b.Key + ": damaged"}
	},
	"a file removed": func(f *fixture) []string {
		file := f.files()[0]
		rows := f.rows(file)
		f.must(os.Remove(f.path(file.Key)))
		return []string{file.Key + ": damaged: it is missing", nameOf(rows[0].AccountID, rows[0].Version) + "the table lacks"}
	},
	"a file cut": func(f *fixture) []string {
		file := f.files()[0]
		rows, data := f.rows(file), f.read(f.path(file.Key))
		f.write(f.path(file.Key), data[:len(data)/2])
		return []string{file.Key + ": damaged", nameOf(rows[0].AccountID, rows[0].Version) + "the table lacks"}
	},
	"a file emptied": func(f *fixture) []string {
		file := f.files()[0]
		rows := f.rows(file)
		f.write(f.path(file.Key), nil)
		return []string{file.Key + ": damaged", nameOf(rows[0].AccountID, rows[0].Version) + "the table lacks"}
	},
	"a bit in a page": func(f *fixture) []string {
		file := f.files()[0]
		data := f.read(f.path(file.Key))
		data[len(data)/3] ^= 1
		f.write(f.path(file.Key), data)
		return []string{file.Key + ": damaged"}
	},
	"a bit in each byte of the page index and footer": func(f *fixture) []string {
		file := f.files()[0]
		data := f.read(f.path(file.Key))
		for at := len(data) / 2; at < len(data); at += 97 {
			changed := bytes.Clone(data)
			changed[at] ^= 1
			f.write(f.path(file.Key), changed)
			if r, err := f.check(1 << 20); !errors.Is(err, check.ErrDifference) || !strings.Contains(text(f.t, r), file.Key+": damaged") {
				f.t.Errorf("byte %d: %v", at, err)
			}
		}
		return []string{file.Key + ": damaged"}
	},
	"a forged account added": func(f *fixture) []string {
		row := f.rows(f.files()[0])[0]
		row.AccountID, row.Version = "made-up", 1
		f.add([]eventtable.Row{row}, nil)
		return []string{nameOf("made-up", 1) + "no entry of the bank"}
	},
	"a forged end of an account added": func(f *fixture) []string {
		row := f.rows(f.files()[0])[0]
		row.Version, row.Posted = lastOf(f.entries, event.Account{Tenant: "main", ID: row.AccountID})+1, row.Posted+1_000_000
		f.add([]eventtable.Row{row}, nil)
		return []string{nameOf(row.AccountID, row.Version) + "no entry of the bank"}
	},
	"a file in the snapshot twice": func(f *fixture) []string {
		file, table := f.files()[0], f.open()
		rows := f.rows(file)
		f.must(table.Append(f.t.Context(), []eventtable.File{file.File}, table.Summary()))
		return []string{nameOf(rows[0].AccountID, rows[0].Version) + "the table has it more than once"}
	},
	"bounds that leave out a row": func(f *fixture) []string {
		row := f.rows(f.files()[0])[0]
		row.AccountID, row.Version = "A-9", 1
		f.add([]eventtable.Row{row}, func(is *eventtable.File) { is.Least.Version, is.Most.Version = 2, 2 })
		return []string{"data/more.parquet: " + nameOf("A-9", 1) + "it is out of the bounds"}
	},
	"a file in another partition": func(f *fixture) []string {
		row := f.rows(f.files()[0])[0]
		row.AccountID, row.Version = "A-9", 1
		f.add([]eventtable.Row{row}, func(is *eventtable.File) { is.Day++ })
		return []string{"data/more.parquet: " + nameOf("A-9", 1) + "it is in a file of another partition"}
	},
	"rows out of order": func(f *fixture) []string {
		file := f.files()[0]
		rows := f.rows(file)
		rows[0], rows[1] = rows[1], rows[0]
		f.rewrite(file, rows)
		return []string{"it is not in the order of its file"}
	},
	"a count of rows that is too small": func(f *fixture) []string {
		row := f.rows(f.files()[0])[0]
		other := row
		row.AccountID, row.Version = "A-8", 1
		other.AccountID, other.Version = "A-8", 2
		f.add([]eventtable.Row{row, other}, func(is *eventtable.File) { is.Rows = 1 })
		return []string{"data/more.parquet: damaged: it has 2 rows, not 1"}
	},
	"the list of manifests of an older snapshot": func(f *fixture) []string {
		f.changeSnapshots(func(last, before map[string]any) { last["manifest-list"] = before["manifest-list"] })
		e := f.entries[50] // the first of the newest snapshot
		return []string{nameOf(e.AccountID, e.First) + "the table lacks", "it says that it has read"}
	},
	"a snapshot that says it read what it has not": func(f *fixture) []string {
		f.seal("s-1", f.more(1))
		f.changeSummary(func(summary map[string]any) {
			for name, value := range summary {
				if strings.HasPrefix(name, "passbook.read.") {
					summary[strings.Replace(name, "s-0", "s-1", 1)] = value.(string) + "0"
				}
			}
		})
		f.run()
		e := f.more(1)[0]
		return []string{nameOf(e.AccountID, e.First) + "the table lacks", "it says that it has read"}
	},
	"forged marks": func(f *fixture) []string {
		f.forgeMarks("A-0")
		e := f.more(1)[0]
		f.seal("s-1", f.more(2))
		f.run()
		return []string{nameOf(e.AccountID, e.First) + "the table lacks"}
	},
}

func TestEachDamageOfTheTableIsNamed(t *testing.T) {
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, 1)
			want := damage(f)
			r, err := f.check(1 << 20)
			if !errors.Is(err, check.ErrDifference) || r == nil {
				t.Fatalf("%+v, %v", r, err)
			}
			for _, part := range want {
				if !strings.Contains(text(t, r), part) {
					t.Errorf("%q is not in\n%s", part, text(t, r))
				}
			}
		})
	}
}

// What says where the table's rows are cannot be passed over: without it nothing is read.
func TestWhatDescribesTheTableMustBeThere(t *testing.T) {
	f := newFixture(t, 1)
	f.removeNewest("snap-*.avro")
	if r, err := f.check(1 << 20); err == nil || errors.Is(err, check.ErrDifference) {
		t.Errorf("%+v, %v", r, err)
	}
}

// A table that was rolled back is one that is behind: the next run adds the rest again.
func TestATableThatIsRolledBackIsNamedAsBehind(t *testing.T) {
	f := newFixture(t, 1)
	versions := f.versions()
	f.must(os.Remove(versions[len(versions)-1]))
	r, err := f.check(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	behind := 0
	for _, a := range []string{"A-0", "A-1", "A-2", "A-3", "A-4"} {
		of := event.Account{Tenant: "main", ID: a}
		if last := lastOf(f.entries[:50], of); last < lastOf(f.entries, of) {
			behind++
			if !strings.Contains(text(t, r), nameOf(a, last+1)+"the archive has more") {
				t.Errorf("%s v%d is not named in\n%s", a, last+1, text(t, r))
			}
		}
	}
	if behind != len(r.Behind) || behind == 0 {
		t.Errorf("%d accounts are behind: %+v", behind, r)
	}
	f.run()
	if r, err = f.check(1 << 20); err != nil || len(r.Behind) > 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

// A row is proven by an entry of the bank alone: not by one that somebody put into the archive.
func TestForgedEntriesProveNothing(t *testing.T) {
	f := newFixture(t, 1)
	forged := *f.next(event.Account{Tenant: "main", ID: "A-0"})
	forged.MAC = eventtest.Keys.Sign(event.Hash{1})
	f.seal("s-1", []*event.Entry{&forged})
	f.add(eventtable.RowsOf(&forged)[:1], nil)
	r, err := f.check(1 << 20)
	if !errors.Is(err, check.ErrDifference) || !strings.Contains(text(t, r), nameOf("A-0", forged.First)+"no entry of the bank") {
		t.Errorf("%+v, %v", r, err)
	}
}

// changeSummary changes what the newest snapshot says.
func (f *fixture) changeSummary(how func(map[string]any)) {
	f.t.Helper()
	f.changeSnapshots(func(last, _ map[string]any) { how(last["summary"].(map[string]any)) })
}

// changeSnapshots changes the last two snapshots in the newest version of the table's metadata.
func (f *fixture) changeSnapshots(how func(last, before map[string]any)) {
	f.t.Helper()
	versions := f.versions()
	newest := versions[len(versions)-1]
	decoder := json.NewDecoder(bytes.NewReader(f.read(newest)))
	decoder.UseNumber()
	var m map[string]any
	f.must(decoder.Decode(&m))
	snapshots := m["snapshots"].([]any)
	how(snapshots[len(snapshots)-1].(map[string]any), snapshots[len(snapshots)-2].(map[string]any))
	data, err := json.Marshal(m)
	f.must(err)
	f.write(newest, data)
}
