package keyindex

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"passbook/shared/event"
	"passbook/shared/storetest"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/table"
)

// A filter has every key of its pages, seems to have one in a thousand others at most, and fits
// into a row.
func TestFilterHasItsKeysAndFewOthers(t *testing.T) {
	pages := newPages(FilterPages)
	stored := make([]Page, 0, FilterPages)
	for i := range pages {
		stored = append(stored, pages[len(pages)-1-i])
	}
	f := newFilter(0, stored)
	for v := range int64(FilterPages * PageSpan) {
		if !f.has(hashKey(fmt.Sprint("k", v+1))) {
			t.Fatalf("k%d is missing", v+1)
		}
	}
	others := 0
	for i := range 100_000 {
		if f.has(hashKey(fmt.Sprint("new", i))) {
			others++
		}
	}
	if others > 100 {
		t.Errorf("the filter seems to have %d of 100,000 other keys", others)
	}
	if size := len(f.Bits) + len(f.Times); size > table.MaxItemBytes/2 {
		t.Errorf("a filter of one key a version has %d bytes", size)
	}
	agrees := func() bool {
		for _, p := range pages {
			if !f.Agrees(p) {
				return false
			}
		}
		return true
	}
	late, other := pages[0], newPages(FilterPages + 1)[0]
	late.At = late.At.Add(time.Microsecond)
	if !agrees() || f.Agrees(late) || f.Agrees(other) {
		t.Error("the filter does not agree with its pages, or does with a page of another time or another filter")
	}
	f.Bits[len(f.Bits)/2] = 0
	if agrees() {
		t.Error("the filter agrees with pages whose keys it lacks")
	}
}

func TestBrokenFilterIsRefused(t *testing.T) {
	if _, err := StoredFilter(0, nil, make([]byte, 8*FilterPages-8)); err == nil {
		t.Error("accepted")
	}
}

// past is an account whose entries exist, and what a test knows of it.
type past struct {
	store   Store
	account event.Account
	entries []*event.Entry
	version int64
	now     time.Time
	used    map[string]*event.Entry
}

// newPast returns an account without entries, whose pages and filters are in the table.
func newPast(tbl table.Table, id string) *past {
	p := &past{account: event.Account{Tenant: "main", ID: id}, now: began, used: map[string]*event.Entry{}}
	p.store = Store{
		Table: tbl, Name: "journal", Now: func() time.Time { return p.now }, Slack: time.Minute, Filters: make(chan Wanted, 8),
		Entries: func(_ context.Context, _ event.Account, from, to int64) iter.Seq2[*event.Entry, error] {
			return func(yield func(*event.Entry, error) bool) {
				for _, e := range p.entries {
					if e.First >= from && e.First <= to && !yield(e, nil) {
						return
					}
				}
			}
		},
	}
	return p
}

// commit adds an entry of so many versions and keys, a while after the last one.
func (p *past) commit(x *Index, versions int64, keys int, later time.Duration) {
	p.now = p.now.Add(later)
	e := &event.Entry{First: p.version + 1, Last: p.version + versions, RecordedAt: p.now}
	for i := range keys {
		c := event.Command{Key: fmt.Sprint(p.version, "-", i), First: e.First + int64(i)}
		e.Commands = append(e.Commands, c)
		p.used[c.Key] = e
	}
	p.entries, p.version = append(p.entries, e), e.Last
	x.Add(e)
}

