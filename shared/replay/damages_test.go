package replay_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"passbook/shared/account"
	"passbook/shared/archive"
	"passbook/shared/archive/archivetest"
	"passbook/shared/audit"
	"passbook/shared/bucket/dirbucket"
	"passbook/shared/event"
	"passbook/shared/replay"
	"passbook/shared/segment"
)

// damageShards and damageSegments are the size of the archive that is damaged: shards, and segments
// of each.
const (
	damageShards   = 4
	damageSegments = 5
)

// ruin is a copy of an archive, to be damaged.
type ruin struct {
	t     *testing.T
	dir   string
	other string // another bank's
	// of are the keys of each shard's segments.
	of [damageShards][]string
}

func (r ruin) path(key string) string { return filepath.Join(r.dir, filepath.FromSlash(key)) }

// middle returns the segment that most cases damage.
func (r ruin) middle() string { return r.of[0][2] }

func (r ruin) check(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r ruin) read(key string) []byte {
	r.t.Helper()
	data, err := os.ReadFile(r.path(key))
	r.check(err)
	return data
}

func (r ruin) write(key string, data []byte) {
	r.t.Helper()
	r.check(os.MkdirAll(filepath.Dir(r.path(key)), 0o700))
	_ = os.Remove(r.path(key)) // it may be missing, or not writable
	r.check(os.WriteFile(r.path(key), data, 0o600))
}

func (r ruin) change(key string, how func([]byte) []byte) { r.write(key, how(r.read(key))) }

func (r ruin) remove(keys ...string) {
	r.t.Helper()
	for _, key := range keys {
		r.check(os.RemoveAll(r.path(key)))
	}
}

// footerOf returns the offset of a segment's footer.
func footerOf(data []byte) int {
	return len(data) - 8 - int(binary.LittleEndian.Uint32(data[len(data)-8:]))
}

func flip(at func([]byte) int) func([]byte) []byte {
	return func(data []byte) []byte {
		data[at(data)] ^= 1
		return data
	}
}

// rewrite writes a segment's rows again as another program would: with its metadata, and without
// checksums.
func (r ruin) rewrite(how func([]parquet.Row) []parquet.Row) {
	r.t.Helper()
	data := r.read(r.middle())
	file, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	r.check(err)
	var rows []parquet.Row
	for _, group := range file.RowGroups() {
		reader := group.Rows()
		for {
			batch := make([]parquet.Row, 64)
			n, err := reader.ReadRows(batch)
			for _, row := range batch[:n] {
				rows = append(rows, row.Clone())
			}
			if err == io.EOF {
				break
			}
			r.check(err)
		}
		r.check(reader.Close())
	}
	var out bytes.Buffer
	options := []parquet.WriterOption{file.Schema()}
	for _, kv := range file.Metadata().KeyValueMetadata {
		options = append(options, parquet.KeyValueMetadata(kv.Key, kv.Value))
	}
	w := parquet.NewWriter(&out, options...)
	_, err = w.WriteRows(how(rows))
	r.check(err)
	r.check(w.Close())
	r.write(r.middle(), out.Bytes())
}

// moved returns a segment's key with a part of it replaced.
func moved(key, part, by string) string { return strings.Replace(key, part, by, 1) }

const damageDay = "date=2026-03-01"

