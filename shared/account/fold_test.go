package account

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"passbook/shared/event"
	"passbook/shared/money"
)

var (
	noon  = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	later = noon.Add(time.Hour)
)

// given returns an open account in EUR with a limit of 100, 50 posted and a hold of 30 that expires
// in an hour, at version 4.
func given() State {
	return State{
		Version: 4, Status: StatusOpen, Currency: "EUR", HolderRef: "holder-1", Posted: 50, Held: 30, Limit: 100, LimitVersion: 1,
		Holds:      []Hold{{Version: 4, Amount: 30, PlacedAt: noon, ExpiresAt: later}},
		RecordedAt: noon, LastMovement: noon,
	}
}

// next returns the event of b that follows s, with the After given.
func next(s State, b event.Body, after event.After) event.Event {
	return event.Event{Version: s.Version + 1, Schema: 1, Currency: "EUR", RecordedAt: later, EffectiveAt: date(later), After: after, Body: b}
}

func TestFold(t *testing.T) {
	for _, c := range []struct {
		name  string
		body  event.Body
		after event.After
		then  func(s *State)
	}{
		{"credit", event.MoneyCredited{Amount: 5}, event.After{Posted: 55, Held: 30, Limit: 100}, func(s *State) {
			s.Posted, s.LastMovement = 55, later
		}},
		{
			"withdrawal of more than is posted", event.MoneyWithdrawn{Amount: 70, FromOwn: 50, FromCredit: 20},
			event.After{Posted: -20, Held: 30, Limit: 100}, func(s *State) { s.Posted, s.LastMovement = -20, later },
		},
		{
			"decline", event.WithdrawalDeclined{Amount: 200, Available: 120, Limit: 100, Shortfall: 80},
			event.After{Posted: 50, Held: 30, Limit: 100}, func(*State) {},
		},
		{"hold", event.HoldPlaced{Amount: 7}, event.After{Posted: 50, Held: 37, Limit: 100}, func(s *State) {
			s.Held = 37
			s.Holds = append(s.Holds, Hold{Version: 5, Amount: 7, PlacedAt: later})
		}},
		{
			"capture in part", event.HoldCaptured{HoldID: "h4", Amount: 10, Remaining: 20},
			event.After{Posted: 50, Held: 20, Limit: 100}, func(s *State) { s.Held, s.Holds[0].Amount = 20, 20 },
		},
		{
			"capture of all", event.HoldCaptured{HoldID: "h4", Amount: 30, Final: true},
			event.After{Posted: 50, Held: 0, Limit: 100}, func(s *State) { s.Held, s.Holds = 0, nil },
		},
		{"release", event.HoldReleased{HoldID: "h4", Amount: 30}, event.After{Posted: 50, Held: 0, Limit: 100}, func(s *State) {
			s.Held, s.Holds = 0, nil
		}},
		{
			"reversal of a credit", event.TransactionReversed{OriginalTransactionID: "t2", Direction: event.DirectionDebit, Amount: 60},
			event.After{Posted: -10, Held: 30, Limit: 100}, func(s *State) { s.Posted, s.LastMovement = -10, later },
		},
		{
			"reversal of a withdrawal", event.TransactionReversed{OriginalTransactionID: "t2", Direction: event.DirectionCredit, Amount: 60},
			event.After{Posted: 110, Held: 30, Limit: 100}, func(s *State) { s.Posted, s.LastMovement = 110, later },
		},
		{
			"limit", event.CreditLimitChanged{Before: 100, After: 20, ExpiresAt: later.Add(1)},
			event.After{Posted: 50, Held: 30, Limit: 20}, func(s *State) { s.Limit, s.LimitVersion, s.LimitExpiresAt = 20, 5, later.Add(1) },
		},
		{
			"limit that ran out", event.CreditLimitChanged{Before: 100, ExpiredVersion: 1, Forced: true},
			event.After{Posted: 50, Held: 30}, func(s *State) { s.Limit, s.LimitVersion = 0, 5 },
		},
		{"freeze", event.AccountFrozen{Scope: event.ScopeAll}, event.After{Posted: 50, Held: 30, Limit: 100}, func(s *State) { s.Frozen = "all" }},
		{"unfreeze", event.AccountUnfrozen{}, event.After{Posted: 50, Held: 30, Limit: 100}, func(*State) {}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := given()
			got, err := Fold(s, next(s, c.body, c.after))
			if err != nil {
				t.Fatal(err)
			}
			want := given()
			want.Version, want.RecordedAt = 5, later
			c.then(&want)
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%+v\nwant %+v", got, want)
			}
			if !reflect.DeepEqual(s, given()) {
				t.Errorf("the state that was given changed: %+v", s)
			}
			wrong := next(s, c.body, c.after)
			wrong.After.Posted++
			if _, err := Fold(s, wrong); err == nil || !strings.Contains(err.Error(), "after") {
				t.Errorf("another After: %v", err)
			}
		})
	}
}

