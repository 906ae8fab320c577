package feed_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/account"
	"passbook/shared/event"
	"passbook/shared/event/eventtest"
	"passbook/shared/feed"
	"passbook/shared/feed/feedtest"
	"passbook/shared/journal"
	"passbook/shared/publisher"
	"passbook/shared/storetest"
	"passbook/shared/stream/pebblestream"
)

const events = "events"

// bank is a writer, its stream, and a process that serves feeds.
type bank struct {
	*journal.Journal
	t      *testing.T
	store  *storetest.Store
	server *feedtest.Server
	feed   *feed.Feed
	keys   int
}

func newBank(t *testing.T) *bank {
	t.Helper()
	store := storetest.Memory(t, pebblestream.Options{}, journal.Schemas...)
	if err := store.Streams.CreateStream(t.Context(), events, 2); err != nil {
		t.Fatal(err)
	}
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	published := publisher.New(publisher.Config{Streams: store.Streams, Stream: events})
	j, err := journal.Open(t.Context(), journal.Config{Table: store.Table, Outbox: published, Origin: eventtest.Origin{}, Metrics: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	published.SetAcked(j.Acked)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = published.Run(ctx) })
	b := &bank{Journal: j, t: t, store: store, server: &feedtest.Server{}}
	b.feed = feed.New(feed.Config{
		Stream: events, Streams: store.Streams, Journal: journal.NewReader(store.Table), Table: store.Table,
		Server: func() feed.Server { return b.server }, Registry: prometheus.NewRegistry(), Log: quiet,
	})
	t.Cleanup(func() {
		closing, stop := context.WithTimeout(context.Background(), 10*time.Second)
		defer stop()
		if err := j.Close(closing); err != nil {
			t.Error(err)
		}
		cancel()
		running.Wait()
	})
	return b
}

// do executes a command on an account.
func (b *bank) do(id string, draft func(*account.Draft)) {
	b.t.Helper()
	b.keys++
	key := fmt.Sprint("k", b.keys)
	a := event.Account{Tenant: "main", ID: id}
	r, err := b.Execute(b.t.Context(), journal.Command{
		Account: a, Key: key, Request: journal.RequestHash("test", id, []byte(key)), Status: 201, Actor: event.Text{Plain: "test"},
		Decide: func(s account.State, now time.Time) account.Decision {
			d := account.NewDraft(s, now)
			draft(d)
			return d.Decision()
		},
	})
	if err != nil || r.Rejection != nil {
		b.t.Fatalf("%s: %v, %+v", key, err, r.Rejection)
	}
}

func (b *bank) open(id, currency, holder string) {
	b.t.Helper()
	b.do(id, func(d *account.Draft) { d.Open(currency, event.AccountOpened{Exponent: 2, HolderRef: holder}) })
}

func (b *bank) credit(id string, amount int64) {
	b.t.Helper()
	b.do(id, func(d *account.Draft) {
		d.Credit(event.MoneyCredited{Amount: amount, Kind: event.KindDeposit}, d.Today())
	})
}

func (b *bank) withdraw(id string, amount int64) {
	b.t.Helper()
	b.do(id, func(d *account.Draft) {
		d.Debit(event.OpWithdraw, event.MoneyWithdrawn{Amount: amount, Kind: event.KindCash}, d.Today())
	})
}

// begun waits until a feed has begun.
func begun(r *feedtest.Reader) *feedtest.Reader {
	r.Until(time.Minute, "the header", func(items []feedtest.Item) bool { return len(items) > 0 })
	return r
}

// ended waits until a feed has ended, and returns why.
func ended(t *testing.T, r *feedtest.Reader, most time.Duration) string {
	t.Helper()
	select {
	case <-r.Done:
		return r.Bye()
	case <-time.After(most):
		t.Fatalf("not ended within %v", most)
		return ""
	}
}
