package feed_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/event"
	"passbook/shared/faults"
	"passbook/shared/feed"
	"passbook/shared/feed/feedtest"
	"passbook/shared/journal"
	"passbook/shared/stream"
)

// origin takes every entry, but fails to find out for some calls.
type origin struct{ fails atomic.Int64 }

func (o *origin) Check(context.Context, *event.Entry) error {
	if o.fails.Add(-1) >= 0 {
		return errors.New("the table of keys is away")
	}
	return nil
}

func (o *origin) CheckFormat(context.Context, int) error { return event.ErrForeign }

func (o *origin) BankFormat() int { return 2 }

// overFanOut has the bank serve feeds as a process on AWS with fan-out does.
func (b *bank) overFanOut(o *origin) *faults.FanOut {
	ctx, cancel := context.WithCancel(context.Background())
	fanOut := faults.NewFanOut(b.store.Streams)
	b.feed = feed.New(feed.Config{
		Stream: events, Streams: fanOut.Stream(struct{ stream.Stream }{b.store.Streams}), Journal: journal.NewReader(b.store.Table), Table: b.store.Table,
		Owner: "a/a", Origin: o, Server: func() feed.Server { return b.server }, Registry: prometheus.NewRegistry(), Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	var running sync.WaitGroup
	running.Go(func() { _ = b.feed.Run(ctx) })
	b.t.Cleanup(func() { cancel(); running.Wait() })
	return fanOut
}

// An event whose origin cannot be checked at first comes when it can.
func TestAFailedCheckLosesNoEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, o := newBank(t), &origin{}
		b.overFanOut(o)
		for _, id := range []string{"A", "B", "C"} {
			b.open(id, "EUR", "")
		}
		r := begun(feedtest.Open(t, b.feed, ""))
		time.Sleep(time.Minute)
		o.fails.Store(2)
		for _, id := range []string{"A", "B", "C"} {
			b.credit(id, 1)
			time.Sleep(10 * time.Second)
		}
		if got := r.Events(); !slices.Contains(got, "A:2") || !slices.Contains(got, "B:2") || !slices.Contains(got, "C:2") {
			t.Errorf("got %v", got)
		}
	})
}

// A feed continues in the children of a shard, each event once and in order.
func TestAFeedOverFanOutFollowsASplit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBank(t)
		b.overFanOut(&origin{})
		ids := []string{"A", "B", "C", "D", "E", "F"}
		for _, id := range ids {
			b.open(id, "EUR", "")
		}
		time.Sleep(time.Minute)
		r := begun(feedtest.Open(t, b.feed, ""))
		var want []string
		for round := range 4 {
			for _, id := range ids {
				b.credit(id, 1)
				want = append(want, fmt.Sprintf("%s:%d", id, round+2))
			}
			time.Sleep(2 * time.Minute)
			shards, err := b.store.Streams.Shards(t.Context(), events)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range shards {
				if !s.Closed {
					if err := b.store.Streams.Split(t.Context(), events, s.ID); err != nil {
						t.Fatal(err)
					}
					break
				}
			}
			time.Sleep(2 * time.Second)
		}
		time.Sleep(time.Minute)
		newest := map[string]int{}
		got := r.Events()
		for _, e := range got {
			id, text, _ := strings.Cut(e, ":")
			if v, _ := strconv.Atoi(text); v > newest[id] {
				newest[id] = v
			} else {
				t.Errorf("%s after version %d", e, newest[id])
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}
