package statement

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/access"
	"passbook/shared/account"
	"passbook/shared/api"
	"passbook/shared/api/apitest"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/storetest"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/table"
	"passbook/shared/web"
)

// discard is an outbox for tests without a stream.
type discard struct{}

func (discard) Publish(...journal.Committed)    {}
func (discard) Full() bool                      { return false }
func (discard) Pace(event.Account, func()) bool { return false }

// failing is a table whose queries fail once it was asked a number of times.
type failing struct {
	table.Table
	left atomic.Int64
}

func (f *failing) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if f.left.Add(-1) < 0 {
		return table.Page{}, errors.New("the table is unavailable")
	}
	return f.Table.Query(ctx, q)
}

// bank is a journal and the routes of statements.
type bank struct {
	t        testing.TB
	client   *apitest.Client
	clock    *apitest.Clock
	journal  *journal.Journal
	table    *failing
	commands int
}

// serve serves statements of a new journal, whose first event is recorded on the last evening of
// October.
func serve(t testing.TB) *bank {
	t.Helper()
	b := &bank{t: t, clock: apitest.NewClock(time.Date(2026, 10, 31, 23, 59, 57, 0, time.UTC))}
	b.table = &failing{Table: storetest.Memory(t, pebblestream.Options{}, journal.Schemas...).Table}
	b.table.left.Store(1 << 60)
	var err error
	if b.journal, err = journal.Open(t.Context(), journal.Config{Table: b.table.Table, Outbox: discard{}, Now: b.clock.Now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := b.journal.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	server := api.New(api.Config{Web: web.Config{Service: "balance", Logger: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry()}})
	reader := journal.NewReader(b.table)
	server.Mount(New(Config{Journal: reader, Registry: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler)}).Routes()...)
	b.client = apitest.New(t, server.Handler())
	return b
}

// commit commits what do drafts, a second after the command before.
func (b *bank) commit(id string, do func(d *account.Draft)) {
	b.t.Helper()
	b.clock.Advance(time.Second)
	b.commands++
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	r, err := b.journal.Execute(ctx, journal.Command{
		Account: event.Account{Tenant: access.MainTenant, ID: id}, Key: fmt.Sprint("k", b.commands), Request: journal.RequestHash("test", id, nil), CorrelationID: "c-1",
		Actor: event.Text{Plain: "test"}, Status: 201,
		Decide: func(s account.State, now time.Time) account.Decision {
			d := account.NewDraft(s, now)
			do(d)
			return d.Decision()
		},
	})
	if err != nil || r.Rejection != nil {
		b.t.Fatalf("%v %+v", err, r.Rejection)
	}
}

func (b *bank) open(id, currency string, exponent int) {
	b.t.Helper()
	b.commit(id, func(d *account.Draft) {
		d.Open(currency, event.AccountOpened{Exponent: exponent, CreditLimit: 1_000_000})
	})
}

func (b *bank) credit(id string, body event.MoneyCredited) {
	b.t.Helper()
	b.commit(id, func(d *account.Draft) { d.Credit(body, d.Today()) })
}

func (b *bank) withdraw(id string, body event.MoneyWithdrawn, valued time.Duration) {
	b.t.Helper()
	b.commit(id, func(d *account.Draft) { d.Debit(event.OpWithdraw, body, d.Today().Add(valued)) })
}

// sample makes an account with every kind of line: two of October, the others of November.
func (b *bank) sample(id string) {
	b.t.Helper()
	b.open(id, "EUR", 2)
	b.credit(id, event.MoneyCredited{Amount: 250_000, Kind: "deposit", Contra: "cash-desk", Reference: event.Text{Plain: "=salary <October> & \"more\""}})
	b.withdraw(id, event.MoneyWithdrawn{Amount: 2_501, Kind: "card", Reference: event.Text{Plain: "-1 Café Größe 4"}}, -48*time.Hour)
	b.commit(id, func(d *account.Draft) { d.PlaceHold(event.HoldPlaced{Amount: 5_000}) })
	b.commit(id, func(d *account.Draft) { d.Capture(d.State.Holds[0], 4_000, true) })
	b.credit(id, event.MoneyCredited{Amount: 700, Kind: "transfer_in", Contra: "A-204:7"})
	b.withdraw(id, event.MoneyWithdrawn{Amount: 300_000, Kind: "transfer_out", Contra: "A-204:9", Reference: event.Text{Plain: "rent"}}, 0)
	original, _, err := b.journal.Event(b.t.Context(), event.Account{Tenant: access.MainTenant, ID: id}, 3)
	if err != nil {
		b.t.Fatal(err)
	}
	b.commit(id, func(d *account.Draft) { d.Reverse(original, false, event.Text{Plain: "duplicate"}, false) })
	b.credit(id, event.MoneyCredited{Amount: 5, Kind: "interest"})
	b.withdraw(id, event.MoneyWithdrawn{Amount: 199, Kind: "fee", Reference: event.Text{Sealed: "k1:AAAA"}}, 0)
}

// file returns the file of an account's statement.
func (b *bank) file(id, query string) apitest.Response {
	b.t.Helper()
	return b.client.Get("/v1/accounts/" + id + "/statement/file?format=" + query)
}
