package eventtable_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"passbook/shared/archive/archivetest"
	"passbook/shared/awstest"
	"passbook/shared/bucket"
	"passbook/shared/bucket/dirbucket"
	"passbook/shared/bucket/s3bucket"
	"passbook/shared/event"
	"passbook/shared/event/eventtest"
	"passbook/shared/eventtable"
	"passbook/shared/eventtable/iceberg"
	"passbook/shared/origin"
	"passbook/shared/segment"
)

const bankID = "6d670007-8920-4d8a-8f24-818de2918fc9"

// fixture is an archive and the table that is made of it.
type fixture struct {
	t            *testing.T
	archive      string // the directory of the archive
	from, tables bucket.Bucket
	root         string
	links        map[segment.Source]segment.Link
	sequence     int
	events       int64
	ending       chan struct{}
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, archive: t.TempDir(), links: map[segment.Source]segment.Link{}, events: 1 << 20}
	tables := t.TempDir()
	f.root = "file://" + tables
	var err error
	f.from, err = dirbucket.New(f.archive)
	if err == nil {
		f.tables, err = dirbucket.New(tables)
	}
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// shard returns a shard of an incarnation of the stream.
func shard(incarnation, n int) segment.Source {
	return segment.Source{Stream: "s", Created: archivetest.Start.AddDate(0, 0, incarnation), Shard: fmt.Sprintf("shardId-%012d", n)}
}

// seal archives entries as the next segment of a shard, so many days after Start. It returns its
// key.
func (f *fixture) seal(of segment.Source, days int, entries ...*event.Entry) string {
	f.t.Helper()
	w := segment.NewWriter(2, bankID, of, f.links[of])
	for _, e := range entries {
		f.sequence++
		at := archivetest.Start.AddDate(0, 0, days).Add(time.Duration(f.sequence) * time.Millisecond)
		err := w.Append(segment.Record{Sequence: fmt.Sprint(1000 + f.sequence), Arrived: at, Entry: e})
		if err != nil {
			f.t.Fatal(err)
		}
	}
	sealed, err := w.Seal()
	if err == nil {
		err = f.from.Create(f.t.Context(), sealed.Key, sealed.Data)
	}
	if err != nil {
		f.t.Fatal(err)
	}
	f.links[of] = segment.Link{Key: sealed.Key, Last: sealed.Footer.Last, Sum: sealed.Footer.Sum}
	return sealed.Key
}

// run adds what is new to the table in a bucket.
func (f *fixture) run(to bucket.Bucket) (eventtable.Result, error) {
	table, err := iceberg.Open(f.t.Context(), to, f.root, 3)
	if err != nil {
		return eventtable.Result{}, err
	}
	return f.runOn(table)
}

func (f *fixture) runOn(table eventtable.Table) (eventtable.Result, error) {
	return eventtable.Run(f.t.Context(), eventtable.Config{
		Archive: f.from, Table: table, Events: f.events, Ending: f.ending, Origin: &origin.Proof{Bank: bankID, Keys: eventtest.Keys},
	})
}

// add runs, and fails the test unless so many events were added.
func (f *fixture) add(events int) eventtable.Result {
	f.t.Helper()
	r, err := f.run(f.tables)
	if err != nil || r.Events != int64(events) {
		f.t.Fatalf("%d events added, want %d: %+v, %v", r.Events, events, r, err)
	}
	return r
}