// makeFilters makes the filters that are asked for, if the process lives long enough.
func (p *past) makeFilters(t *rapid.T, lives bool) {
	for len(p.store.Filters) > 0 {
		if w := <-p.store.Filters; lives {
			if err := p.store.MakeFilter(context.Background(), w); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// restart returns the index as another process loads it.
func (p *past) restart(t *rapid.T) Index {
	x, err := p.store.Load(context.Background(), p.account, p.version, p.now)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// check looks for keys of the last 24 hours, and for one that nobody used. Most tests look for some
// only, as to look for a key reads the pages behind its filter.
func (p *past) check(t *rapid.T, x *Index, most int) {
	find := func(key string) (int64, bool) {
		version, used, err := p.store.Find(context.Background(), p.account, x, key)
		if err != nil {
			t.Fatal(err)
		}
		return version, used
	}
	for key, e := range p.used {
		if most == 0 {
			break
		}
		if p.now.Sub(e.RecordedAt) > Window {
			continue
		}
		most--
		if version, used := find(key); !used || version < e.First || version > e.Last {
			t.Fatalf("key %s of v%d, %v ago: version %d, %v", key, e.First, p.now.Sub(e.RecordedAt), version, used)
		}
	}
	for range 20 {
		if _, used := find(fmt.Sprint("new", rand.Int())); used {
			t.Fatal("found a key that was never there")
		}
	}
}

// A key that was used within 24 hours is found after any restarts, where pages and filters are
// stored, are missing or were made by a release before, which made no filters.
func TestUsedKeyIsFoundAfterRestarts(t *testing.T) {
	tbl, accounts, filtered := storetest.Memory(t, pebblestream.Options{}, table.Schema{Name: "journal"}).Table.Table, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		accounts++
		p := newPast(tbl, fmt.Sprint("A-", accounts))
		var x Index
		saves, filters := rapid.IntRange(0, 10).Draw(t, "saves"), rapid.IntRange(0, 10).Draw(t, "filters")
		minutes := rapid.IntRange(1, 12).Draw(t, "minutes")
		for range rapid.IntRange(1, 400).Draw(t, "entries") {
			later := time.Duration(rapid.IntRange(0, minutes).Draw(t, "later")) * time.Minute
			if rapid.IntRange(0, 199).Draw(t, "gap") == 0 {
				later = 30 * time.Hour
			}
			p.commit(&x, rapid.Int64Range(3, 2500).Draw(t, "versions"), rapid.IntRange(0, 3).Draw(t, "keys"), later)
			if rapid.IntRange(0, 9).Draw(t, "saved") < saves {
				p.store.SaveAll(context.Background(), p.account, &x)
				p.makeFilters(t, rapid.IntRange(0, 9).Draw(t, "filtered") < filters)
			}
			if rapid.IntRange(0, 49).Draw(t, "restarts") == 0 {
				x = p.restart(t)
				for _, s := range x.spans {
					if s.filter != nil {
						filtered++
					}
				}
				p.check(t, &x, rapid.SampledFrom([]int{0, 5}).Draw(t, "looked for"))
			}
		}
		p.check(t, &x, 1000)
		x = p.restart(t)
		p.check(t, &x, 1000)
	})
	if filtered == 0 {
		t.Error("no account was loaded with a filter")
	}
}

// An account of many filters is loaded without the pages that they cover, and with the same span of
// time as by its pages alone.
func TestLoadReadsFiltersInThePlaceOfPages(t *testing.T) {
	p := newPast(storetest.Memory(t, pebblestream.Options{}, table.Schema{Name: "journal"}).Table.Table, "A-1")
	var x Index
	for range 5*FilterPages + 10 {
		p.commit(&x, PageSpan, 100, 6*time.Minute)
	}
	p.store.SaveAll(t.Context(), p.account, &x)
	if len(p.store.Filters) != 5 {
		t.Fatalf("%d filters were asked for", len(p.store.Filters))
	}
	load := func() Index {
		x, err := p.store.Load(t.Context(), p.account, p.version, p.now)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	for len(p.store.Filters) > 0 {
		<-p.store.Filters
	}
	paged := load()
	for len(p.store.Filters) > 0 {
		if err := p.store.MakeFilter(t.Context(), <-p.store.Filters); err != nil {
			t.Fatal(err)
		}
	}
	filtered := load()
	filters := 0
	for _, s := range filtered.spans {
		if s.filter != nil {
			filters++
		}
	}
	if filters < 3 || !filtered.since.Equal(paged.since) || filtered.since.IsZero() {
		t.Errorf("%d filters, since %v; by the pages since %v", filters, filtered.since, paged.since)
	}
	if filtered.Count()*3 > paged.Count() {
		t.Errorf("the filters take as much memory as %d keys, and the pages have %d", filtered.Count(), paged.Count())
	}
	before := filtered.Count()
	if _, used, err := p.store.Find(t.Context(), p.account, &filtered, fmt.Sprint(p.version-200*PageSpan, "-7")); err != nil || !used {
		t.Errorf("a key behind a filter: %v, %v", used, err)
	}
	if grew := filtered.Count() - before; grew < 5000 || grew > 8000 {
		t.Errorf("after one of 64 pages with 100 keys each was looked into, %d more keys are remembered", grew)
	}
}
