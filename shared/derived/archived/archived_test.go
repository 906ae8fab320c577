package archived_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"passbook/shared/archive/archivetest"
	"passbook/shared/bucket"
	"passbook/shared/bucket/dirbucket"
	"passbook/shared/derived"
	"passbook/shared/derived/archived"
	"passbook/shared/event"
	"passbook/shared/segment"
)

// all are the types of events.
var all = []string{
	"AccountOpened", "MoneyCredited", "MoneyWithdrawn", "WithdrawalDeclined", "HoldPlaced", "HoldCaptured",
	"HoldReleased", "TransactionReversed",
}

// fixture is an archive of two tenants in two shards, of which the second has some entries of the
// first again.
type fixture struct {
	dir     string
	bucket  bucket.Bucket
	entries []*event.Entry
	keys    []string
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{dir: t.TempDir(), entries: archivetest.Tenants(3, 4, 24, "north", "south")}
	var err error
	f.bucket, err = dirbucket.New(f.dir)
	must(t, err)
	var first, second []*event.Entry
	for i, e := range f.entries {
		if i%2 == 0 || i%5 == 0 {
			first = append(first, e)
		}
		if i%2 == 1 {
			second = append(second, e)
		}
	}
	f.seal(t, "shardId-000000000000", first)
	f.seal(t, "shardId-000000000001", second)
	return f
}

// seal puts entries into segments of 6 records.
func (f *fixture) seal(t *testing.T, shard string, entries []*event.Entry) {
	t.Helper()
	source := segment.Source{Stream: "passbook-events", Created: archivetest.Start.Truncate(time.Second), Shard: shard}
	records, link := archivetest.Records(entries), segment.Link{}
	for i := range records {
		records[i].Arrived = archivetest.Start.Add(time.Duration(i) * 10 * time.Minute)
	}
	for part := range slices.Chunk(records, 6) {
		w := segment.NewWriter(segment.Format, "bank-1", source, link)
		for _, r := range part {
			must(t, w.Append(r))
		}
		sealed, err := w.Seal()
		must(t, err)
		must(t, f.bucket.Create(t.Context(), sealed.Key, sealed.Data))
		link = segment.Link{Key: sealed.Key, Last: sealed.Footer.Last, Sum: sealed.Footer.Sum}
		f.keys = append(f.keys, sealed.Key)
	}
}

// want returns what a filter selects, newest first.
func (f *fixture) want(filter derived.Filter, to time.Time) (ids []string) {
	type found struct{ place, id string }
	var list []found
	for _, e := range f.entries {
		for _, ev := range e.Events {
			if e.Tenant == filter.Tenant && filter.Matches(e, ev) && !e.RecordedAt.Before(filter.From) && e.RecordedAt.Before(to) {
				list = append(list, found{fmt.Sprintf("%s#%09d", derived.PlaceOf(e), ev.Version), e.Account().EventID(ev.Version)})
			}
		}
	}
	slices.SortFunc(list, func(a, b found) int { return cmp.Compare(b.place, a.place) })
	for _, l := range list {
		ids = append(ids, l.id)
	}
	return ids
}

// read returns all pages of a list, each position parsed from its text, up to an error.
func read(ctx context.Context, x *archived.Events, filter derived.Filter, before time.Time, limit int) (ids []string, pages int, err error) {
	at := derived.Before(before)
	for {
		found, next, err := x.List(ctx, filter, at, limit)
		if err != nil {
			return ids, pages, err
		}
		pages++
		for _, l := range found {
			ids = append(ids, l.Entry.Account().EventID(l.Version))
		}
		if next == nil {
			return ids, pages, nil
		}
		if next.String() == at.String() || len(found) > limit || pages > 1000 {
			return ids, pages, fmt.Errorf("page %d of %d events leads from %s to %s", pages, len(found), at, next)
		}
		if at, err = derived.ParsePosition(next.String()); err != nil {
			return ids, pages, err
		}
	}
}

func TestEveryFilterGivesEachEventOnceNewestFirst(t *testing.T) {
	f := newFixture(t)
	far := archivetest.Start.AddDate(1, 0, 0)
	some := f.entries[20] // north
	for name, c := range map[string]struct {
		filter derived.Filter
		before time.Time
	}{
		"all":                    {derived.Filter{Types: all}, far},
		"of the other tenant":    {derived.Filter{Types: all, Tenant: "south"}, far},
		"of no tenant":           {derived.Filter{Types: all, Tenant: "west"}, far},
		"of a type":              {derived.Filter{Types: []string{"MoneyCredited"}}, far},
		"of an actor":            {derived.Filter{Types: all, Actor: "withdraw"}, far},
		"of an unknown actor":    {derived.Filter{Types: all, Actor: "nobody"}, far},
		"of a correlation id":    {derived.Filter{Types: all, CorrelationID: some.Commands[0].CorrelationID}, far},
		"from":                   {derived.Filter{Types: all, From: some.RecordedAt}, far},
		"to":                     {derived.Filter{Types: all, To: some.RecordedAt}, far},
		"before a position":      {derived.Filter{Types: all}, some.RecordedAt},
		"a window of one moment": {derived.Filter{Types: all, From: some.RecordedAt, To: some.RecordedAt.Add(time.Microsecond)}, far},
	} {
		c.filter.Tenant = cmp.Or(c.filter.Tenant, "north")
		to := c.before
		if !c.filter.To.IsZero() && c.filter.To.Before(to) {
			to = c.filter.To
		}
		want := f.want(c.filter, to)
		if empty := name == "of no tenant" || name == "of an unknown actor"; empty != (len(want) == 0) {
			t.Fatalf("%s: the test expects %d events", name, len(want))
		}
		for _, limit := range []int{3, 100} {
			for _, rows := range []int64{1, 10_000} {
				x := archived.New(archived.Config{Bucket: f.bucket, Bank: "bank-1"})
				x.Bound(rows)
				got, _, err := read(t.Context(), x, c.filter, c.before, limit)
				if err != nil || !slices.Equal(got, want) {
					t.Errorf("%s, by %d, %d rows a page: %v\n%v\nnot\n%v", name, limit, rows, err, got, want)
				}
			}
		}
	}
}

