package pipeline

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"passbook/balance"
	"passbook/shared/bucket/dirbucket"
	"passbook/shared/faults"
	"passbook/shared/feed"
	"passbook/shared/feed/feedtest"
	"passbook/shared/journal"
	"passbook/shared/readmodel"
)

// feeds is a process that serves feeds.
type feeds struct {
	*faults.Client
	*feed.Feed
}

// feeds runs a process that serves feeds, without fan-out.
func (b *bank) feeds(name string) feeds {
	c := faults.NewClient(roundTrip)
	rows := c.Table(b.tables)
	f := feed.New(feed.Config{
		Stream: events, Streams: c.Stream(b.streams), Journal: journal.NewReader(rows), Table: rows, Owner: name + "/" + name,
		Server: func() feed.Server { return &feedtest.Server{} }, Registry: prometheus.NewRegistry(), Log: quiet,
	})
	b.run(f.Run)
	return feeds{c, f}
}

// A shard allows 5 reads a second. With every consumer on, a generation of the balances being
// rebuilt beside the live one, and feeds without fan-out, of which some catch up, it is read less
// often, and a feed misses nothing.
func TestReadsOfAShardWithFeeds(t *testing.T) {
	warm(t)
	root, err := dirbucket.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		l := newLoad(t, 2)
		a := l.archive(root)
		defer a.stop()
		if _, err := readmodel.StartCandidate(t.Context(), l.store, balance.Table, nil); err != nil {
			t.Fatal(err)
		}
		f := l.feeds("one")
		began := time.Now()
		newest := feedtest.Open(t, f.Feed, "")
		newest.Until(30*time.Second, "the header", func(items []feedtest.Item) bool { return len(items) > 0 })
		other := feedtest.Open(t, l.feeds("other").Feed, "")
		past := []*feedtest.Reader{}
		counts := func() faults.Counts { return l.counts().Add(a.Snapshot()).Add(f.Snapshot()) }
		before, counted := counts(), time.Now()
		for n := range 120 {
			if n%30 == 10 {
				past = append(past, feedtest.Open(t, f.Feed, "from="+began.UTC().Format(time.RFC3339)))
			}
			l.round(n, 1)
			time.Sleep(500 * time.Millisecond)
		}
		got := counts().Sub(before)
		if each := got.Of(faults.Gets, events) / time.Since(counted).Seconds(); each > 5 || each < 4.5 {
			t.Errorf("%.2f reads of the shard a second", each)
		}
		if refused := got.Of(faults.Throttled, events); refused != 0 {
			t.Errorf("%v reads were refused", refused)
		}
		for _, r := range append(past, newest) {
			r.Until(30*time.Second, "all events", func([]feedtest.Item) bool { return len(r.Events()) >= 240 })
			ids := r.Events()
			slices.Sort(ids)
			if n := len(slices.Compact(ids)); n != 240 || len(r.Events()) != 240 {
				t.Errorf("%d events, %d different", len(r.Events()), n)
			}
			if last := r.Items()[len(r.Items())-1]; last.Heartbeat != "" && last.Source != "polling" {
				t.Errorf("a heartbeat says %q", last.Source)
			}
		}
		<-other.Done
		if other.Err == nil {
			t.Error("two processes serve feeds without fan-out")
		}
		l.within(5*time.Second, "all is projected", func() bool { return l.projected(l.accounts...) })
	})
}
