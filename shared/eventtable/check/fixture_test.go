package check_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"passbook/shared/archive/archivetest"
	"passbook/shared/bucket"
	"passbook/shared/bucket/dirbucket"
	"passbook/shared/event"
	"passbook/shared/event/eventtest"
	"passbook/shared/eventtable"
	"passbook/shared/eventtable/check"
	"passbook/shared/eventtable/iceberg"
	"passbook/shared/origin"
	"passbook/shared/segment"
)

// fixture is an archive, and the events table that was made of it in two snapshots.
type fixture struct {
	t            *testing.T
	from, tables bucket.Bucket
	dir, root    string
	archived     string
	entries      []*event.Entry
	links        map[string]segment.Link
	sequence     int
}

func newFixture(t *testing.T, seed uint64) *fixture {
	t.Helper()
	f := &fixture{t: t, dir: t.TempDir(), archived: t.TempDir(), links: map[string]segment.Link{}}
	f.root = "file://" + f.dir
	var err error
	f.from, err = dirbucket.New(f.archived)
	f.must(err)
	f.tables, err = dirbucket.New(f.dir)
	f.must(err)
	f.entries = archivetest.Signed(archivetest.Bank(seed, 5, 60))
	f.seal("s-0", f.entries[:30])
	f.run()
	f.seal("s-0", f.entries[30:50])
	f.run()
	f.seal("s-0", f.entries[50:])
	f.run()
	return f
}

func (f *fixture) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// seal archives entries as the next segment of a shard.
func (f *fixture) seal(shard string, entries []*event.Entry) {
	f.t.Helper()
	source := segment.Source{Stream: "s", Created: archivetest.Start, Shard: shard}
	w := segment.NewWriter(2, eventtest.Bank, source, f.links[shard])
	for _, e := range entries {
		f.sequence++
		f.must(w.Append(segment.Record{Sequence: fmt.Sprint(1000 + f.sequence), Arrived: archivetest.Start.Add(time.Duration(f.sequence) * time.Millisecond), Entry: e}))
	}
	sealed, err := w.Seal()
	f.must(err)
	f.must(f.from.Create(f.t.Context(), sealed.Key, sealed.Data))
	f.links[shard] = segment.Link{Key: sealed.Key, Last: sealed.Footer.Last, Sum: sealed.Footer.Sum}
}

func (f *fixture) open() *iceberg.Table {
	f.t.Helper()
	table, err := iceberg.Open(f.t.Context(), f.tables, f.root, 2)
	f.must(err)
	return table
}

func (f *fixture) proof() *origin.Proof {
	return &origin.Proof{Bank: eventtest.Bank, Keys: eventtest.Keys}
}

// run adds what is new to the table.
func (f *fixture) run() eventtable.Result {
	f.t.Helper()
	r, err := eventtable.Run(f.t.Context(), eventtable.Config{Archive: f.from, Table: f.open(), Events: 1 << 20, Origin: f.proof()})
	f.must(err)
	return r
}

// check checks the table, with so many events in memory at once.
func (f *fixture) check(events int64) (*check.Report, error) {
	f.t.Helper()
	return check.Run(f.t.Context(), check.Config{Archive: f.from, Table: f.open(), Origin: f.proof(), Events: events})
}

// path returns the file of a key of the table.
func (f *fixture) path(key string) string {
	return filepath.Join(f.dir, "events", filepath.FromSlash(key))
}

func (f *fixture) read(file string) []byte {
	f.t.Helper()
	data, err := os.ReadFile(file)
	f.must(err)
	return data
}

// write puts a file in the place of another.
func (f *fixture) write(file string, data []byte) {
	f.t.Helper()
	if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
		f.t.Fatal(err)
	}
	f.must(os.WriteFile(file, data, 0o600))
}

// files returns the data files of the table, those with the most rows first.
func (f *fixture) files() []eventtable.Described {
	f.t.Helper()
	files, err := f.open().Describe(f.t.Context())
	f.must(err)
	slices.SortStableFunc(files, func(a, b eventtable.Described) int { return int(b.Rows - a.Rows) })
	return files
}

// rows returns the rows of a file.
func (f *fixture) rows(of eventtable.Described) []eventtable.Row {
	f.t.Helper()
	data := f.read(f.path(of.Key))
	rows, err := parquet.Read[eventtable.Row](bytes.NewReader(data), int64(len(data)))
	f.must(err)
	return rows
}

// encode returns rows as somebody may write them who has another program.
func (f *fixture) encode(rows []eventtable.Row) []byte {
	f.t.Helper()
	var out bytes.Buffer
	f.must(parquet.Write(&out, rows))
	return out.Bytes()
}