// damages are the cases: what is done, and the exit codes of audit, at, journal and rebuild.
var damages = []struct {
	name  string
	do    func(ruin)
	codes [4]int
}{
	{"nothing", func(ruin) {}, [4]int{}},
	{"a bit in a page", func(r ruin) { r.change(r.middle(), flip(func([]byte) int { return 2000 })) }, [4]int{3, 3, 3, 3}},
	{"a bit in the page index", func(r ruin) { r.change(r.middle(), flip(func(b []byte) int { return footerOf(b) - 20 })) }, [4]int{}},
	{"a bit in the footer", func(r ruin) {
		r.change(r.middle(), flip(func(b []byte) int { return (footerOf(b) + len(b)) / 2 }))
	}, [4]int{3, 3, 3, 3}},
	{"a bit in the last magic", func(r ruin) { r.change(r.middle(), flip(func(b []byte) int { return len(b) - 1 })) }, [4]int{3, 3, 3, 3}},
	{"cut by 100 bytes", func(r ruin) { r.change(r.middle(), func(b []byte) []byte { return b[:len(b)-100] }) }, [4]int{3, 3, 3, 3}},
	{"cut to half", func(r ruin) { r.change(r.middle(), func(b []byte) []byte { return b[:len(b)/2] }) }, [4]int{3, 3, 3, 3}},
	{"emptied", func(r ruin) { r.write(r.middle(), nil) }, [4]int{3, 3, 3, 3}},
	{"64 bytes added", func(r ruin) {
		r.change(r.middle(), func(b []byte) []byte { return append(b, strings.Repeat("x", 64)...) })
	}, [4]int{3, 3, 3, 3}},
	{"the newest of a shard removed", func(r ruin) { r.remove(r.of[0][damageSegments-1]) }, [4]int{3, 3, 3, 3}},
	{"the newest of every shard removed", func(r ruin) {
		for _, keys := range r.of {
			r.remove(keys[damageSegments-1])
		}
	}, [4]int{3, 3, 3, 3}},
	{"a middle one removed", func(r ruin) { r.remove(r.middle()) }, [4]int{3, 3, 3, 3}},
	{"the oldest removed", func(r ruin) { r.remove(r.of[0][0]) }, [4]int{3, 3, 3, 3}},
	{"a shard removed", func(r ruin) { r.remove(filepath.Dir(r.middle())) }, [4]int{3, 3, 3, 3}},
	{"all segments removed", func(r ruin) { r.remove("events") }, [4]int{3, 3, 3, 3}},
	{"a copy under the next number", func(r ruin) {
		r.write(moved(r.middle(), ".parquet", "")[:len(r.middle())-9]+"1.parquet", r.read(r.middle()))
	}, [4]int{}},
	{"a copy under another day", func(r ruin) { r.write(moved(r.middle(), damageDay, "date=2031-01-01"), r.read(r.middle())) }, [4]int{}},
	{"a copy under another shard", func(r ruin) { r.write(moved(r.middle(), "/s-0/", "/s-1/"), r.read(r.middle())) }, [4]int{}},
	{"two swapped", func(r ruin) {
		a, b := r.read(r.of[0][1]), r.read(r.of[0][2])
		r.write(r.of[0][1], b)
		r.write(r.of[0][2], a)
	}, [4]int{3, 3, 3, 3}},
	{"the folder of a day renamed", func(r ruin) {
		r.check(os.Rename(r.path("events/v1/"+damageDay), r.path("events/v1/date=2026-02-28")))
	}, [4]int{}},
	{"the folder of a day renamed to none", func(r ruin) {
		r.check(os.Rename(r.path("events/v1/"+damageDay), r.path("events/v1/date=2026-13-29")))
	}, [4]int{3, 3, 3, 3}},
	{"_SUCCESS in a folder", func(r ruin) { r.write(filepath.Dir(r.middle())+"/_SUCCESS", nil) }, [4]int{}},
	{".part.crc in a folder", func(r ruin) { r.write(filepath.Dir(r.middle())+"/.part.crc", []byte("x")) }, [4]int{}},
	{"a file outside", func(r ruin) { r.write("notes.txt", []byte("x")) }, [4]int{}},
	{"a directory in its place", func(r ruin) {
		r.remove(r.middle())
		r.check(os.Mkdir(r.path(r.middle()), 0o700))
	}, [4]int{3, 3, 3, 3}},
	{"a link to nowhere in its place", func(r ruin) {
		r.remove(r.middle())
		r.check(os.Symlink("/nowhere", r.path(r.middle())))
	}, [4]int{3, 3, 3, 3}},
	{"a link to it in its place", func(r ruin) {
		r.check(os.Rename(r.path(r.middle()), r.path("moved")))
		r.check(os.Symlink(r.path("moved"), r.path(r.middle())))
	}, [4]int{}},
	{"rewritten, a row less", func(r ruin) {
		r.rewrite(func(rows []parquet.Row) []parquet.Row { return slices.Delete(rows, 5, 6) })
	}, [4]int{3, 3, 3, 3}},
	{"rewritten, another amount", func(r ruin) {
		r.rewrite(func(rows []parquet.Row) []parquet.Row {
			for i, v := range rows[5] {
				if v.Kind() == parquet.Int64 && !v.IsNull() {
					rows[5][i] = parquet.Int64Value(v.Int64()*10).Level(v.RepetitionLevel(), v.DefinitionLevel(), v.Column())
				}
			}
			return rows
		})
	}, [4]int{3, 3, 3, 3}},
	{"rewritten, the same rows", func(r ruin) { r.rewrite(func(rows []parquet.Row) []parquet.Row { return rows }) }, [4]int{3, 3, 3, 3}},
	{"the footer of another", func(r ruin) {
		a, b := r.read(r.of[0][1]), r.read(r.of[0][2])
		r.write(r.of[0][1], append(a[:footerOf(a):footerOf(a)], b[footerOf(b):]...))
	}, [4]int{3, 3, 3, 3}},
	{"another bank's under its name", func(r ruin) {
		files, err := filepath.Glob(filepath.Join(r.other, filepath.FromSlash(filepath.Dir(r.middle())), "*.parquet"))
		r.check(err)
		data, err := os.ReadFile(files[1])
		r.check(err)
		r.write(r.middle(), data)
	}, [4]int{3, 3, 3, 3}},
	{"another bank's stream added", func(r ruin) {
		stream := filepath.Dir(filepath.Dir(r.middle()))
		r.check(os.CopyFS(r.path("events/v1/"+damageDay+"/passbook-events-1772352777"), os.DirFS(filepath.Join(r.other, stream))))
	}, [4]int{3, 3, 3, 3}},
	{"an older copy of the stream", func(r ruin) {
		stream := filepath.Dir(filepath.Dir(r.middle()))
		r.check(os.CopyFS(r.path(stream[:len(stream)-4]+"0001"), os.DirFS(r.path(stream))))
	}, [4]int{0, 3, 3, 3}},
}