// check compares the table with entries: each event once, and in each file in order.
func (f *fixture) check(entries []*event.Entry) {
	f.t.Helper()
	table, err := iceberg.Open(f.t.Context(), f.tables, f.root, 3)
	if err != nil {
		f.t.Fatal(err)
	}
	keys, err := table.Files(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	got := map[string]eventtable.Row{}
	for _, key := range keys {
		o, err := table.Open(f.t.Context(), key)
		if err != nil {
			f.t.Fatal(err)
		}
		rows, err := parquet.Read[eventtable.Row](o, o.Size())
		if err = errors.Join(err, o.Close()); err != nil {
			f.t.Fatal(err)
		}
		for i, r := range rows {
			id := fmt.Sprintf("%s#%s %012d", r.Tenant, r.AccountID, r.Version)
			if _, twice := got[id]; twice {
				f.t.Errorf("%s is in the table twice", id)
			}
			got[id] = r
			day := time.UnixMicro(r.RecordedAt).UTC().Format(time.DateOnly)
			if at := fmt.Sprintf("recorded_day=%s/account_bucket=%d/", day, table.Bucket(r.AccountID)); !strings.Contains(key, at) {
				f.t.Errorf("%s is in %s, not under %s", id, key, at)
			}
			if i > 0 && fmt.Sprintf("%s#%s %012d", rows[i-1].Tenant, rows[i-1].AccountID, rows[i-1].Version) >= id {
				f.t.Errorf("%s is out of order in %s", id, key)
			}
		}
	}
	want := 0
	for _, e := range entries {
		for _, ev := range e.Events {
			want++
			r := got[fmt.Sprintf("%s#%s %012d", e.Tenant, e.AccountID, ev.Version)]
			if event.Hash(r.EntryHash) != e.Hash || r.Posted != ev.After.Posted || r.Data != string(ev.Data) || r.RecordedAt != e.RecordedAt.UnixMicro() || r.Type != ev.Body.Type() || !same(r.TransactionID, ev.TransactionID()) || !same(r.HoldID, ev.HoldID()) || !same(r.CommandKey, e.Commands[ev.Command].Key) {
				f.t.Errorf("%s v%d is %+v", e.Account(), ev.Version, r)
			}
		}
	}
	if len(got) != want {
		f.t.Errorf("%d events in the table, want %d", len(got), want)
	}
}

// same reports whether an optional column has a text, and is null for "".
func same(got *string, want string) bool {
	return got == nil && want == "" || got != nil && *got == want && want != ""
}

func bank(seed uint64, accounts, entries int) []*event.Entry {
	return archivetest.Signed(archivetest.Bank(seed, accounts, entries))
}

func count(entries []*event.Entry) (events int) {
	for _, e := range entries {
		events += len(e.Events)
	}
	return events
}

func TestARunAddsWhatIsNew(t *testing.T) {
	f, entries := newFixture(t), bank(1, 8, 300)
	f.seal(shard(0, 0), 0, entries[:100]...)
	f.seal(shard(0, 0), 0, entries[100:200]...)
	f.add(count(entries[:200]))
	f.check(entries[:200])
	if r := f.add(0); r.Segments != 0 || r.Snapshots != 0 || !r.OK() {
		t.Errorf("a run with nothing new: %+v", r)
	}
	f.seal(shard(0, 0), 1, entries[200:]...)
	f.events = 50 // less than the segment has
	if r := f.add(count(entries[200:])); r.Segments != 1 || !r.OK() {
		t.Errorf("%+v", r)
	}
	f.check(entries)
}

// failing fails at one of the objects that are created: before it is, or after. The library creates
// several at once.
type failing struct {
	bucket.Bucket
	left  atomic.Int64
	after bool
}

// failAt returns a bucket that fails at the object of a number, from 1.
func failAt(b bucket.Bucket, number int, after bool) *failing {
	f := &failing{Bucket: b, after: after}
	f.left.Store(int64(number))
	return f
}

var errCrash = errors.New("crash")

func (b *failing) Create(ctx context.Context, key string, data []byte) error {
	switch left := b.left.Add(-1); {
	case left > 0:
		return b.Bucket.Create(ctx, key, data)
	case left == 0 && b.after:
		return errors.Join(b.Bucket.Create(ctx, key, data), errCrash)
	}
	return errCrash
}

func TestACrashAtAnyStepLosesNothingAndDoublesNothing(t *testing.T) {
	entries := bank(2, 6, 120)
	steps := 0
	for _, after := range []bool{false, true} {
		for crash := 1; ; crash++ {
			f := newFixture(t)
			f.events = 60
			f.seal(shard(0, 0), 0, entries[:60]...)
			f.seal(shard(0, 0), 0, entries[60:]...)
			_, err := f.run(failAt(f.tables, crash, after))
			if err == nil {
				break
			}
			if !errors.Is(err, errCrash) {
				t.Fatalf("crash %d: %v", crash, err)
			}
			if _, err = f.run(f.tables); err != nil {
				t.Fatalf("after crash %d: %v", crash, err)
			}
			f.check(entries)
			steps++
		}
	}
	if steps < 20 {
		t.Errorf("%d crashes", steps)
	}
}

// A process that is killed between any two objects that it creates in S3 leaves the next one a
// table to continue.
func TestACrashAtAnyStepOnAWS(t *testing.T) {
	config, entries := awstest.Config(t), bank(2, 4, 60)
	for crash, over := 1, false; !over; crash++ {
		f := newFixture(t)
		name := awstest.Prefix(t) + "tables"
		tables := s3bucket.New(config, name)
		if err := tables.CreateBucket(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.tables, f.root = tables, "s3://"+name
		f.seal(shard(0, 0), 0, entries[:50]...)
		_, err := f.run(failAt(f.tables, crash, crash%2 == 0))
		if over = err == nil; !over && !errors.Is(err, errCrash) {
			t.Fatalf("crash %d: %v", crash, err)
		}
		if _, err = f.run(f.tables); err != nil {
			t.Fatalf("after crash %d: %v", crash, err)
		}
		f.seal(shard(0, 0), 1, entries[40:]...)
		if r, err := f.run(f.tables); err != nil || !r.OK() {
			t.Fatalf("after crash %d: %+v, %v", crash, r, err)
		}
		if _, err = f.merge(f.tables, archivetest.Start.AddDate(1, 0, 0)); err != nil {
			t.Fatalf("after crash %d: %v", crash, err)
		}
		f.check(entries)
		if over && crash < 8 {
			t.Errorf("%d crashes", crash)
		}
	}
}

func TestRepeatsTwoDaysLateAreNotAddedAgain(t *testing.T) {
	f, entries := newFixture(t), bank(3, 5, 100)
	f.seal(shard(0, 0), 0, entries...)
	f.add(count(entries))
	f.seal(shard(0, 1), 2, entries[20:70]...)
	if r := f.add(0); !r.OK() {
		t.Errorf("%+v", r)
	}
	f.check(entries)
}

// A run that adds no row records how far it read, so that it is not read again.
func TestARunOfRepeatsIsNotReadAgain(t *testing.T) {
	f, entries := newFixture(t), bank(3, 5, 100)
	f.seal(shard(0, 0), 0, entries[:60]...)
	f.add(count(entries[:60]))
	for day := range 2 {
		f.seal(shard(0, 1), day, entries[20:50]...)
		if r := f.add(0); r.Segments != 1 || r.Snapshots != 1 || !r.OK() {
			t.Errorf("a run of repeats: %+v", r)
		}
		if r := f.add(0); r.Segments != 0 || r.Snapshots != 0 {
			t.Errorf("the run after it: %+v", r)
		}
	}
	f.seal(shard(0, 0), 2, entries[60:]...)
	f.add(count(entries[60:]))
	f.check(entries)
	table, err := iceberg.Open(t.Context(), f.tables, f.root, 3)
	if err != nil || table.Rows() != int64(count(entries)) {
		t.Errorf("%d rows, %v", table.Rows(), err)
	}
}

// What waits in a segment that is lost afterwards is named as long as it is lost.
func TestAWaitingSegmentThatIsLostIsNamed(t *testing.T) {
	f, entries := newFixture(t), bank(4, 1, 40)
	f.seal(shard(0, 0), 0, entries[:10]...)
	key := f.seal(shard(0, 1), 0, entries[20:30]...)
	f.seal(shard(0, 1), 0, entries[:10]...)
	f.add(count(entries[:10]))
	away := filepath.Join(t.TempDir(), "away")
	if err := os.Rename(filepath.Join(f.archive, key), away); err != nil {
		t.Fatal(err)
	}
	if r := f.add(0); len(r.Gaps) != 1 || !strings.Contains(r.Gaps[0], key) {
		t.Errorf("%+v", r)
	}
	f.seal(shard(0, 2), 1, entries[10:20]...)
	if r := f.add(count(entries[10:20])); len(r.Gaps) != 1 {
		t.Errorf("%+v", r)
	}
	if err := os.Rename(away, filepath.Join(f.archive, key)); err != nil {
		t.Fatal(err)
	}
	f.seal(shard(0, 2), 1, entries[30:]...)
	if r := f.add(count(entries[20:])); !r.OK() {
		t.Errorf("%+v", r)
	}
	f.check(entries)
}

// What says how far the table has each account can be made again from the table.
func TestMarksThatAreLostOrDamagedAreMadeAgain(t *testing.T) {
	for name, harm := range map[string]func(file string) error{
		"lost":    os.Remove,
		"damaged": func(file string) error { return os.WriteFile(file, []byte("PAR1"), 0o600) },
	} {
		f, entries := newFixture(t), bank(11, 3, 60)
		f.seal(shard(0, 0), 0, entries[:30]...)
		f.add(count(entries[:30]))
		files, err := filepath.Glob(filepath.Join(strings.TrimPrefix(f.root, "file://"), "events", "marks", "*"))
		if err != nil || len(files) != 1 {
			t.Fatal(files, err)
		}
		err = os.Chmod(files[0], 0o600)
		if err == nil {
			err = harm(files[0])
		}
		if err != nil {
			t.Fatal(err)
		}
		f.seal(shard(0, 0), 1, entries[20:]...)
		if r := f.add(count(entries[30:])); !r.OK() {
			t.Errorf("%s: %+v", name, r)
		}
		f.check(entries)
	}
}

func TestWhatDoesNotFollowWaitsAndIsNamed(t *testing.T) {
	f, entries := newFixture(t), bank(4, 1, 30)
	f.seal(shard(0, 0), 0, entries[:10]...)
	f.seal(shard(0, 1), 0, entries[20:]...)
	r := f.add(count(entries[:10]))
	if len(r.Waiting) != 1 || r.Waiting[0].Account != "A-0" || r.Waiting[0].Version != entries[20].First {
		t.Errorf("%+v", r)
	}
	if r = f.add(0); len(r.Waiting) != 1 {
		t.Errorf("the next run: %+v", r)
	}
	f.seal(shard(0, 2), 1, entries[10:20]...)
	if r = f.add(count(entries[10:])); !r.OK() {
		t.Errorf("%+v", r)
	}
	f.check(entries)
}

// Whatever the order of the segments, and however they are divided among runs, the table has each
// event once in the end.
func TestAnyOrderOfSegmentsGivesTheSameEvents(t *testing.T) {
	for seed := range uint64(12) {
		random := rand.New(rand.NewPCG(seed, 1))
		f, entries := newFixture(t), bank(seed, 4, 120)
		f.events = 1 + random.Int64N(100)
		var parts [][]*event.Entry
		for i := 0; i < len(entries); i += 10 {
			parts = append(parts, entries[i:i+10])
		}
		parts = append(parts, entries[10:30], entries[90:])
		random.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
		var last eventtable.Result
		for i, part := range parts {
			f.seal(shard(0, random.IntN(3)), i/4, part...)
			if i < len(parts)-1 && random.IntN(3) > 0 {
				continue
			}
			var err error
			if last, err = f.run(f.tables); err != nil {
				t.Fatal(err)
			}
		}
		if !last.OK() {
			t.Errorf("seed %d: %+v", seed, last)
		}
		f.check(entries)
	}
}

// A bank that was begun again under the same stream name has other entries at the same versions.
func TestAForkIsNamedAndLeftOut(t *testing.T) {
	entries, other := bank(5, 1, 40), bank(6, 1, 40)
	for name, together := range map[string]bool{"in one run": true, "in a later run": false} {
		f := newFixture(t)
		f.seal(shard(0, 0), 0, entries...)
		if !together {
			f.add(count(entries))
		}
		f.seal(shard(1, 0), 1, other...)
		r, err := f.run(f.tables)
		if err != nil || r.OK() {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
		f.check(entries)
	}
}

// An entry at the next version counts only if it follows the account's last one by hash.
func TestTheNextVersionOfAnotherHistoryIsNotAdded(t *testing.T) {
	f, entries := newFixture(t), bank(12, 1, 30)
	other := *entries[20]
	other.Prev[0]++
	if _, err := event.Seal(&other, eventtest.Keys); err != nil {
		t.Fatal(err)
	}
	f.seal(shard(0, 0), 0, entries[:20]...)
	f.seal(shard(0, 0), 0, &other)
	if r := f.add(count(entries[:20])); len(r.Waiting) != 1 || r.Waiting[0].Version != other.First {
		t.Errorf("%+v", r)
	}
	f.seal(shard(0, 1), 1, entries[20:]...)
	if r := f.add(count(entries[20:])); len(r.Waiting) != 0 || len(r.Forks) != 1 {
		t.Errorf("%+v", r)
	}
	f.check(entries)
}

func TestForeignEntriesAreLeftOut(t *testing.T) {
	f, entries := newFixture(t), bank(7, 1, 20)
	forged := *entries[19]
	forged.MAC.Sum[0]++
	f.seal(shard(0, 0), 0, append(slices.Clone(entries[:19]), &forged)...)
	if r := f.add(count(entries[:19])); len(r.Foreign) != 1 || r.Foreign[0].Version != forged.First {
		t.Errorf("%+v", r)
	}
	f.check(entries[:19])
}

func TestAMissingSegmentIsNamedAndAddedWhenItIsBack(t *testing.T) {
	f, entries := newFixture(t), bank(8, 3, 90)
	f.seal(shard(0, 0), 0, entries[:30]...)
	key := f.seal(shard(0, 0), 0, entries[30:60]...)
	f.seal(shard(0, 0), 0, entries[60:]...)
	away := filepath.Join(t.TempDir(), "away")
	if err := os.Rename(filepath.Join(f.archive, key), away); err != nil {
		t.Fatal(err)
	}
	if r := f.add(count(entries[:30])); len(r.Gaps) != 1 || len(r.Waiting) != 3 {
		t.Errorf("%+v", r)
	}
	if err := os.Rename(away, filepath.Join(f.archive, key)); err != nil {
		t.Fatal(err)
	}
	if r := f.add(count(entries[30:])); !r.OK() {
		t.Errorf("%+v", r)
	}
	f.check(entries)
}

// What waits behind a gap is named at the end of a run, whatever came in its later parts.
func TestWhatWaitsBehindAGapIsNamedAfterLaterParts(t *testing.T) {
	f, entries := newFixture(t), bank(14, 1, 60)
	f.events = 1
	lost := f.seal(shard(0, 0), 0, entries[:20]...)
	f.seal(shard(0, 0), 0, entries[20:40]...)
	f.seal(shard(0, 1), 1, entries[40:]...)
	if err := os.Remove(filepath.Join(f.archive, lost)); err != nil {
		t.Fatal(err)
	}
	if r := f.add(0); len(r.Waiting) != 1 || r.Waiting[0].Version != entries[20].First {
		t.Errorf("%+v", r)
	}
}

func TestOfTwoRunsAtOnceTheLaterOneFails(t *testing.T) {
	f, entries := newFixture(t), bank(9, 3, 60)
	f.seal(shard(0, 0), 0, entries[:30]...)
	f.add(count(entries[:30]))
	f.seal(shard(0, 0), 0, entries[30:]...)
	slow, err := iceberg.Open(t.Context(), f.tables, f.root, 3)
	if err != nil {
		t.Fatal(err)
	}
	f.add(count(entries[30:]))
	if _, err = f.runOn(slow); !errors.Is(err, eventtable.ErrConflict) {
		t.Errorf("%v", err)
	}
	f.check(entries)
}

func TestATableOfAnotherBankIsRefused(t *testing.T) {
	f, entries := newFixture(t), bank(10, 1, 5)
	f.seal(shard(0, 0), 0, entries...)
	f.add(count(entries))
	table, err := iceberg.Open(t.Context(), f.tables, f.root, 3)
	if err != nil {
		t.Fatal(err)
	}
	_, err = eventtable.Run(t.Context(), eventtable.Config{Archive: f.from, Table: table, Events: 1, Origin: &origin.Proof{Bank: "another"}})
	if err == nil || !strings.Contains(err.Error(), "another") {
		t.Errorf("%v", err)
	}
}
