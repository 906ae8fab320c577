package balance

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"passbook/shared/account"
	"passbook/shared/consumer"
	"passbook/shared/event"
	"passbook/shared/faults"
	"passbook/shared/journal"
	"passbook/shared/publisher"
	"passbook/shared/readmodel"
	"passbook/shared/readmodel/due"
	"passbook/shared/storetest"
	"passbook/shared/stream/pebblestream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const pipelineStream = "test-events"

// pipeline is a journal, a publisher and a stream on the embedded engine, with a projector that can
// be stopped and started.
type pipeline struct {
	t       *testing.T
	table   *faults.Table
	streams *faults.Stream
	journal *journal.Journal
	store   *Store
	starts  int
	stop    func()
}

func newPipeline(t *testing.T) *pipeline {
	t.Helper()
	store := storetest.Memory(t, pebblestream.Options{Shards: 3}, slices.Concat(journal.Schemas, Schemas)...)
	p := &pipeline{t: t, stop: func() {}, table: store.Table, streams: store.Streams}
	if err := p.streams.CreateStream(t.Context(), pipelineStream, 0); err != nil {
		t.Fatal(err)
	}
	out := publisher.New(publisher.Config{Streams: p.streams, Stream: pipelineStream})
	var err error
	if p.journal, err = journal.Open(t.Context(), journal.Config{Table: p.table, Outbox: out}); err != nil {
		t.Fatal(err)
	}
	out.SetAcked(p.journal.Acked)
	p.store = NewStore(p.table, 0)
	running := p.run(out.Run)
	t.Cleanup(func() {
		p.stop()
		running()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := p.journal.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return p
}

// run runs f until the returned function is called.
func (p *pipeline) run(f func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := f(ctx); err != nil {
			p.t.Error(err)
		}
	})
	return sync.OnceFunc(func() { cancel(); running.Wait() })
}

func (p *pipeline) config() Config {
	p.starts++
	return Config{
		Runtime: consumer.Runtime{
			Stream: pipelineStream, Owner: fmt.Sprint("p", p.starts), Exclusive: true, Table: p.table, Streams: p.streams,
		},
		Journal: p.journal.Reader, Store: p.store,
	}
}

func (p *pipeline) start() { p.stop = p.run(NewProjector(p.config()).Run) }

// commit commits the events that do drafts on an account, and returns the version after them.
func (p *pipeline) commit(a event.Account, do func(*account.Draft)) int64 {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 10*time.Second)
	defer cancel()
	r, err := p.journal.Execute(ctx, journal.Command{Account: a, Status: 201, Decide: func(s account.State, now time.Time) account.Decision {
		d := account.NewDraft(s, now)
		if s.Version == 0 {
			d.Open("EUR", event.AccountOpened{Exponent: 2, HolderRef: "holder-" + a.ID[:3], CreditLimit: 100})
		} else {
			do(d)
		}
		return d.Decision()
	}})
	if err != nil || r.Rejection != nil {
		p.t.Fatalf("commit: %v, %+v", err, r.Rejection)
	}
	return r.Command.Last
}

func (p *pipeline) accounts(n int) []event.Account {
	list := make([]event.Account, n)
	for i := range list {
		list[i] = event.Account{Tenant: "main", ID: fmt.Sprintf("A-%d-%d", i%10, i)}
		p.commit(list[i], nil)
	}
	return list
}

// Commands continue while the projector is stopped and started: every row reaches the journal's
// head, and a waiting reader gets it.
func TestRowsFollowTheJournalThroughRestarts(t *testing.T) {
	p := newPipeline(t)
	p.start()
	accounts := p.accounts(20)
	random := rand.New(rand.NewPCG(1, 1))
	head := map[event.Account]int64{}
	for i := range 400 {
		a := accounts[random.IntN(len(accounts))]
		head[a] = p.commit(a, func(d *account.Draft) {
			if amount := 1 + random.Int64N(60); i%2 == 0 {
				d.Credit(event.MoneyCredited{Amount: amount, Kind: event.KindDeposit}, d.Today())
			} else {
				d.Debit(event.OpWithdraw, event.MoneyWithdrawn{Amount: amount, Kind: event.KindCash}, d.Today())
			}
		})
		if i%100 == 99 {
			p.stop()
			p.start()
		}
	}
	for a, version := range head {
		row, err := p.store.Wait(t.Context(), a, version, 10*time.Second)
		if err != nil {
			t.Fatalf("%s: %v", a, err)
		}
		want, err := p.journal.Head(t.Context(), a)
		if err != nil || row.Version != version || row.Hash != want.Hash || row.LastEventID() != a.EventID(version) ||
			string(account.AppendState(nil, row.State)) != string(account.AppendState(nil, want.State)) {
			t.Errorf("%s: row %+v, journal %+v, %v", a, row, want, err)
		}
	}
	p.owned(3)
}

// owned waits until the projector reads every shard.
func (p *pipeline) owned(shards int) {
	p.t.Helper()
	late := time.NewTimer(10 * time.Second)
	defer late.Stop()
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for {
		status, err := consumer.Status(p.t.Context(), p.table, pipelineStream, "balance@1")
		if err == nil && len(status) == shards && !slices.ContainsFunc(status, func(s consumer.ShardStatus) bool { return s.Owner == "" }) {
			return
		}
		select {
		case <-poll.C:
		case <-late.C:
			p.t.Fatalf("status %+v, %v", status, err)
		}
	}
}