// TestDamages does each damage to a copy of one archive. Each job ends with the code of the table
// in docs/operations.md, and what it returns is right: nothing is silently wrong.
func TestDamages(t *testing.T) {
	known := archive.Evidence{Since: archivetest.Start}
	bank, other := newEnv(t), newEnv(t)
	whole, strange := t.TempDir(), t.TempDir()
	entries := archivetest.Bank(8, 12, 400)
	bank.archiveMarked(t, whole, entries)
	other.archiveMarked(t, strange, archivetest.Bank(9, 6, 400))
	bank.commit(t, entries)
	far := archivetest.Start.AddDate(1, 0, 0)
	want, _, err := ask(replay.StatesConfig{Bucket: bank.bucket, Time: far}, t)
	if err != nil || len(want) != 12 {
		t.Fatal(len(want), err)
	}
	for _, c := range damages {
		t.Run(c.name, func(t *testing.T) {
			r := ruin{t: t, dir: t.TempDir(), other: strange}
			r.check(os.CopyFS(r.dir, os.DirFS(whole)))
			for i := range r.of {
				r.of[i] = archived(t, bank, fmt.Sprintf("s-%d", i))
			}
			c.do(r)
			disk, err := dirbucket.New(r.dir)
			r.check(err)
			_, audited := audit.Run(t.Context(), audit.Config{Table: bank.table, Accounts: bank.reader, Bucket: disk, Grace: time.Nanosecond})
			got, _, asked := ask(replay.StatesConfig{Bucket: disk, Time: far, Evidence: known}, t)
			for a, s := range got {
				if !bytes.Equal(account.AppendState(nil, s), account.AppendState(nil, want[a])) {
					t.Errorf("%s is given wrong: %+v, want %+v", a, s, want[a])
				}
			}
			lost := newEnv(t)
			lost.bucket = disk
			restoring, rebuilding := lost.restoring(), lost.rebuilding()
			restoring.Evidence, rebuilding.Evidence = known, known
			restored, journalled := replay.RestoreJournal(t.Context(), restoring)
			_, rebuilt := replay.Rebuild(t.Context(), rebuilding)
			codes := [4]int{code(audited), code(asked), code(journalled), code(rebuilt)}
			if codes != c.codes {
				t.Errorf("audit, at, journal, rebuild end with %v, want %v:\n%v\n%v\n%v\n%v", codes, c.codes, audited, asked, journalled, rebuilt)
			}
			if codes[1] == 0 && len(got) != len(want) || codes[2] == 0 && restored.Entries != int64(len(entries)) {
				t.Errorf("in silence %d of %d accounts given, %d of %d entries restored", len(got), len(want), restored.Entries, len(entries))
			}
		})
	}
}

// archiveMarked archives entries over the shards, in a directory, with the end markers that an
// archiver would have left.
func (e *env) archiveMarked(t *testing.T, dir string, entries []*event.Entry) {
	t.Helper()
	disk, err := dirbucket.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	e.bucket = disk
	var shards [damageShards][]*event.Entry
	for _, entry := range entries {
		i := int(entry.AccountID[len(entry.AccountID)-1]) % damageShards
		shards[i] = append(shards[i], entry)
	}
	for i, list := range shards {
		shard := fmt.Sprintf("s-%d", i)
		records := archivetest.Records(list)
		for i := range records {
			records[i].Arrived = records[i].Entry.RecordedAt
		}
		e.archive(t, shard, records, (len(list)+damageSegments-1)/damageSegments)
		for _, key := range archived(t, e, shard) {
			s, err := segment.Open(t.Context(), disk, key)
			if err == nil {
				err = archive.NewEndMarker(s.Name, s.Footer, false).Write(t.Context(), disk)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// code returns the exit code of a program.
func code(err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, replay.ErrDifference), errors.Is(err, audit.ErrDifference):
		return 3
	}
	return 1
}