func TestFoldOpensAndCloses(t *testing.T) {
	opening := event.Event{
		Version: 1, Currency: "JPY", RecordedAt: noon, After: event.After{Limit: 9},
		Body: event.AccountOpened{HolderRef: "h", Product: "p", CreditLimit: 9},
	}
	s, err := Fold(State{}, opening)
	want := State{Version: 1, Status: StatusOpen, Currency: "JPY", HolderRef: "h", Product: "p", Limit: 9, LimitVersion: 1, RecordedAt: noon}
	if err != nil || !reflect.DeepEqual(s, want) {
		t.Fatalf("%+v, %v\nwant %+v", s, err, want)
	}
	s.Limit = 0
	closing := event.Event{Version: 2, Currency: "JPY", RecordedAt: noon, Body: event.AccountClosed{}}
	if s, err = Fold(s, closing); err != nil || s.Status != StatusClosed {
		t.Fatalf("%+v, %v", s, err)
	}
	closing.Version = 3
	if _, err := Fold(s, closing); err == nil {
		t.Error("an event follows the end")
	}
}

func TestFoldRefuses(t *testing.T) {
	unchanged := event.After{Posted: 50, Held: 30, Limit: 100}
	for _, c := range []struct {
		name   string
		change func(s *State, e *event.Event)
		why    string
	}{
		{"a repeated version", func(_ *State, e *event.Event) { e.Version = 4 }, "not the version after 4"},
		{"a gap", func(_ *State, e *event.Event) { e.Version = 6 }, "not the version after 4"},
		{"another currency", func(_ *State, e *event.Event) { e.Currency = "USD" }, "currency"},
		{"a time that falls", func(_ *State, e *event.Event) { e.RecordedAt = noon.Add(-1) }, "before the event before"},
		{"an event on nothing", func(s *State, e *event.Event) { *s, e.Version = State{}, 1 }, "version 1 is AccountOpened"},
		{"a second opening", func(_ *State, e *event.Event) { e.Body = event.AccountOpened{} }, "AccountOpened is version 1"},
		{"a closed account", func(s *State, _ *event.Event) { s.Status = StatusClosed }, "closed"},
		{"no body", func(_ *State, e *event.Event) { e.Body = nil }, "no event"},
		{"a hold that is not open", func(_ *State, e *event.Event) { e.Body = event.HoldReleased{HoldID: "h3", Amount: 30} }, `"h3" is not open`},
		{"a hold id that is none", func(_ *State, e *event.Event) { e.Body = event.HoldReleased{HoldID: "t4", Amount: 30} }, `"t4" is not open`},
		{"a release of another amount", func(_ *State, e *event.Event) { e.Body = event.HoldReleased{HoldID: "h4", Amount: 29} }, "released 29 of 30"},
		{"a capture with another remainder", func(_ *State, e *event.Event) {
			e.Body = event.HoldCaptured{HoldID: "h4", Amount: 10, Remaining: 10}
		}, "captured 10 of 30"},
		{"a capture of too much", func(_ *State, e *event.Event) {
			e.Body = event.HoldCaptured{HoldID: "h4", Amount: 31, Remaining: 0}
		}, "captured 31 of 30"},
		{"another split", func(_ *State, e *event.Event) { e.Body = event.MoneyWithdrawn{Amount: 60, FromOwn: 60} }, "folded 50 own"},
		{"a decline at another balance", func(_ *State, e *event.Event) {
			e.Body = event.WithdrawalDeclined{Amount: 200, Available: 119, Limit: 100, Shortfall: 81}
		}, "folded 120, 100"},
		{"a limit from another", func(_ *State, e *event.Event) { e.Body = event.CreditLimitChanged{Before: 99, After: 1} }, "folded 100"},
		{"the end of another limit", func(_ *State, e *event.Event) {
			e.Body = event.CreditLimitChanged{Before: 100, ExpiredVersion: 2}
		}, "folded v1"},
		{"a reversal of what is to come", func(_ *State, e *event.Event) {
			e.Body = event.TransactionReversed{OriginalTransactionID: "t5", Direction: event.DirectionCredit, Amount: 1}
		}, "not a transaction before"},
		{"a closing with money", func(_ *State, e *event.Event) { e.Body = event.AccountClosed{} }, "closed at"},
		{"posted out of range", func(s *State, e *event.Event) {
			s.Posted, e.Body = money.Max, event.MoneyCredited{Amount: 1}
		}, "out of range"},
		{"held out of range", func(s *State, e *event.Event) {
			s.Held, e.Body = money.Max, event.HoldPlaced{Amount: 1}
		}, "out of range"},
		{"too many holds", func(s *State, e *event.Event) {
			s.Holds, e.Body = make([]Hold, MaxHolds), event.HoldPlaced{Amount: 1}
		}, "more than 500"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := given()
			e := next(s, event.AccountUnfrozen{}, unchanged)
			c.change(&s, &e)
			before := s
			got, err := Fold(s, e)
			if err == nil || !strings.Contains(err.Error(), c.why) {
				t.Errorf("%v, want %q", err, c.why)
			}
			if !reflect.DeepEqual(got, before) {
				t.Errorf("the state moved on: %+v", got)
			}
		})
	}
}

// Two states folded from one state never write into each other's holds.
func TestFoldForksDoNotShareHolds(t *testing.T) {
	s := given()
	s.Holds = append(make([]Hold, 0, 8), s.Holds...)
	a, err := Fold(s, next(s, event.HoldPlaced{Amount: 1}, event.After{Posted: 50, Held: 31, Limit: 100}))
	if err != nil {
		t.Fatal(err)
	}
	b, err := Fold(s, next(s, event.HoldPlaced{Amount: 2}, event.After{Posted: 50, Held: 32, Limit: 100}))
	if err != nil {
		t.Fatal(err)
	}
	if a.Holds[1].Amount != 1 || b.Holds[1].Amount != 2 {
		t.Errorf("%+v and %+v", a.Holds, b.Holds)
	}
}
