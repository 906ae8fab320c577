package series

import (
	"context"
	"slices"
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

// history is a journal with one account.
type history struct {
	t       testing.TB
	journal *journal.Journal
	// posted are the balances after versions 1, 2, …
	posted []int64
}

func newHistory(t testing.TB) *history {
	t.Helper()
	tbl := storetest.Memory(t, pebblestream.Options{}, journal.Schemas...).Table
	j, err := journal.Open(t.Context(), journal.Config{Table: tbl, Outbox: discard{}})
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
	h := &history{t: t, journal: j}
	h.commit(func(d *account.Draft) {
		d.Open("EUR", event.AccountOpened{Exponent: 2, CreditLimit: 1_000_000_000})
		h.posted = append(h.posted, 0)
	})
	return h
}

func (h *history) commit(do func(d *account.Draft)) {
	h.t.Helper()
	key := strconv.Itoa(len(h.posted))
	r, err := h.journal.Execute(h.t.Context(), journal.Command{
		Account: of, Key: key, Request: journal.RequestHash("test", of.ID, nil), CorrelationID: "c-1", Actor: event.Text{Plain: "test"}, Status: 201,
		Decide: func(s account.State, now time.Time) account.Decision {
			d := account.NewDraft(s, now)
			do(d)
			return d.Decision()
		},
	})
	if err != nil || r.Rejection != nil {
		h.t.Fatalf("%v %+v", err, r.Rejection)
	}
}

// grow adds versions up to the given one, several in each entry: credits, and every third time a
// withdrawal.
func (h *history) grow(to int) {
	h.t.Helper()
	for len(h.posted) < to {
		n := min(7, to-len(h.posted))
		before := slices.Clone(h.posted)
		h.commit(func(d *account.Draft) {
			h.posted = slices.Clone(before)
			for range n {
				v, last := int64(len(h.posted)+1), h.posted[len(h.posted)-1]
				if v%3 == 0 {
					d.Debit("withdraw", event.MoneyWithdrawn{Amount: v%100 + 1, Kind: "cash"}, d.Today())
					h.posted = append(h.posted, last-v%100-1)
				} else {
					d.Credit(event.MoneyCredited{Amount: v%50 + 1, Kind: "deposit"}, d.Today())
					h.posted = append(h.posted, last+v%50+1)
				}
			}
		})
	}
}

// Any window in any number of points has the extremes and the last value of the versions behind
// each point, also of blocks that were read before the account grew.
func TestAPointHasTheExtremesOfItsVersions(t *testing.T) {
	h := newHistory(t)
	h.grow(1995)
	r := NewReader(h.journal.Reader)
	rapid.Check(t, func(t *rapid.T) {
		if len(h.posted) < 3500 && rapid.Bool().Draw(t, "grow") {
			h.grow(len(h.posted) + rapid.IntRange(1, 20).Draw(t, "by"))
		}
		head := int64(len(h.posted))
		from := rapid.Int64Range(1, head).Draw(t, "from")
		to := rapid.Int64Range(from, head).Draw(t, "to")
		points := rapid.IntRange(1, 2500).Draw(t, "points")
		s, err := r.Read(h.t.Context(), of, from, to, points)
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Versions) > points || len(s.Versions) != len(s.Times) || (to-from < int64(points)) != (s.Step == 1) {
			t.Fatalf("%d points at step %d of versions %d to %d, asked for %d", len(s.Versions), s.Step, from, to, points)
		}
		next := from
		for i, last := range s.Versions {
			part := h.posted[next-1 : last]
			if s.Posted.Last[i] != part[len(part)-1] || s.Available.Last[i] != s.Posted.Last[i]+s.Limit.Last[i] {
				t.Fatalf("v%d: posted %d, available %d; want posted %d", last, s.Posted.Last[i], s.Available.Last[i], part[len(part)-1])
			}
			if s.Step > 1 && (s.Posted.Min[i] != slices.Min(part) || s.Posted.Max[i] != slices.Max(part)) {
				t.Fatalf("v%d to v%d: %d to %d; want %d to %d", next, last, s.Posted.Min[i], s.Posted.Max[i], slices.Min(part), slices.Max(part))
			}
			next = last + 1
		}
		if next != to+1 {
			t.Fatalf("the last point ends at v%d, not v%d", next-1, to)
		}
	})
}

// A block that is whole is read once.
func TestABlockIsReadOnce(t *testing.T) {
	h := newHistory(t)
	h.grow(2100)
	r := NewReader(h.journal.Reader)
	if _, err := r.Read(t.Context(), of, 1, 2100, 100); err != nil {
		t.Fatal(err)
	}
	r.journal = nil // a read would panic
	if s, err := r.Read(t.Context(), of, 500, 2050, 5000); err != nil || len(s.Versions) != 1551 {
		t.Fatalf("%d %v", len(s.Versions), err)
	}
}

// BenchmarkRead reads the series of 100,000 versions in 1,000 points: of a history that nobody
// looked at before, and again.
func BenchmarkRead(b *testing.B) {
	h := newHistory(b)
	h.grow(100_000)
	for _, warm := range []bool{false, true} {
		b.Run("warm="+strconv.FormatBool(warm), func(b *testing.B) {
			r := NewReader(h.journal.Reader)
			for b.Loop() {
				if !warm {
					r.blocks.Purge()
				}
				if _, err := r.Read(b.Context(), of, 1, 100_000, 1000); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
