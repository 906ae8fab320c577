package archivelog_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"passbook/shared/archive/archivetest"
	"passbook/shared/archivelog"
	"passbook/shared/bucket"
	"passbook/shared/bucket/dirbucket"
	"passbook/shared/control"
	"passbook/shared/event"
	"passbook/shared/event/eventtest"
	"passbook/shared/keywrap"
	"passbook/shared/keywrap/filewrap"
	"passbook/shared/segment"
	"passbook/shared/storetest"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/table"
)

// at is the clock of the tests, an hour after the records arrived.
var at = archivetest.Start.Add(time.Hour)

// bank is what a log of the tests works on.
type bank struct {
	t      *testing.T
	dir    string
	bucket bucket.Bucket
	table  table.Table
	keys   keywrap.Wrapper
}

func newBank(t *testing.T) *bank {
	t.Helper()
	dir := t.TempDir()
	b, err := dirbucket.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(t.TempDir(), "key")
	return &bank{
		t: t, dir: dir, bucket: b, table: storetest.Memory(t, pebblestream.Options{}, control.Schema).Table,
		keys: filewrap.New(key, func() (bool, error) { return false, nil }),
	}
}

// config returns the configuration of a process, which may end.
func (b *bank) config() archivelog.Config {
	return archivelog.Config{
		Bucket: b.bucket, Table: b.table, Keys: b.keys, Bank: func() string { return eventtest.Bank }, Owner: "a", Exclusive: true,
		Check: func(_ context.Context, e *event.Entry) error { return eventtest.Keys.Verify(e.Hash, e.MAC) },
		Every: time.Minute, Now: func() time.Time { return at },
	}
}

// seal returns segments that follow one another, each with some records.
func seal(t *testing.T, entries []*event.Entry, each int, shard string) (all []segment.Sealed) {
	t.Helper()
	source := segment.Source{Stream: "events", Created: archivetest.Start, Shard: shard}
	var link segment.Link
	records := archivetest.Records(entries)
	for len(records) > 0 {
		w := segment.NewWriter(2, eventtest.Bank, source, link)
		for _, r := range records[:min(each, len(records))] {
			if err := w.Append(r); err != nil {
				t.Fatal(err)
			}
		}
		records = records[min(each, len(records)):]
		sealed, err := w.Seal()
		if err != nil {
			t.Fatal(err)
		}
		link = segment.Link{Key: sealed.Key, Last: sealed.Footer.Last, Sum: sealed.Footer.Sum}
		all = append(all, sealed)
	}
	return all
}

func segments(t *testing.T, n int) []segment.Sealed {
	return seal(t, archivetest.Signed(archivetest.Bank(1, 5, 4*n)), 4, "s1")
}

func (b *bank) put(segments ...segment.Sealed) {
	b.t.Helper()
	for _, s := range segments {
		if err := b.bucket.Create(b.t.Context(), s.Key, s.Data); err != nil {
			b.t.Fatal(err)
		}
	}
}