// rewrite writes rows in the place of a file.
func (f *fixture) rewrite(of eventtable.Described, rows []eventtable.Row) {
	f.write(f.path(of.Key), f.encode(rows))
}

// add has a snapshot take rows as a further file, with bounds that hold; change changes what the
// snapshot says of it.
func (f *fixture) add(rows []eventtable.Row, change func(*eventtable.File)) {
	f.t.Helper()
	data, table := f.encode(rows), f.open()
	is := eventtable.File{Key: "data/more.parquet", Day: rows[0].Day(), Bucket: table.Bucket(rows[0].AccountID), Rows: int64(len(rows)), Bytes: int64(len(data))}
	is.Least, is.Most = rows[0], rows[len(rows)-1]
	if change != nil {
		change(&is)
	}
	f.must(table.Write(f.t.Context(), is.Key, data))
	f.must(table.Append(f.t.Context(), []eventtable.File{is}, table.Summary()))
}

// versions returns the versions of the table's metadata, oldest first.
func (f *fixture) versions() []string {
	f.t.Helper()
	files, err := filepath.Glob(filepath.Join(f.dir, "events", "metadata", "v*.metadata.json"))
	f.must(err)
	slices.Sort(files)
	return files
}

// lastOf returns the last version of an account that entries have.
func lastOf(entries []*event.Entry, a event.Account) (last int64) {
	for _, e := range entries {
		if e.Account() == a {
			last = e.Last
		}
	}
	return last
}

// nameOf returns how findings begin that name a version of an account.
func nameOf(account string, version int64) string {
	return fmt.Sprintf("main#%s v%d: ", account, version)
}

// text returns a report as text.
func text(t *testing.T, r *check.Report) string {
	t.Helper()
	var b strings.Builder
	if err := r.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// next returns an entry that follows an account's last one.
func (f *fixture) next(a event.Account) *event.Entry {
	f.t.Helper()
	var last *event.Entry
	for _, e := range f.entries {
		if e.Account() == a {
			last = e
		}
	}
	next := *last
	next.First, next.Last, next.Prev = last.Last+1, last.Last+1, last.Hash
	next.Commands = slices.Clone(last.Commands[:1])
	next.Commands[0].First, next.Commands[0].Last = next.First, next.Last
	next.Events = slices.Clone(last.Events[len(last.Events)-1:])
	next.Events[0].Version, next.Events[0].Command = next.First, 0
	_, err := event.Seal(&next, eventtest.Keys)
	f.must(err)
	return &next
}

// more returns entries that follow the last ones of so many accounts.
func (f *fixture) more(n int) (entries []*event.Entry) {
	for i := range n {
		entries = append(entries, f.next(event.Account{Tenant: "main", ID: fmt.Sprint("A-", i)}))
	}
	return entries
}

// removeNewest removes the newest of the files beside the metadata with a name.
func (f *fixture) removeNewest(pattern string) {
	f.t.Helper()
	files, err := filepath.Glob(filepath.Join(f.dir, "events", "metadata", pattern))
	f.must(err)
	var newest string
	var at time.Time
	for _, file := range files {
		info, err := os.Stat(file)
		f.must(err)
		if newest == "" || info.ModTime().After(at) {
			newest, at = file, info.ModTime()
		}
	}
	f.must(os.Remove(newest))
}

// marked is a row of a file of marks.
type marked struct {
	Tenant    string `parquet:"tenant,dict"`
	AccountID string `parquet:"account_id"`
	Version   int64  `parquet:"version"`
	EntryHash []byte `parquet:"entry_hash"`
}

// forgeMarks has the newest snapshot name marks that somebody made, who says of an account that the
// table has more of it.
func (f *fixture) forgeMarks(account string) {
	f.t.Helper()
	marks := map[string]marked{}
	for _, e := range f.entries {
		marks[e.AccountID] = marked{e.Tenant, e.AccountID, e.Last, e.Hash[:]}
	}
	marks[account] = marked{"main", account, marks[account].Version + 50, make([]byte, 32)}
	var out bytes.Buffer
	f.must(parquet.Write(&out, slices.Collect(maps.Values(marks))))
	sum := sha256.Sum256(out.Bytes())
	key := "marks/" + base64.RawURLEncoding.EncodeToString(sum[:]) + ".parquet"
	f.must(f.open().Write(f.t.Context(), key, out.Bytes()))
	f.changeSummary(func(summary map[string]any) { summary["passbook.marks"] = key })
}