// A page of few rows ends early, though there is more.
func TestPageIsBounded(t *testing.T) {
	f := newFixture(t)
	pages := map[int64]int{}
	for _, rows := range []int64{1, 10_000} {
		x := archived.New(archived.Config{Bucket: f.bucket})
		x.Bound(rows)
		var err error
		_, pages[rows], err = read(t.Context(), x, derived.Filter{Tenant: "north", Types: all}, archivetest.Start.AddDate(1, 0, 0), 1000)
		must(t, err)
	}
	if pages[10_000] != 1 || pages[1] < 5 {
		t.Errorf("pages by the bound of rows: %v", pages)
	}
	counted := &counting{Bucket: f.bucket}
	x := archived.New(archived.Config{Bucket: counted})
	for _, limit := range []int{1000, 1} {
		counted.opened.Store(0)
		_, _, err := x.List(t.Context(), derived.Filter{Tenant: "north", Types: all}, derived.Before(archivetest.Start.AddDate(1, 0, 0)), limit)
		must(t, err)
	}
	if n := int(counted.opened.Load()); n == 0 || n >= len(f.keys) {
		t.Errorf("%d of %d segments were read for one event", n, len(f.keys))
	}
	x.Occupy()
	if _, _, err := x.List(t.Context(), derived.Filter{Tenant: "north", Types: all}, derived.Before(archivetest.Start), 1); !errors.Is(err, derived.ErrBusy) {
		t.Errorf("a page too many: %v", err)
	}
}

// counting counts the objects that are opened.
type counting struct {
	bucket.Bucket
	opened atomic.Int64
}

func (c *counting) Open(ctx context.Context, key string) (bucket.Object, error) {
	c.opened.Add(1)
	return c.Bucket.Open(ctx, key)
}

// Damage is named after everything that is surely newer, and an answer that needs none of it is
// given.
func TestDamageEndsTheListAndIsNamed(t *testing.T) {
	for name, damage := range map[string]func(path string) error{
		"cut": func(path string) error { return os.Truncate(path, 100) }, "gone": os.Remove, "turned": turn,
	} {
		f := newFixture(t)
		key := f.keys[3]
		opened, err := segment.Open(t.Context(), f.bucket, key)
		must(t, err)
		must(t, damage(filepath.Join(f.dir, key)))
		x := archived.New(archived.Config{Bucket: f.bucket, Bank: "bank-1"})
		x.Bound(1)
		filter, far := derived.Filter{Tenant: "north", Types: all}, archivetest.Start.AddDate(1, 0, 0)
		got, _, err := read(t.Context(), x, filter, far, 3)
		var damaged *derived.DamageError
		if !errors.As(err, &damaged) || !strings.Contains(err.Error(), key) {
			t.Errorf("%s: %v", name, err)
		}
		if want := f.want(filter, far); len(got) == len(want) || !slices.Equal(got, want[:len(got)]) {
			t.Errorf("%s: before the damage %v\nnot a beginning of\n%v", name, got, want)
		}
		after := time.UnixMicro(opened.Footer.Recorded.To).Add(12 * time.Hour)
		filter.From = after
		if got, _, err := read(t.Context(), x, filter, far, 3); err != nil || len(got) != len(f.want(filter, far)) {
			t.Errorf("%s: of later events %v, %v", name, got, err)
		}
	}
}

// turn changes a byte in the pages of a segment, which its footer does not show.
func turn(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	data[200] ^= 1
	return os.WriteFile(path, data, 0o600)
}

// foreign takes entries of one account for those of another bank.
type foreign string

func (f foreign) Check(_ context.Context, e *event.Entry) error {
	if e.AccountID == string(f) {
		return event.ErrForeign
	}
	return nil
}

func TestForeignEntriesAreNotListed(t *testing.T) {
	f := newFixture(t)
	filter, far := derived.Filter{Tenant: "north", Types: all}, archivetest.Start.AddDate(1, 0, 0)
	got, _, err := read(t.Context(), archived.New(archived.Config{Bucket: f.bucket, Origin: foreign("A-1")}), filter, far, 100)
	want := slices.DeleteFunc(f.want(filter, far), func(id string) bool { return strings.HasPrefix(id, "A-1:") })
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v\n%v\nnot\n%v", err, got, want)
	}
}

func TestPositionsAreChecked(t *testing.T) {
	for _, text := range []string{"", "#", "1#1", "0000000000000001#-1", "0000000000000001#x", "0000000000000001#A-1#1#00000000#1", "-000000000000001#0"} {
		if _, err := derived.ParsePosition(text); !errors.Is(err, derived.ErrPosition) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