func (b *bank) append(l *archivelog.Log) {
	b.t.Helper()
	if err := l.Append(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

// verifiers returns the public keys.
func (b *bank) verifiers() []note.Verifier {
	b.t.Helper()
	text, err := archivelog.PublicKeys(b.t.Context(), b.bucket, b.keys, eventtest.Bank)
	if err != nil {
		b.t.Fatal(err)
	}
	keys, err := archivelog.ParseKeys([]byte("# keys\n\n" + strings.Join(text, "\n")))
	if err != nil {
		b.t.Fatal(err)
	}
	return keys
}

// leaves reads the log: every checkpoint must be signed and have the root of its leaves, and the
// newest covers all. It returns the keys of the leaves.
func (b *bank) leaves() (keys []string) {
	b.t.Helper()
	roots, newest := map[int64]tlog.Hash{}, int64(0)
	for c, err := range archivelog.Checkpoints(b.t.Context(), b.bucket, b.verifiers()) {
		if err := errors.Join(err, c.Err); err != nil {
			b.t.Fatal(err)
		}
		roots[c.Size], newest = c.Root, max(newest, c.Size)
	}
	for r, err := range archivelog.Read(b.t.Context(), b.bucket, newest) {
		if err := errors.Join(err, r.Wrong); err != nil {
			b.t.Fatal(err)
		}
		if root, signed := roots[r.Size]; signed && root != r.Root() {
			b.t.Fatalf("the checkpoint of %d leaves has another root than they", r.Size)
		}
		keys = append(keys, r.Leaf.Key)
	}
	return keys
}

// mustHave checks that the log has these segments, in any order, each once.
func (b *bank) mustHave(want []segment.Sealed) {
	b.t.Helper()
	got := map[string]int{}
	for _, key := range b.leaves() {
		got[key]++
	}
	for _, s := range want {
		if got[s.Key] != 1 {
			b.t.Fatalf("%s is %d times in the log", s.Key, got[s.Key])
		}
	}
	if len(got) != len(want) {
		b.t.Fatalf("%d segments are in the log, not %d", len(got), len(want))
	}
}

func TestSegmentsBecomeLeavesOnce(t *testing.T) {
	b, all := newBank(t), segments(t, 6)
	l := archivelog.New(b.config())
	b.append(l)
	b.put(all[0])
	l.Sealed(all[0])
	b.append(l)
	b.put(all[1:3]...)
	b.append(l)
	b.append(l)
	b.mustHave(all[:3])
	b.put(all[3:]...)
	b.append(archivelog.New(b.config())) // a later process
	b.mustHave(all)
}

// Every tile is complete in a log that grows beyond some of them.
func TestALongLog(t *testing.T) {
	b, all := newBank(t), segments(t, 300)
	l := archivelog.New(b.config())
	b.put(all[:200]...)
	b.append(l)
	b.mustHave(all[:200])
	b.put(all[200:]...)
	b.append(archivelog.New(b.config()))
	b.mustHave(all)
	for _, key := range []string{"log/v1/tile/entries/000", "log/v1/tile/0/000", "log/v1/tile/0/001.p/44", "log/v1/tile/1/000.p/1"} {
		if _, err := os.Stat(filepath.Join(b.dir, key)); err != nil {
			t.Error(err)
		}
	}
}

// dying lets a process die at one of its writes: before it, or after it and before the answer.
type dying struct {
	bucket.Bucket
	table.Table
	left   int
	before bool
}

var errDied = errors.New("the process died")

func (d *dying) write(do func() error) error {
	d.left--
	if d.left < 0 || d.left == 0 && d.before {
		return errDied
	}
	err := do()
	if d.left == 0 {
		return errDied
	}
	return err
}

func (d *dying) Create(ctx context.Context, key string, data []byte) error {
	return d.write(func() error { return d.Bucket.Create(ctx, key, data) })
}

func (d *dying) Put(ctx context.Context, p table.Put) error {
	return d.write(func() error { return d.Table.Put(ctx, p) })
}

func (d *dying) PutEach(ctx context.Context, puts []table.Put) []error {
	panic("the log puts one row at a time")
}

// A process may die before and after each write: the next one completes the log.
func TestACrashAtAnyWriteIsCompleted(t *testing.T) {
	all := segments(t, 4)
	for n, done := 1, false; !done; n++ {
		for _, before := range []bool{true, false} {
			t.Run(fmt.Sprintf("%d before %t", n, before), func(t *testing.T) {
				b := newBank(t)
				stores := &dying{Bucket: b.bucket, Table: b.table, left: n, before: before}
				c := b.config()
				c.Bucket, c.Table = stores, stores
				l := archivelog.New(c)
				b.put(all[:2]...)
				err := l.Append(t.Context())
				b.put(all[2])
				err = errors.Join(err, l.Append(t.Context()))
				done = err == nil
				b.append(archivelog.New(b.config()))
				b.put(all[3])
				b.append(archivelog.New(b.config()))
				b.mustHave(all)
			})
		}
	}
}

func TestForeignAndDamagedSegmentsAreNoLeaves(t *testing.T) {
	for name, forge := range map[string]func(t *testing.T, s segment.Sealed) segment.Sealed{
		"damaged": func(_ *testing.T, s segment.Sealed) segment.Sealed {
			s.Data = append([]byte(nil), s.Data...)
			s.Data[len(s.Data)/2] ^= 1
			return s
		},
		"no mac": func(t *testing.T, s segment.Sealed) segment.Sealed {
			forged := archivetest.Signed(archivetest.Bank(9, 2, 4))
			for _, e := range forged {
				e.MAC = eventtest.Keyring("another bank", 1).Sign(e.Hash)
			}
			return seal(t, forged, 4, "s2")[0]
		},
	} {
		t.Run(name, func(t *testing.T) {
			b, all := newBank(t), segments(t, 3)
			b.put(all[0], forge(t, all[1]), all[2])
			err := archivelog.New(b.config()).Append(t.Context())
			if err == nil || !strings.Contains(err.Error(), "1 segments are not in the archive's log") {
				t.Errorf("%v", err)
			}
			want := []segment.Sealed{all[0], all[2]}
			b.mustHave(want)
		})
	}
}

// Of two processes one adds, until it writes no more for three rounds.
func TestOneProcessHoldsTheLease(t *testing.T) {
	b, all := newBank(t), segments(t, 3)
	now := at
	process := func(name string) *archivelog.Log {
		c := b.config()
		c.Owner, c.Exclusive, c.Now = name, false, func() time.Time { return now }
		return archivelog.New(c)
	}
	first, second := process("a"), process("b")
	b.append(first)
	b.put(all[0])
	b.append(second)
	if got := b.leaves(); len(got) > 0 {
		t.Fatalf("the second process added %v", got)
	}
	for range 5 {
		now = now.Add(time.Minute)
		b.append(first)
		b.append(second)
	}
	b.put(all[1])
	for range 4 { // the first is gone
		now = now.Add(time.Minute)
		b.append(second)
	}
	b.mustHave(all[:2])
	b.put(all[2])
	b.append(first) // it was only slow: its write fails, and changes nothing
	if got := b.leaves(); len(got) != 2 {
		t.Fatalf("the first process added to %v", got)
	}
	b.append(second)
	b.mustHave(all)
}

// A lost row, and that of a backup, is found out from the newest checkpoint that the bank signed.
func TestTheRowIsLostOrOld(t *testing.T) {
	for name, keep := range map[string]int{"lost": 0, "old": 1} {
		t.Run(name, func(t *testing.T) {
			b, all := newBank(t), segments(t, 4)
			var backup table.Map
			for i := range 3 {
				b.put(all[i])
				b.append(archivelog.New(b.config()))
				if i+1 == keep {
					row, err := control.ArchiveLog(b.table).Get(t.Context(), control.LogKey)
					if err != nil {
						t.Fatal(err)
					}
					backup = row.Attrs
				}
			}
			b.table = storetest.Memory(t, pebblestream.Options{}, control.Schema).Table
			if backup != nil {
				if err := control.ArchiveLog(b.table).Put(t.Context(), control.LogKey, backup, nil); err != nil {
					t.Fatal(err)
				}
			}
			b.put(all[3])
			b.append(archivelog.New(b.config()))
			b.mustHave(all)
		})
	}
}

// What somebody may do who may write into the bucket stops the log, and is named.
func TestAnObjectOfSomebodyElseStopsTheLog(t *testing.T) {
	for _, key := range []string{"log/v1/tile/entries/000.p/2", "log/v1/tile/0/000.p/2", "log/v1/checkpoints/99999999/9997.txt"} {
		t.Run(key, func(t *testing.T) {
			b, all := newBank(t), segments(t, 2)
			b.put(all[0])
			b.append(archivelog.New(b.config()))
			if err := b.bucket.Create(t.Context(), key, []byte("mine\n")); err != nil {
				t.Fatal(err)
			}
			b.put(all[1])
			l := archivelog.New(b.config())
			if err := l.Append(t.Context()); !errors.Is(err, archivelog.ErrTaken) || !strings.Contains(err.Error(), key) {
				t.Fatalf("%v", err)
			}
			if err := os.Remove(filepath.Join(b.dir, key)); err != nil {
				t.Fatal(err)
			}
			b.append(l)
			b.mustHave(all)
		})
	}
}

// Leaves that were changed in the bucket are not signed again.
func TestAChangedLeafIsNotContinued(t *testing.T) {
	b, all := newBank(t), segments(t, 3)
	for _, s := range all[:2] {
		b.put(s)
		b.append(archivelog.New(b.config()))
	}
	file := filepath.Join(b.dir, "log/v1/tile/entries/000.p/1")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Remove(file), os.WriteFile(file, []byte(strings.Replace(string(text), `"rows":`, `"rows":1`, 1)), 0o600)); err != nil {
		t.Fatal(err)
	}
	b.put(all[2])
	if err := archivelog.New(b.config()).Append(t.Context()); !errors.Is(err, archivelog.ErrForked) {
		t.Errorf("%v", err)
	}
}

// An object that the bank did not wrap is no key of its log.
func TestAKeyOfSomebodyElseIsPassedOver(t *testing.T) {
	b, all := newBank(t), segments(t, 1)
	if _, err := b.keys.Wrap(t.Context(), eventtest.Bank, []byte("a data key")); err != nil {
		t.Fatal(err)
	}
	err := b.bucket.Create(t.Context(), "log/v1/keys/1.json", []byte(`{"format":1,"id":1,"bank":"`+eventtest.Bank+`","key":"k","wrapped":"bm90IHdyYXBwZWQgYnkgdGhlIGJhbms="}`))
	if err != nil {
		t.Fatal(err)
	}
	b.put(all[0])
	b.append(archivelog.New(b.config()))
	b.mustHave(all)
	if _, err := os.Stat(filepath.Join(b.dir, "log/v1/keys/2.json")); err != nil {
		t.Error(err)
	}
}