func TestRowHasColumnsForPeopleAndIndexes(t *testing.T) {
	p := newPipeline(t)
	p.start()
	a := p.accounts(1)[0]
	expires := time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond)
	version := p.commit(a, func(d *account.Draft) {
		d.Credit(event.MoneyCredited{Amount: 500, Kind: event.KindDeposit}, d.Today())
		d.PlaceHold(event.HoldPlaced{Amount: 200, ExpiresAt: expires})
	})
	if _, err := p.store.Wait(t.Context(), a, version, 10*time.Second); err != nil {
		t.Fatal(err)
	}
	row, err := p.table.Get(t.Context(), Table, readmodel.RowKey(1, a), true)
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintln(row.Attrs["posted"], row.Attrs["held"], row.Attrs["limit"], row.Attrs["available"], row.Attrs["status"], row.Attrs["currency"])
	if got != "500 200 100 400 open EUR\n" {
		t.Errorf("columns %s", got)
	}
	listed, next, err := due.List(t.Context(), p.table, Table, 1, a.HashBucket(), expires, "")
	if err != nil || next != "" || len(listed) != 1 || listed[0].Account != a || !listed[0].At.Equal(expires) {
		t.Errorf("due %+v, %q, %v", listed, next, err)
	}
	if listed, _, err = due.List(t.Context(), p.table, Table, 1, a.HashBucket(), expires.Add(-time.Microsecond), ""); err != nil || len(listed) != 0 {
		t.Errorf("due before it is: %+v, %v", listed, err)
	}
}

func TestListReturnsEveryAccountOnce(t *testing.T) {
	p := newPipeline(t)
	p.start()
	accounts := p.accounts(57)
	closed := accounts[11]
	p.commit(closed, func(d *account.Draft) { d.Close("") })
	over := accounts[23]
	p.commit(over, func(d *account.Draft) {
		d.Debit(event.OpWithdraw, event.MoneyWithdrawn{Amount: 80, Kind: event.KindCash}, d.Today())
		d.SetLimit(event.CreditLimitChanged{After: 50}, true)
	})
	for _, a := range accounts {
		if _, err := p.store.Wait(t.Context(), a, 1, 10*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	for _, a := range []event.Account{closed, over} {
		if _, err := p.store.Wait(t.Context(), a, 3, 10*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	yes := true
	for _, c := range []struct {
		name   string
		filter Filter
		want   int
	}{
		{"all", Filter{Tenant: "main"}, 57},
		{"a holder's", Filter{Tenant: "main", Holder: "holder-A-3"}, 6},
		{"closed", Filter{Tenant: "main", Status: account.StatusClosed}, 1},
		{"over the limit", Filter{Tenant: "main", OverLimit: &yes}, 1},
		{"a holder's over the limit", Filter{Tenant: "main", Holder: "holder-A-3", OverLimit: &yes}, 1},
		{"another tenant's", Filter{Tenant: "mai"}, 0},
		{"nobody's", Filter{Tenant: "main", Holder: "x"}, 0},
	} {
		for _, limit := range []int{1, 4, 100, 1000} {
			seen := map[string]bool{}
			cursor := ""
			for {
				rows, next, err := p.store.List(t.Context(), c.filter, cursor, limit)
				if err != nil || len(rows) > min(limit, MaxPage) {
					t.Fatalf("%s: %d rows, %v", c.name, len(rows), err)
				}
				for _, r := range rows {
					if seen[r.Account.ID] {
						t.Errorf("%s by %d: %s is listed twice", c.name, limit, r.Account.ID)
					}
					seen[r.Account.ID] = true
				}
				if cursor = next; cursor == "" {
					break
				}
			}
			if len(seen) != c.want {
				t.Errorf("%s by %d: %d accounts, want %d", c.name, limit, len(seen), c.want)
			}
		}
	}
	_, next, err := p.store.List(t.Context(), Filter{Tenant: "main"}, "", 3)
	if err != nil || next == "" {
		t.Fatal(err)
	}
	if _, _, err := p.store.List(t.Context(), Filter{Tenant: "main", Holder: "holder-A-3"}, next, 3); !errors.Is(err, ErrPosition) {
		t.Errorf("a position of a list of all accounts in that of a holder: %v", err)
	}
}

// A client sends a position back: it is a position of this list, or refused.
func FuzzPosition(f *testing.F) {
	filters := []Filter{{Tenant: "main"}, {Tenant: "main", Holder: "h-1"}, {Tenant: "main", Status: "open"}}
	for _, filter := range filters {
		first := firstPosition(filter)
		f.Add(first.String())
		f.Add(position{bucket: first.bucket, account: "A-1"}.String())
		f.Add(position{bucket: 'x', account: "A-1"}.String())
		f.Add(position{bucket: first.bucket, account: "A#1"}.String())
	}
	f.Add("")
	f.Add(strings.Repeat("A", 500))
	f.Fuzz(func(t *testing.T, text string) {
		for _, filter := range filters {
			p, err := parsePosition(filter, text)
			if err != nil {
				if !errors.Is(err, ErrPosition) {
					t.Fatalf("error %v", err)
				}
				continue
			}
			if strings.Contains(p.account, "#") || p.account != "" && !account.ValidAccountID(p.account) || p.done() {
				t.Fatalf("position %+v from %q", p, text)
			}
			if again := p.String(); text != "" && again != text {
				t.Fatalf("%q is also %q", text, again)
			}
		}
	})
}
