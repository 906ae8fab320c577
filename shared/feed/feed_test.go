package feed_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/admission"
	"passbook/shared/feed"
	"passbook/shared/feed/feedtest"
	"passbook/shared/web"
)

// Each filter selects its events and no others, and several are combined.
func TestFiltersSelect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBank(t)
		time.Sleep(5 * time.Minute)
		b.open("A", "EUR", "h1")
		b.open("B", "USD", "h2")
		b.open("C", "EUR", "h1")
		for _, id := range []string{"A", "B", "C"} {
			b.credit(id, 500)
			b.withdraw(id, 100)
		}
		time.Sleep(3 * time.Minute)
		middle := time.Now().UTC()
		time.Sleep(time.Second)
		b.withdraw("A", 200)
		all := []string{"A:1", "A:2", "A:3", "A:4", "B:1", "B:2", "B:3", "C:1", "C:2", "C:3"}
		for query, want := range map[string][]string{
			"":                                  all,
			"type=MoneyCredited":                {"A:2", "B:2", "C:2"},
			"type=MoneyWithdrawn,AccountOpened": {"A:1", "A:3", "A:4", "B:1", "B:3", "C:1", "C:3"},
			"account=B":                         {"B:1", "B:2", "B:3"},
			"account=nobody":                    nil,
			"holder=h1":                         {"A:1", "A:2", "A:3", "A:4", "C:1", "C:2", "C:3"},
			"holder=h1&type=MoneyCredited":      {"A:2", "C:2"},
			"currency=USD":                      {"B:1", "B:2", "B:3"},
			"currency=EUR&min_amount=200":       {"A:2", "A:4", "C:2"},
			"min_amount=501":                    nil,
			"account=A&type=MoneyWithdrawn":     {"A:3", "A:4"},
			"from=" + middle.Format(time.RFC3339Nano): {"A:4"},
		} {
			if !strings.Contains(query, "from=") {
				query += "&from=" + middle.Add(-4*time.Minute).Format(time.RFC3339Nano)
			}
			r := feedtest.Open(t, b.feed, query+"&until=now")
			if why := ended(t, r, time.Minute); why != "complete" || r.Err != nil {
				t.Errorf("%s: ended with %q, %v", query, why, r.Err)
			}
			got := r.Events()
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("%s: %v, want %v", query, got, want)
			}
		}
	})
}

// A feed tells at least every 10 seconds that it lives, with a cursor from which nothing is missed.
func TestHeartbeatsComeInSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBank(t)
		b.open("A", "EUR", "")
		time.Sleep(time.Second)
		r := begun(feedtest.Open(t, b.feed, ""))
		time.Sleep(2 * time.Minute)
		items := r.Items()
		for i, item := range items {
			if i > 0 && (item.Heartbeat == "" || item.Cursor == "" || item.At.Sub(items[i-1].At) > 10*time.Second) {
				t.Errorf("item %d: %+v, %v after the one before", i, item, item.At.Sub(items[i-1].At))
			}
		}
		if len(items) < 12 {
			t.Errorf("%d items in two minutes", len(items))
		}
		r.Close()
		b.credit("A", 1)
		b.credit("A", 2)
		again := feedtest.Open(t, b.feed, "until=now&cursor="+r.Cursor())
		if why := ended(t, again, time.Minute); why != "complete" {
			t.Fatalf("ended with %q, %v", why, again.Err)
		}
		if got := again.Events(); !slices.Contains(got, "A:2") || !slices.Contains(got, "A:3") {
			t.Errorf("after the cursor came %v", got)
		}
	})
}

// A reader that takes more than 30 seconds for 16 KB is told so and cut; one that takes less stays.
func TestASlowReaderIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBank(t)
		b.open("A", "EUR", "")
		for pause, want := range map[time.Duration]string{29 * time.Second: "", 31 * time.Second: "reader-too-slow"} {
			r := feedtest.OpenSlow(t, b.feed, "", pause)
			time.Sleep(3 * time.Minute)
			if got := r.Bye(); got != want {
				t.Errorf("a reader that takes %v: ended with %q, want %q", pause, got, want)
			}
			r.Close()
		}
	})
}

// The 257th feed of a process is refused at once, and a place is free again when a feed ends.
func TestTheFeedsOfAProcessAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBank(t)
		var readers []*feedtest.Reader
		for range feed.MaxConnections {
			readers = append(readers, begun(feedtest.Open(t, b.feed, "")))
		}
		more := feedtest.Open(t, b.feed, "")
		<-more.Done
		if !errors.Is(more.Err, admission.ErrFull) && !errors.Is(more.Err, admission.ErrShare) {
			t.Errorf("one more: %v", more.Err)
		}
		readers[7].Close()
		begun(feedtest.Open(t, b.feed, ""))
	})
}

// The end of a feed has its reason: the server stops, the caller may read no more.
func TestFeedsSayWhyTheyEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBank(t)
		r := begun(feedtest.Open(t, b.feed, ""))
		b.server.Refuse(web.Refuse(web.ProblemType{Code: "forbidden"}))
		if why := ended(t, r, 2*time.Minute); why != "access-refused" {
			t.Errorf("of a caller who may read no more: %q", why)
		}
		b.server.Refuse(nil)
		r = begun(feedtest.Open(t, b.feed, ""))
		b.server.Drain()
		if why := ended(t, r, time.Second); why != "shutting-down" || r.Cursor() == "" {
			t.Errorf("of a server that stops: %q, cursor %q", why, r.Cursor())
		}
		late := feedtest.Open(t, b.feed, "")
		<-late.Done
		if p, ok := web.AsProblem(late.Err); !ok || p.Code != web.ShuttingDown.Code {
			t.Errorf("a feed of a server that stops: %v", late.Err)
		}
	})
}

// Without an archive earliest is refused, and says what is needed.
func TestEarliestNeedsTheArchive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := feedtest.Open(t, newBank(t).feed, "from=earliest")
		<-r.Done
		if p, ok := web.AsProblem(r.Err); !ok || p.Code != "feed-history-missing" || !strings.Contains(p.Detail, "--bucket") {
			t.Errorf("%v", r.Err)
		}
	})
}
