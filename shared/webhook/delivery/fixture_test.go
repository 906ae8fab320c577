package delivery

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"passbook/shared/consumer"
	"passbook/shared/control"
	"passbook/shared/event"
	"passbook/shared/faults"
	"passbook/shared/storetest"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/webhook"
)

// memory is a journal in memory.
type memory struct {
	mu      sync.Mutex
	entries map[event.Account][]*event.Entry
}

func (m *memory) of(a event.Account) []*event.Entry {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.entries[a]
}

func (m *memory) Entries(_ context.Context, a event.Account, from, to int64) iter.Seq2[*event.Entry, error] {
	return func(yield func(*event.Entry, error) bool) {
		for _, e := range m.of(a) {
			if e.Last >= from && e.First <= to && !yield(e, nil) {
				return
			}
		}
	}
}

func (m *memory) Backward(_ context.Context, a event.Account, _ int64) iter.Seq2[*event.Entry, error] {
	return func(yield func(*event.Entry, error) bool) {
		if all := m.of(a); len(all) > 0 {
			yield(all[len(all)-1], nil)
		}
	}
}

func (m *memory) VersionAt(_ context.Context, a event.Account, t time.Time) (version int64, err error) {
	for _, e := range m.of(a) {
		if !e.RecordedAt.After(t) {
			version = e.Last
		}
	}
	return version, nil
}

func (m *memory) Accounts(_ context.Context, bucket byte, _ string) (all []event.Account, next string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for a := range m.entries {
		if a.HashBucket() == bucket {
			all = append(all, a)
		}
	}
	return all, "", nil
}

// posted is an attempt as the receiver saw it.
type posted struct {
	host, account, id, attempt string
	version                    int64
	body                       string
	header                     http.Header
	at                         time.Time
}

// receiver takes the place of the network. answer says what it answers; 0 is no answer.
type receiver struct {
	mu       sync.Mutex
	log      []posted
	now, max map[string]int // attempts at once, by host
	answer   func(ctx context.Context, p posted) int
}

func (r *receiver) RoundTrip(request *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, err
	}
	var view struct {
		Account string `json:"account_id"`
		ID      string `json:"event_id"`
		Version int64  `json:"version"`
	}
	if err := json.Unmarshal(body, &view); err != nil {
		return nil, err
	}
	p := posted{request.URL.Host, view.Account, view.ID, request.Header.Get(HeaderAttempt), view.Version, string(body), request.Header, time.Now()}
	r.mu.Lock()
	r.log = append(r.log, p)
	r.now[p.host]++
	r.max[p.host] = max(r.max[p.host], r.now[p.host])
	answer := r.answer
	r.mu.Unlock()
	status := answer(request.Context(), p)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now[p.host]--
	if status == 0 {
		return nil, fmt.Errorf("no answer: %w", context.Cause(request.Context()))
	}
	return &http.Response{StatusCode: status, Body: io.NopCloser(bytes.NewReader(nil)), Request: request}, nil
}

// answers changes what is answered while attempts are made.
func (r *receiver) answers(answer func(context.Context, posted) int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

// most returns how many attempts a host had at once since most was asked before.
func (r *receiver) most(host string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.max[host]
	r.max[host] = 0
	return n
}

// to returns what was sent to a host.
func (r *receiver) to(host string) (all []posted) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.log {
		if p.host == host {
			all = append(all, p)
		}
	}
	return all
}

// plainKeys wraps nothing.
type plainKeys struct{}

func (plainKeys) Wrap(_ context.Context, _ string, plain []byte) ([]byte, error) { return plain, nil }
func (plainKeys) Unwrap(_ context.Context, _ string, b []byte) ([]byte, error)   { return b, nil }

// bank is a deliverer with its stores, a journal in memory and a receiver.
type bank struct {
	t        testing.TB
	table    *faults.Table
	journal  *memory
	receiver *receiver
	registry *webhook.Registry
	d        *Deliverer
	handler  consumer.Handler
	stop     func()
	// refresh and window are the deliverer's.
	refresh, window time.Duration
}

func newBank(t testing.TB) *bank {
	t.Helper()
	return newPacedBank(t, refresh, window)
}

