package creditlimit

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"passbook/shared/account"
	"passbook/shared/api/schemas/schematest"
	"passbook/shared/archive/archivetest"
	"passbook/shared/consumer"
	"passbook/shared/event"
	"passbook/shared/event/eventtest"
	"passbook/shared/faults"
	"passbook/shared/journal"
	"passbook/shared/storetest"
	"passbook/shared/stream"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/table"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func history(seed uint64, entries int) []*event.Entry {
	a := archivetest.New(rand.New(rand.NewPCG(seed, 0)), "main", "A-1")
	a.Grow(entries)
	return a.Entries
}

// The use of the line, folded from what concerns it, equals that of the account's whole state, and
// the quantities add up.
func TestFoldAgreesWithTheFoldOfTheAccount(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var s State
		var whole account.State
		var peak, peakVersion int64
		for _, e := range history(rapid.Uint64().Draw(rt, "seed"), rapid.IntRange(1, 80).Draw(rt, "entries")) {
			for _, ev := range e.Events {
				var err, wholeErr error
				s, err = Fold(s, ev)
				whole, wholeErr = account.Fold(whole, ev)
				if err != nil || wholeErr != nil {
					rt.Fatalf("fold v%d: %v, %v", ev.Version, err, wholeErr)
				}
				if After(s) != ev.After {
					rt.Fatalf("v%d: at %+v, want %+v", ev.Version, After(s), ev.After)
				}
				if s.Drawn()+s.Reserved()+s.AvailableCredit() != s.Limit+s.OverLimit() {
					rt.Fatalf("v%d: the identity does not hold in %+v", ev.Version, s)
				}
				if s.LimitVersion != whole.LimitVersion || s.Status != whole.Status {
					rt.Fatalf("v%d: %+v, want the limit of v%d", ev.Version, s, whole.LimitVersion)
				}
			}
			if s = Settle(s, e.Last); whole.Drawn()+whole.Reserved() > peak {
				peak, peakVersion = whole.Drawn()+whole.Reserved(), e.Last
			}
			if s.Peak != peak || s.PeakVersion != peakVersion {
				rt.Fatalf("v%d: %+v, want the peak %d of v%d", e.Last, s, peak, peakVersion)
			}
		}
	})
}

// foldEntry returns the state after an entry.
func foldEntry(t *testing.T, s State, e *event.Entry) State {
	t.Helper()
	for _, ev := range e.Events {
		var err error
		if s, err = Fold(s, ev); err != nil {
			t.Fatal(err)
		}
	}
	return Settle(s, e.Last)
}

func TestFoldRefusesAnotherCurrency(t *testing.T) {
	s := State{Status: account.StatusOpen, Currency: "EUR"}
	if _, err := Fold(s, event.Event{Version: 2, Currency: "USD", Body: event.MoneyCredited{Amount: 1}}); err == nil {
		t.Error("dollars were credited to euros")
	}
}

func TestRowKeepsTheState(t *testing.T) {
	want := State{
		Status: account.StatusOpen, Currency: "EUR", Posted: -70, Held: 20, Limit: 100, LimitVersion: 3, Peak: 95, PeakVersion: 7,
		ExpiresAt: time.Date(2026, 12, 1, 0, 0, 0, 1000, time.UTC), Declines: 4, Band: 8000,
	}
	attrs := table.Map{}
	encode(attrs, 1, event.Account{}, want)
	got, err := decode(attrs)
	if err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	if attrs["utilisation_bps"] != table.N(9000) || attrs["drawn"] != table.N(70) || attrs["reserved"] != table.N(20) {
		t.Errorf("derived columns %v", attrs)
	}
}

