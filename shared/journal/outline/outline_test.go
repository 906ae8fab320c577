package outline

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"passbook/shared/access"
	"passbook/shared/account"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/storetest"
	"passbook/shared/stream/pebblestream"
)

// discard is an outbox for tests without a stream.
type discard struct{}

func (discard) Publish(...journal.Committed)    {}
func (discard) Full() bool                      { return false }
func (discard) Pace(event.Account, func()) bool { return false }

var of = event.Account{Tenant: access.MainTenant, ID: "A-1"}

// newHistory returns a journal whose one account has entries of one event and of many, with texts
// that look like JSON.
func newHistory(t *testing.T) *journal.Journal {
	t.Helper()
	j, err := journal.Open(t.Context(), journal.Config{Table: storetest.Memory(t, pebblestream.Options{}, journal.Schemas...).Table, Outbox: discard{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := j.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	texts := []string{``, `rent`, `a "quoted\\" text`, `},{"version":7,"after":{`, `[{\n`}
	for n := range 60 {
		r, err := j.Execute(t.Context(), journal.Command{
			Account: of, Key: strconv.Itoa(n), Request: journal.RequestHash("test", of.ID, nil), CorrelationID: "c-1", Actor: event.Text{Plain: "test"}, Status: 201,
			Decide: func(s account.State, now time.Time) account.Decision {
				d := account.NewDraft(s, now)
				if n == 0 {
					d.Open("EUR", event.AccountOpened{Exponent: 2, CreditLimit: 1000})
				}
				for i := range 1 + n%7*n%40 {
					if text := (event.Text{Plain: texts[(n+i)%len(texts)]}); (n+i)%3 == 0 {
						d.Debit("withdraw", event.MoneyWithdrawn{Amount: int64(i + 900), Kind: "cash", Reference: text}, d.Today())
					} else {
						d.Credit(event.MoneyCredited{Amount: int64(n + 1), Kind: "deposit", Reference: text}, d.Today())
					}
				}
				return d.Decision()
			},
		})
		if err != nil || r.Rejection != nil {
			t.Fatal(err, r.Rejection)
		}
	}
	return j
}

// Any window has the events that the entries have, from its first version to its last.
func TestAnOutlineIsThatOfTheEvent(t *testing.T) {
	j := newHistory(t)
	var want []Event
	compressed := false
	for e, err := range j.Entries(t.Context(), of, 1, 0) {
		if err != nil {
			t.Fatal(err)
		}
		compressed = compressed || len(e.Events) > 30
		for _, ev := range e.Events {
			want = append(want, Event{event.Outline{Version: ev.Version, Type: ev.Body.Type(), After: ev.After}, e.RecordedAt})
		}
	}
	if !compressed {
		t.Fatal("no entry is compressed")
	}
	rapid.Check(t, func(rt *rapid.T) {
		from := rapid.Int64Range(1, int64(len(want))).Draw(rt, "from")
		to := rapid.Int64Range(from, int64(len(want))).Draw(rt, "to")
		next := from
		for e, err := range Read(t.Context(), j.Reader, of, from, to) {
			if err != nil || !e.RecordedAt.Equal(want[next-1].RecordedAt) || e.Outline != want[next-1].Outline {
				rt.Fatalf("v%d: %+v %v, want %+v", next, e, err, want[next-1])
			}
			next++
		}
		if next != to+1 {
			rt.Fatalf("it ends before v%d, not v%d", next, to+1)
		}
	})
}

// A version that the account does not have is an error, never an end.
func TestAMissingVersionIsAnError(t *testing.T) {
	j := newHistory(t)
	head, err := j.Head(t.Context(), of)
	if err != nil {
		t.Fatal(err)
	}
	for _, err = range Read(t.Context(), j.Reader, of, 1, head.State.Version+1) {
	}
	if !errors.Is(err, journal.ErrDamaged) {
		t.Fatal(err)
	}
}