// patience is how long an impatient bank tries an event: three days of looks, and of the store's
// timers, take the processor long.
const patience = 12 * time.Hour

// newImpatientBank returns a bank that looks once a minute, and gives an account up after patience.
func newImpatientBank(t testing.TB) *bank {
	t.Helper()
	return newPacedBank(t, time.Minute, patience)
}

// newPacedBank returns a bank whose deliverer has a time between looks, and one to give an account
// up.
func newPacedBank(t testing.TB, refresh, window time.Duration) *bank {
	t.Helper()
	b := &bank{
		t: t, table: storetest.Memory(t, pebblestream.Options{}, control.Schema, Schema).Table, journal: &memory{entries: map[event.Account][]*event.Entry{}},
		receiver: &receiver{now: map[string]int{}, max: map[string]int{}, answer: func(context.Context, posted) int { return 200 }}, refresh: refresh, window: window,
	}
	b.registry = webhook.NewRegistry(webhook.Config{Table: b.table, Keys: plainKeys{}, Bank: "bank", Log: slog.New(slog.DiscardHandler)})
	b.start()
	t.Cleanup(func() { b.stop() })
	return b
}

// start starts a process that has the only shard.
func (b *bank) start() {
	client := &Client{secure: &http.Client{Transport: b.receiver}, now: time.Now}
	b.d = New(Config{Table: b.table, Journal: b.journal, Registry: b.registry, Client: client, Log: slog.New(slog.DiscardHandler)})
	b.d.refresh, b.d.window = b.refresh, b.window
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = b.d.Run(ctx) // it returns nil
	}()
	var err error
	if b.handler, err = b.d.Open(ctx, consumer.Shard{ID: "0"}, ""); err != nil {
		b.t.Fatal(err)
	}
	b.stop = func() { cancel(); <-ended }
}

// add makes an endpoint of tenant main.
func (b *bank) add(e webhook.Endpoint, fromStart bool) *webhook.Endpoint {
	b.t.Helper()
	e.Tenant = "main"
	made, err := b.registry.Create(b.t.Context(), e, fromStart)
	if err != nil {
		b.t.Fatal(err)
	}
	return made
}

// commit commits an entry of so many events of an account.
func (b *bank) commit(id string, events int) *event.Entry {
	a := event.Account{Tenant: "main", ID: id}
	b.journal.mu.Lock()
	defer b.journal.mu.Unlock()
	first := int64(1)
	if all := b.journal.entries[a]; len(all) > 0 {
		first = all[len(all)-1].Last + 1
	}
	e := &event.Entry{Tenant: a.Tenant, AccountID: a.ID, First: first, Last: first + int64(events) - 1, Currency: "EUR", RecordedAt: time.Now(), Commands: []event.Command{{}}}
	for v := e.First; v <= e.Last; v++ {
		var body event.Body = event.MoneyCredited{Amount: v}
		if v == 1 {
			body = event.AccountOpened{}
		}
		e.Events = append(e.Events, event.Event{Version: v, Body: body, Data: []byte(`{}`)})
	}
	b.journal.entries[a] = append(b.journal.entries[a], e)
	return e
}

// show has entries come on the stream.
func (b *bank) show(entries ...*event.Entry) error {
	batch := consumer.Batch{}
	for _, e := range entries {
		batch.Deliveries = append(batch.Deliveries, consumer.Delivery{Sequence: "1", PartitionKey: e.Account().String(), Entry: e})
	}
	_, err := b.handler.Handle(b.t.Context(), batch)
	return err
}

func (b *bank) mustShow(entries ...*event.Entry) {
	b.t.Helper()
	if err := b.show(entries...); err != nil {
		b.t.Fatal(err)
	}
}

// row returns the row of an account.
func (b *bank) row(e *webhook.Endpoint, id string) Row {
	b.t.Helper()
	row, err := b.d.store.get(context.Background(), e.ID, event.Account{Tenant: "main", ID: id})
	if err != nil {
		b.t.Fatal(err)
	}
	return row
}

// versions returns the versions of an account among attempts, in order.
func versions(all []posted, account string) (list []int64) {
	for _, p := range all {
		if p.account == account {
			list = append(list, p.version)
		}
	}
	return list
}