func TestThresholdsAreCrossedUpAndDown(t *testing.T) {
	at := func(band, posted, limit int64) State {
		s := State{Band: band, Posted: posted, Limit: limit}
		s.Band = s.band()
		return s
	}
	for _, c := range []struct {
		name          string
		before, after State
		want          []string
	}{
		{"below", at(0, 0, 100), at(0, -49, 100), nil},
		{"up to the half", at(0, -49, 100), at(0, -50, 100), []string{"9 5000 up 5000"}},
		{"up through all", at(0, 0, 100), at(0, -150, 100), []string{"9 5000 up 15000", "9 8000 up 15000", "9 10000 up 15000"}},
		{"down through two", at(0, -100, 100), at(0, -60, 100), []string{"9 10000 down 6000", "9 8000 down 6000"}},
		{"down by a raised limit", at(0, -90, 100), at(0, -90, 1000), []string{"9 8000 down 900", "9 5000 down 900"}},
		{"the limit falls away: no relief", at(0, -90, 100), at(8000, -90, 0), nil},
		{"and comes back", at(8000, -90, 0), at(8000, -90, 100), nil},
		{"repaid without a limit, and a limit again", at(8000, 0, 0), at(8000, 0, 100), []string{"9 8000 down 0", "9 5000 down 0"}},
	} {
		if got := crossings(c.before, c.after, 9); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestMessageIsAFunctionOfTheCrossing(t *testing.T) {
	data, err := message(event.Account{Tenant: "main", ID: "A-1"}, "17 8000 up 8123")
	const want = `{"id":"A-1:17:8000:up","type":"CreditLimitThresholdCrossed","tenant":"main","account_id":"A-1","version":17,` +
		`"threshold_bps":8000,"direction":"up","utilisation_bps":8123}`
	if err != nil || string(data) != want {
		t.Errorf("message %s, %v", data, err)
	}
	if _, err := message(event.Account{}, "17 8000"); err == nil {
		t.Error("half a crossing was sent")
	}
}

const (
	lineStream   = "test-events"
	lineMessages = "test-notifications"
)

// line is the stream, the rows and the messages on the embedded engine.
type line struct {
	t       *testing.T
	table   *faults.Table
	streams *faults.Stream
	store   *Store
}

func newLine(t *testing.T) *line {
	t.Helper()
	store := storetest.Memory(t, pebblestream.Options{Shards: 2}, append(slices.Clone(journal.Schemas), Schema)...)
	l := &line{t: t, table: store.Table, streams: store.Streams}
	for _, name := range []string{lineStream, lineMessages} {
		if err := l.streams.CreateStream(t.Context(), name, 2); err != nil {
			t.Fatal(err)
		}
	}
	l.store = NewStore(l.table, 0)
	return l
}

// publish seals an entry and puts it so many times, each again while it fails.
func (l *line) publish(e *event.Entry, times int) {
	l.t.Helper()
	sealed := *e
	enc, err := event.Seal(&sealed, eventtest.Keys)
	if err != nil {
		l.t.Fatal(err)
	}
	for done := 0; done < times; {
		results, err := l.streams.Put(l.t.Context(), lineStream, []stream.Record{{PartitionKey: "main#" + e.AccountID, Data: enc.Record}})
		if err == nil && results[0].Err == nil {
			done++
		}
	}
}

// run runs a projector until the returned function is called.
func (l *line) run(owner string) (stop func()) {
	p := NewProjector(Config{
		Runtime: consumer.Runtime{Stream: lineStream, Owner: owner, Exclusive: true, Table: l.table, Streams: l.streams},
		Journal: journal.NewReader(l.table), Store: l.store, Notifications: lineMessages,
	})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := p.Run(ctx); err != nil {
			l.t.Error(err)
		}
	})
	return func() { cancel(); running.Wait() }
}

// messages returns everything that was sent.
func (l *line) messages() (list []Message) {
	l.t.Helper()
	shards, err := l.streams.Shards(l.t.Context(), lineMessages)
	if err != nil {
		l.t.Fatal(err)
	}
	for _, s := range shards {
		iterator, err := l.streams.Iterator(l.t.Context(), lineMessages, s.ID, stream.Position{})
		if err != nil {
			l.t.Fatal(err)
		}
		got, err := l.streams.Get(l.t.Context(), iterator, stream.MaxGetRecords)
		if err != nil {
			l.t.Fatal(err)
		}
		for _, r := range got.Records {
			var m Message
			if err := json.Unmarshal(r.Data, &m); err != nil || r.PartitionKey != "main#"+m.AccountID {
				l.t.Fatalf("record %s under %s: %v", r.Data, r.PartitionKey, err)
			}
			schematest.Validate(l.t, schematest.Notification, r.Data)
			list = append(list, m)
		}
	}
	return list
}

// Every record is delivered twice, and the notifications stream refuses puts and loses answers:
// each crossing of each account is sent at least once, always with the same id and content.
func TestEveryCrossingIsSentWithTheSameIDAndContent(t *testing.T) {
	l := newLine(t)
	entries := archivetest.Bank(21, 8, 600)
	want := map[string]Message{}
	states := map[string]State{}
	heads := map[string]int64{}
	for _, e := range entries {
		before := states[e.AccountID]
		after := foldEntry(t, before, e)
		states[e.AccountID] = after
		for _, c := range crossings(before, after, e.Last) {
			data, err := message(event.Account{Tenant: "main", ID: e.AccountID}, c)
			var m Message
			if err = errors.Join(err, json.Unmarshal(data, &m)); err != nil {
				t.Fatal(err)
			}
			want[m.ID] = m
		}
		heads[e.AccountID] = e.Last
	}
	if len(want) < 10 {
		t.Fatalf("only %d crossings to test with", len(want))
	}
	stop := l.run("a")
	for i, e := range entries {
		l.publish(e, 2)
		if i == 300 {
			stop()
			stop = l.run("b")
			l.streams.Fail(faults.Chances{Seed: 3, Refuse: 10, Lose: 10, LoseCall: 5})
		}
	}
	for id, version := range heads {
		row, err := l.store.Wait(t.Context(), event.Account{Tenant: "main", ID: id}, version, 20*time.Second)
		if err != nil || row.State != states[id] {
			t.Fatalf("%s: %+v, %v; want %+v", id, row.State, err, states[id])
		}
	}
	if f := l.streams.Fired(); f.Refuse == 0 || f.Lose == 0 {
		t.Errorf("faults fired %+v", f)
	}
	deadline := time.Now().Add(20 * time.Second)
	for {
		got := map[string]bool{}
		for _, m := range l.messages() {
			if want[m.ID] != m {
				t.Fatalf("message %+v, want %+v", m, want[m.ID])
			}
			got[m.ID] = true
		}
		if len(got) == len(want) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d crossings sent, want %d", len(got), len(want))
		}
	}
	for id := range heads { // a message whose answer was lost is on the stream, and is sent again
		for {
			row, err := l.store.Get(t.Context(), event.Account{Tenant: "main", ID: id})
			if err == nil && len(row.Pending) == 0 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: pending %v, %v", id, row.Pending, err)
			}
		}
	}
	stop()
}
