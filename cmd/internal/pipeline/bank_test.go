package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"passbook/balance"
	"passbook/creditlimit"
	"passbook/shared/account"
	"passbook/shared/affinity"
	"passbook/shared/embedded"
	"passbook/shared/event"
	"passbook/shared/event/eventtest"
	"passbook/shared/faults"
	"passbook/shared/journal"
	"passbook/shared/publisher"
	"passbook/shared/stream"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/table"
	"passbook/shared/table/pebbletable"
)

const (
	events        = "events"
	notifications = "notifications"
	// roundTrip is how far AWS is from a process, and lease how long a process may be silent.
	roundTrip = 5 * time.Millisecond
	lease     = 10 * time.Second
)

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

var warmed sync.Once

// warm makes the codec of long entries before the first bubble, so that it belongs to none of them.
func warm(t *testing.T) {
	t.Helper()
	warmed.Do(func() {
		b := newBank(t, 1, faults.TablesConfig{})
		w := b.writer()
		a := named("warm", 1)[0]
		w.openAccounts(a)
		var long sync.WaitGroup
		for i := range 200 {
			long.Go(func() { w.do(command(a, fmt.Sprint(i), withdraw(1, reference))) })
		}
		long.Wait()
		b.entries(a)
	})
}

// bank is the stores that all processes of a test share.
type bank struct {
	t       *testing.T
	tables  *faults.LimitedTables
	streams *faults.LimitedStreams
	raw     stream.Stream   // without limits, to look at
	history *journal.Reader // the same
	store   table.Table     // the same

	mu sync.Mutex
	// affine has the writers that begin from now on forward commands; reach finds one by the
	// address in its row.
	affine bool
	reach  map[string]*writer
	// compress has the writers that begin from now on compress records.
	compress bool
}

