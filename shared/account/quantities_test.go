package account

import (
	"math/big"
	"testing"
	"time"

	"pgregory.net/rapid"

	"passbook/shared/money"
)

func TestQuantities(t *testing.T) {
	type q struct{ available, own, drawn, reserved, credit, over, bps int64 }
	for _, c := range []struct {
		posted, held, limit int64
		want                q
	}{
		{0, 0, 0, q{bps: -1}},
		{50, 0, 100, q{available: 150, own: 50, credit: 100}},
		{50, 80, 100, q{available: 70, own: -30, reserved: 30, credit: 70, bps: 3000}},
		{-40, 30, 100, q{available: 30, own: -70, drawn: 40, reserved: 30, credit: 30, bps: 7000}},
		{-150, 0, 100, q{available: -50, own: -150, drawn: 150, over: 50, bps: 15000}},
		{-1, 0, 3, q{available: 2, own: -1, drawn: 1, credit: 2, bps: 3333}},
		{-5, 0, 0, q{available: -5, own: -5, drawn: 5, over: 5, bps: -1}},
		{-money.Max, 0, 1, q{available: 1 - money.Max, own: -money.Max, drawn: money.Max, over: money.Max - 1, bps: money.Max}},
	} {
		s := State{Posted: c.posted, Held: c.held, Limit: c.limit}
		bps, ok := s.UtilisationBps()
		if !ok {
			bps = -1
		}
		got := q{s.Available(), s.AvailableOwn(), s.Drawn(), s.Reserved(), s.AvailableCredit(), s.OverLimit(), bps}
		if got != c.want {
			t.Errorf("posted %d held %d limit %d: %+v, want %+v", c.posted, c.held, c.limit, got, c.want)
		}
	}
}

func TestIdentityOfTheLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := State{
			Posted: rapid.Int64Range(-money.Max, money.Max).Draw(t, "posted"),
			Held:   rapid.Int64Range(0, money.Max).Draw(t, "held"),
			Limit:  rapid.Int64Range(0, money.Max).Draw(t, "limit"),
		}
		if s.Drawn()+s.Reserved()+s.AvailableCredit() != s.Limit+s.OverLimit() {
			t.Fatalf("%+v", s)
		}
		bps, ok := s.UtilisationBps()
		if ok != (s.Limit > 0) {
			t.Fatalf("%+v: %v", s, ok)
		}
		if ok {
			used := new(big.Int).Mul(big.NewInt(s.Drawn()+s.Reserved()), big.NewInt(10_000))
			used.Div(used, big.NewInt(s.Limit))
			if want := big.NewInt(money.Max); used.Cmp(want) > 0 {
				used = want
			}
			if used.Int64() != bps {
				t.Fatalf("%+v: %d, want %v", s, bps, used)
			}
		}
	})
}

func TestDue(t *testing.T) {
	at := func(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }
	s := State{Holds: []Hold{{Version: 2, ExpiresAt: at(5)}, {Version: 3}, {Version: 4, ExpiresAt: at(3)}}, LimitExpiresAt: at(4)}
	if next := s.NextDue(); next != at(3) {
		t.Errorf("next due %v", next)
	}
	for minute, want := range map[int][]int64{2: nil, 3: {4}, 4: {4}, 5: {2, 4}} {
		due := s.HoldsDue(at(minute))
		if len(due) != len(want) {
			t.Errorf("minute %d: %v, want %v", minute, due, want)
			continue
		}
		for i := range due {
			if due[i].Version != want[i] {
				t.Errorf("minute %d: %v, want %v", minute, due, want)
			}
		}
		if s.LimitDue(at(minute)) != (minute >= 4) {
			t.Errorf("minute %d: limit due %v", minute, s.LimitDue(at(minute)))
		}
	}
	s.Holds = s.Holds[1:2]
	if next := s.NextDue(); next != at(4) {
		t.Errorf("next due %v, want the limit's", next)
	}
	if next := (State{Holds: s.Holds}).NextDue(); !next.IsZero() {
		t.Errorf("nothing will expire, but next due %v", next)
	}
}