func newBank(t *testing.T, shards int, c faults.TablesConfig) *bank {
	t.Helper()
	schemas := slices.Concat(journal.Schemas, balance.Schemas, []table.Schema{creditlimit.Schema})
	openTable := func(db *embedded.DB) *pebbletable.Table {
		rows, err := pebbletable.New(db, schemas...)
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	db := openDB(t)
	if c.IndexLag > 0 {
		c.Replica = openTable(openDB(t))
	}
	rows := openTable(db)
	tables, err := faults.NewLimitedTables(rows, c, schemas...)
	if err != nil {
		t.Fatal(err)
	}
	streams, err := pebblestream.New(db, pebblestream.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{events, notifications} {
		if err := streams.CreateStream(t.Context(), name, shards); err != nil {
			t.Fatal(err)
		}
	}
	return &bank{
		t: t, tables: tables, streams: faults.NewLimitedStreams(streams, faults.AWS), raw: streams,
		history: journal.NewReader(rows), store: rows,
	}
}

func openDB(t *testing.T) *embedded.DB {
	t.Helper()
	db, err := embedded.Open(embedded.Options{Dir: "data", FS: vfs.NewMem(), NoSync: true, CacheBytes: 8 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// run runs the parts of a process until the test ends, or the function that it gives is called.
func (b *bank) run(parts ...func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, part := range parts {
		running.Go(func() {
			if err := part(ctx); err != nil {
				b.t.Error(err)
			}
		})
	}
	stop = sync.OnceFunc(func() { cancel(); running.Wait() })
	b.t.Cleanup(stop)
	return stop
}

// writer is a process that takes commands: a journal, its publisher, and a drainer of others'
// tails.
type writer struct {
	*journal.Journal
	t *testing.T
	// client is the process, and sender its line to the stream.
	client, sender *faults.Client
	publisher      *publisher.Publisher
	registry       *prometheus.Registry
	// router takes commands to the writers of their accounts; nil decides all here.
	router *affinity.Router
	hops   hops
	bank   *bank
	dead   atomic.Bool
}

func (b *bank) writer() *writer {
	b.t.Helper()
	return b.writerWith(faults.NewClient(roundTrip))
}

// writerWith does what writer does, with a given connection to the stream.
func (b *bank) writerWith(sender *faults.Client) *writer {
	b.t.Helper()
	w := &writer{t: b.t, client: faults.NewClient(roundTrip), sender: sender, registry: prometheus.NewRegistry()}
	rows := w.client.Table(b.tables)
	w.publisher = publisher.New(publisher.Config{Streams: w.sender.Stream(b.streams), Stream: events, Compress: b.compress})
	c := journal.Config{Table: rows, Outbox: w.publisher, Origin: eventtest.Origin{}, Lease: lease, Metrics: w.registry}
	if b.affine {
		c.Address = b.address(w)
		w.router = affinity.New(affinity.Config{Fleet: w.fleet, Metrics: w.registry, Log: quiet})
	}
	var err error
	if w.Journal, err = journal.Open(b.t.Context(), c); err != nil {
		b.t.Fatal(err)
	}
	w.publisher.SetAcked(w.Acked)
	drainer := publisher.NewDrainer(publisher.DrainConfig{
		Table: rows, Publisher: w.publisher, Self: w.Writer, Lease: lease, Log: quiet,
	})
	b.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = w.Close(ctx) // one whose line is cut cannot
	})
	b.run(w.publisher.Run, drainer.Run)
	return w
}

// counts returns the calls of the process on both connections.
func (w *writer) counts() faults.Counts { return w.client.Snapshot().Add(w.sender.Snapshot()) }

// conflicts returns how many of the writer's entries lost against another writer's.
func (w *writer) conflicts() (n float64) {
	w.t.Helper()
	families, err := w.registry.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "passbook_journal_conflicts_total" {
			n = f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	return n
}

// published waits until the stream has all that the process committed, and returns how long that
// took.
func (w *writer) published(most time.Duration) time.Duration {
	w.t.Helper()
	began := time.Now()
	ctx, cancel := context.WithTimeout(w.t.Context(), most)
	defer cancel()
	if err := w.publisher.Drained(ctx); err != nil {
		w.t.Fatal(err)
	}
	return time.Since(began)
}

// kill cuts the process off the network permanently: that is all that AWS sees of a killed process.
func (w *writer) kill() { w.dead.Store(true); w.client.Disconnect(); w.sender.Disconnect() }

// command returns a command of the largest size that fits into one write unit alone: a key of 40
// bytes and a reference of 32. Its key and its correlation id are as hard to compress as those of
// real clients.
func command(a event.Account, key string, draft func(*account.Draft)) journal.Command {
	sum := sha256.Sum256([]byte(a.String() + "/" + key))
	key = hex.EncodeToString(sum[:20])
	return journal.Command{
		Account: a, Key: key, Request: journal.RequestHash("test", a.ID, []byte(key)), Status: 201,
		CorrelationID: uuid.Must(uuid.FromBytes(sum[16:])).String(), Actor: event.Text{Plain: "withdraw"},
		Decide: func(s account.State, now time.Time) account.Decision {
			d := account.NewDraft(s, now)
			draft(d)
			return d.Decision()
		},
	}
}

var reference = event.Text{Plain: "01234567890123456789012345678901"}

func open(d *account.Draft) { d.Open("EUR", event.AccountOpened{Exponent: 2}) }

func credit(amount int64) func(*account.Draft) {
	return func(d *account.Draft) {
		d.Credit(event.MoneyCredited{Amount: amount, Kind: event.KindDeposit, Reference: reference}, d.Today())
	}
}

func withdraw(amount int64, reference event.Text) func(*account.Draft) {
	return func(d *account.Draft) {
		d.Debit(event.OpWithdraw, event.MoneyWithdrawn{Amount: amount, Kind: event.KindCash, Reference: reference}, d.Today())
	}
}

// do executes a command until it is known what came of it, as a client does that repeats its
// request with the same key.
func (w *writer) do(c journal.Command) journal.Receipt {
	for began := time.Now(); ; {
		ctx, cancel := context.WithTimeout(w.t.Context(), 5*time.Second)
		r, err := w.anywhere(ctx, c)
		cancel()
		switch {
		case err == nil && r.Rejection != nil:
			w.t.Errorf("%s: rejected: %+v", c.Key, r.Rejection)
			return r
		case err == nil:
			return r
		case time.Since(began) > 2*time.Minute:
			w.t.Errorf("%s: %v", c.Key, err)
			return r
		}
		<-time.After(50 * time.Millisecond)
	}
}

func (w *writer) openAccounts(accounts ...event.Account) {
	var opening sync.WaitGroup
	for _, a := range accounts {
		opening.Go(func() {
			w.do(command(a, "open", open))
			w.do(command(a, "fund", credit(1_000_000_000)))
		})
	}
	opening.Wait()
}

func named(kind string, n int) (list []event.Account) {
	for i := range n {
		list = append(list, event.Account{Tenant: "main", ID: fmt.Sprint(kind, "-", i)})
	}
	return list
}

// within waits for a condition, and returns how long that took; it fails after d.
func (b *bank) within(d time.Duration, what string, holds func() bool) time.Duration {
	b.t.Helper()
	for began := time.Now(); ; <-time.After(20 * time.Millisecond) {
		if took := time.Since(began); holds() {
			return took
		} else if took > d {
			b.t.Fatalf("not within %v: %s", d, what)
		}
	}
}
