package withdraw

import (
	"reflect"
	"testing"
	"time"

	"passbook/shared/account"
	acct "passbook/shared/account/accounttest"
	"passbook/shared/event"
	"passbook/shared/money"
)

var soon, past = acct.Noon.Add(time.Hour), acct.Noon.Add(-time.Second)

func rfc(t time.Time) string { return t.Format(time.RFC3339Nano) }

func ptr[T any](v T) *T { return &v }

// rule is one line of a decision table: given a state, a command has an outcome, and the account
// has these numbers.
type rule struct {
	name    string
	given   account.State
	when    func(account.State, time.Time) account.Decision
	then    string // the events, or !code
	numbers string // posted/held/limit, of an outcome with events
}

func check(t *testing.T, rules []rule) {
	t.Helper()
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			d := r.when(r.given, acct.Noon)
			if got := acct.Describe(d); got != r.then {
				t.Fatalf("%s, want %s", got, r.then)
			}
			s := r.given
			for _, e := range d.Events {
				next, err := account.Fold(s, e)
				if err != nil {
					t.Fatal(err)
				}
				s = next
			}
			if r.numbers != "" && acct.Numbers(s) != r.numbers {
				t.Errorf("%s, want %s", acct.Numbers(s), r.numbers)
			}
		})
	}
}

func TestWithdraw(t *testing.T) {
	take := func(amount int64) func(account.State, time.Time) account.Decision {
		return Withdraw{Amount: amount, Currency: "EUR"}.Decide
	}
	check(t, []rule{
		{"of what is there", acct.Given(acct.Credited(100)), take(100), "MoneyWithdrawn", "0/0/0"},
		{"of one too many", acct.Given(acct.Credited(100)), take(101), "WithdrawalDeclined", "100/0/0"},
		{"on credit", acct.Given(acct.Credited(100), acct.Limited(50, time.Time{})), take(150), "MoneyWithdrawn", "-50/0/50"},
		{"beyond the limit", acct.Given(acct.Credited(100), acct.Limited(50, time.Time{})), take(151), "WithdrawalDeclined", "100/0/50"},
		{"of what is held", acct.Given(acct.Credited(100), acct.Held(60, time.Time{})), take(41), "WithdrawalDeclined", "100/60/0"},
		{"beside a hold", acct.Given(acct.Credited(100), acct.Held(60, time.Time{})), take(40), "MoneyWithdrawn", "60/60/0"},
		{"of an expired hold", acct.Given(acct.Credited(100), acct.Held(60, past)), take(100), "HoldReleased, MoneyWithdrawn", "0/0/0"},
		{
			"of an expired limit", acct.Given(acct.Limited(50, past)), take(50), "CreditLimitChanged, WithdrawalDeclined", "0/0/0",
		},
		{
			"after several expiries", acct.Given(acct.Credited(9), acct.Held(1, past), acct.Held(2, soon), acct.Held(3, past), acct.Limited(5, past)), take(1),
			"HoldReleased, HoldReleased, CreditLimitChanged, MoneyWithdrawn", "8/2/0",
		},
		{"over the limit", acct.Given(acct.Limited(50, time.Time{}), acct.Withdrawn(40), acct.Limited(10, time.Time{})), take(1), "WithdrawalDeclined", "-40/0/10"},
		{"frozen for debits", acct.Given(acct.Credited(9), acct.Frozen(event.ScopeDebits)), take(1), "!account-frozen", ""},
		{"frozen for all", acct.Given(acct.Credited(9), acct.Frozen(event.ScopeAll)), take(1), "!account-frozen", ""},
		{"no longer frozen", acct.Given(acct.Credited(9), acct.Frozen(event.ScopeAll), acct.Unfrozen), take(1), "MoneyWithdrawn", "8/0/0"},
		{"frozen, and without funds", acct.Given(acct.Frozen(event.ScopeDebits)), take(1), "!account-frozen", ""},
		{"rejected with an expiry", acct.Given(acct.Credited(9), acct.Held(1, past), acct.Frozen(event.ScopeAll)), take(1), "!account-frozen", ""},
		{"no account", account.State{}, take(1), "!account-not-found", ""},
		{"closed account", acct.Given(acct.Closed), take(1), "!account-closed", ""},
		{"in another currency", acct.Given(acct.Credited(9)), Withdraw{Amount: 1, Currency: "USD"}.Decide, "!currency-mismatch", ""},
		{
			"short of the greatest number", acct.Given(acct.Limited(1, time.Time{}), acct.Withdrawn(1), acct.Limited(0, time.Time{})), take(money.Max - 1),
			"WithdrawalDeclined", "-1/0/0",
		},
		{
			"short of more than a number", acct.Given(acct.Limited(1, time.Time{}), acct.Withdrawn(1), acct.Limited(0, time.Time{})), take(money.Max),
			"!balance-overflow", "",
		},
		{"down to the least balance", acct.Given(acct.Limited(money.Max, time.Time{})), take(money.Max), "MoneyWithdrawn", "-9007199254740991/0/9007199254740991"},
	})
}

func TestWithdrawFillsItsEvent(t *testing.T) {
	c := Withdraw{
		Amount: 130, Currency: "EUR", Kind: event.KindCard, Reference: event.Text{Plain: "r"}, Contra: "clearing", EffectiveAt: "2026-11-30", ValueDates: account.Window{Ahead: 9},
	}
	s := acct.Given(acct.Credited(100), acct.Limited(50, time.Time{}))
	got := c.Decide(s, acct.Noon.Add(1500)).Events[0]
	want := event.New(event.MoneyWithdrawn{
		Amount: 130, Kind: event.KindCard, Contra: "clearing", Reference: event.Text{Plain: "r"}, FromOwn: 100, FromCredit: 30,
	})
	want.Version, want.Currency, want.RecordedAt = s.Version+1, "EUR", acct.Noon.Add(time.Microsecond)
	want.EffectiveAt = time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)
	want.After = event.After{Posted: -30, Limit: 50}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
	got = Withdraw{Amount: 1, Currency: "EUR"}.Decide(s, acct.Noon).Events[0]
	if b := got.Body.(event.MoneyWithdrawn); b.Kind != event.KindCash || got.EffectiveAt != acct.Noon.Truncate(24*time.Hour) {
		t.Errorf("defaults: %+v", got)
	}
	decline := Withdraw{Amount: 151, Currency: "EUR"}.Decide(s, acct.Noon).Events[0].Body
	if want := (event.WithdrawalDeclined{
		Op: event.OpWithdraw, Amount: 151, Reason: event.InsufficientFunds, Available: 150, Limit: 50, Shortfall: 1,
	}); decline != want {
		t.Errorf("%+v, want %+v", decline, want)
	}
}

func TestFreezeNamesItsScope(t *testing.T) {
	d := Withdraw{Amount: 1, Currency: "EUR"}.Decide(acct.Given(acct.Frozen(event.ScopeAll)), acct.Noon)
	if want := map[string]any{"scope": "all"}; !reflect.DeepEqual(d.Rejection.Details, want) {
		t.Errorf("%v, want %v", d.Rejection.Details, want)
	}
}

func TestPlaceHold(t *testing.T) {
	hold := func(amount int64, expiresAt string) func(account.State, time.Time) account.Decision {
		return PlaceHold{Amount: amount, Currency: "EUR", ExpiresAt: expiresAt}.Decide
	}
	full := acct.Given(acct.Credited(1000))
	for range account.MaxHolds {
		full = holdOne(t, full)
	}
	check(t, []rule{
		{"of what is there", acct.Given(acct.Credited(100)), hold(100, ""), "HoldPlaced", "100/100/0"},
		{"of one too many", acct.Given(acct.Credited(100)), hold(101, ""), "WithdrawalDeclined", "100/0/0"},
		{"on credit", acct.Given(acct.Limited(50, time.Time{})), hold(50, rfc(soon)), "HoldPlaced", "0/50/50"},
		{"beyond what is held", acct.Given(acct.Credited(100), acct.Held(60, time.Time{})), hold(41, ""), "WithdrawalDeclined", "100/60/0"},
		{"in place of an expired one", acct.Given(acct.Credited(100), acct.Held(60, past)), hold(100, ""), "HoldReleased, HoldPlaced", "100/100/0"},
		{"that expires now", acct.Given(acct.Credited(100)), hold(1, rfc(acct.Noon)), "!date-out-of-range", ""},
		{"that has expired", acct.Given(acct.Credited(100)), hold(1, rfc(past)), "!date-out-of-range", ""},
		{"one too many", full, hold(1, ""), "!too-many-holds", ""},
		{"frozen for debits", acct.Given(acct.Credited(9), acct.Frozen(event.ScopeDebits)), hold(1, ""), "!account-frozen", ""},
		{"no account", account.State{}, hold(1, ""), "!account-not-found", ""},
		{"closed account", acct.Given(acct.Closed), hold(1, ""), "!account-closed", ""},
		{"in another currency", acct.Given(acct.Credited(9)), PlaceHold{Amount: 1, Currency: "USD"}.Decide, "!currency-mismatch", ""},
		{
			"beyond what can be held", acct.Given(acct.Credited(money.Max), acct.Limited(money.Max, time.Time{}), acct.Held(money.Max, time.Time{})), hold(1, ""),
			"!balance-overflow", "",
		},
	})
}

func holdOne(t *testing.T, s account.State) account.State {
	t.Helper()
	d := account.NewDraft(s, acct.Noon)
	d.PlaceHold(event.HoldPlaced{Amount: 1})
	if d.Decision().Rejection != nil {
		t.Fatal(d.Decision().Rejection)
	}
	return d.State
}

func TestCaptureHold(t *testing.T) {
	// The account is opened at version 1, credited at 2; the hold is h3.
	held := acct.Given(acct.Credited(100), acct.Held(60, time.Time{}))
	check(t, []rule{
		{"of all", held, CaptureHold{HoldID: "h3"}.Decide, "HoldCaptured, MoneyWithdrawn", "40/0/0"},
		{"of all by amount", held, CaptureHold{HoldID: "h3", Amount: ptr(int64(60))}.Decide, "HoldCaptured, MoneyWithdrawn", "40/0/0"},
		{
			"of all, said not to be final", held, CaptureHold{HoldID: "h3", Amount: ptr(int64(60)), Final: ptr(false)}.Decide,
			"HoldCaptured, MoneyWithdrawn", "40/0/0",
		},
		{
			"of a part releases the rest", held, CaptureHold{HoldID: "h3", Amount: ptr(int64(10))}.Decide,
			"HoldCaptured, MoneyWithdrawn, HoldReleased", "90/0/0",
		},
		{
			"of a part with more to come", held, CaptureHold{HoldID: "h3", Amount: ptr(int64(10)), Final: ptr(false)}.Decide,
			"HoldCaptured, MoneyWithdrawn", "90/50/0",
		},
		{"of too much", held, CaptureHold{HoldID: "h3", Amount: ptr(int64(61))}.Decide, "!hold-amount-exceeded", ""},
		{"of what never was", held, CaptureHold{HoldID: "h9", Placed: true}.Decide, "!hold-not-found", ""},
		{"of another event", held, CaptureHold{HoldID: "h2"}.Decide, "!hold-not-found", ""},
		{"of no id", held, CaptureHold{HoldID: "t3", Placed: true}.Decide, "!hold-not-found", ""},
		{"of what has ended", held, CaptureHold{HoldID: "h2", Placed: true}.Decide, "!hold-not-active", ""},
		{
			"of what has just expired", acct.Given(acct.Credited(100), acct.Held(60, past)), CaptureHold{HoldID: "h3"}.Decide, "!hold-not-active", "",
		},
		{
			"after a freeze of debits", acct.Given(acct.Credited(100), acct.Held(60, time.Time{}), acct.Frozen(event.ScopeDebits)), CaptureHold{HoldID: "h3"}.Decide,
			"HoldCaptured, MoneyWithdrawn", "40/0/0",
		},
		{
			"after a freeze of all", acct.Given(acct.Credited(100), acct.Held(60, time.Time{}), acct.Frozen(event.ScopeAll)), CaptureHold{HoldID: "h3"}.Decide,
			"!account-frozen", "",
		},
		{
			"over the limit", acct.Given(acct.Limited(60, time.Time{}), acct.Held(60, time.Time{}), acct.Limited(0, time.Time{})), CaptureHold{HoldID: "h3"}.Decide,
			"HoldCaptured, MoneyWithdrawn", "-60/0/0",
		},
		{"no account", account.State{}, CaptureHold{HoldID: "h3"}.Decide, "!account-not-found", ""},
		{"closed account", acct.Given(acct.Closed), CaptureHold{HoldID: "h1"}.Decide, "!account-closed", ""},
	})
	bodies := CaptureHold{HoldID: "h3", Amount: ptr(int64(10))}.Decide(held, acct.Noon).Events
	for i, want := range []event.Body{
		event.HoldCaptured{HoldID: "h3", Amount: 10, Remaining: 50, Final: true},
		event.MoneyWithdrawn{Amount: 10, Kind: event.KindCard, HoldID: "h3", FromOwn: 10},
		event.HoldReleased{HoldID: "h3", Amount: 50, Reason: event.ReasonCaptureRemainder},
	} {
		if bodies[i].Body != want {
			t.Errorf("event %d: %+v, want %+v", i, bodies[i].Body, want)
		}
	}
}

// A capture needs no funds, so only the range of a balance can stop it.
func TestCaptureBeyondTheLeastBalance(t *testing.T) {
	s := acct.Given(acct.Credited(1), acct.Held(1, time.Time{}))
	s.Posted = -money.Max
	check(t, []rule{{"one below", s, CaptureHold{HoldID: "h3"}.Decide, "!balance-overflow", ""}})
}

func TestReleaseHold(t *testing.T) {
	held := acct.Given(acct.Credited(100), acct.Held(60, time.Time{}))
	check(t, []rule{
		{"open", held, ReleaseHold{HoldID: "h3"}.Decide, "HoldReleased", "100/0/0"},
		{"after a freeze of all", acct.Given(acct.Credited(9), acct.Held(6, time.Time{}), acct.Frozen(event.ScopeAll)), ReleaseHold{HoldID: "h3"}.Decide, "HoldReleased", "9/0/0"},
		{"just expired", acct.Given(acct.Credited(9), acct.Held(6, past)), ReleaseHold{HoldID: "h3", Placed: true}.Decide, "!hold-not-active", ""},
		{"ended", acct.Given(acct.Credited(9)), ReleaseHold{HoldID: "h2", Placed: true}.Decide, "!hold-not-active", ""},
		{"never placed", held, ReleaseHold{HoldID: "h2"}.Decide, "!hold-not-found", ""},
		{"beyond the head", held, ReleaseHold{HoldID: "h4", Placed: true}.Decide, "!hold-not-found", ""},
		{"no account", account.State{}, ReleaseHold{HoldID: "h3"}.Decide, "!account-not-found", ""},
	})
}

func TestReverseWithdrawal(t *testing.T) {
	spent := acct.Given(acct.Credited(100), acct.Withdrawn(60))
	original := func(b event.Body) *event.Event {
		v := event.New(b)
		v.Version = 3
		return &v
	}
	cash := original(event.MoneyWithdrawn{Amount: 60, Kind: event.KindCash, FromOwn: 60})
	reverse := func(o *event.Event, reversed bool) func(account.State, time.Time) account.Decision {
		return ReverseWithdrawal{TransactionID: "t3", Original: o, Reversed: reversed}.Decide
	}
	check(t, []rule{
		{"once", spent, reverse(cash, false), "TransactionReversed", "100/0/0"},
		{"twice", spent, reverse(cash, true), "!already-reversed", ""},
		{"nothing", spent, reverse(nil, false), "!transaction-not-found", ""},
		{"a credit", spent, reverse(original(event.MoneyCredited{Amount: 60, Kind: event.KindDeposit}), false), "!transaction-not-found", ""},
		{"no transaction", spent, reverse(original(event.AccountUnfrozen{}), false), "!transaction-not-found", ""},
		{
			"a reversal", spent, reverse(original(event.TransactionReversed{OriginalTransactionID: "t1", Direction: event.DirectionDebit, Amount: 1}), false),
			"!not-reversible", "",
		},
		{
			"a leg of a transfer", spent, reverse(original(event.MoneyWithdrawn{Amount: 60, Kind: event.KindTransferOut, FromOwn: 60}), false),
			"!not-reversible", "",
		},
		{"a captured hold", spent, reverse(original(event.MoneyWithdrawn{Amount: 60, Kind: event.KindCard, HoldID: "h2", FromOwn: 60}), false), "TransactionReversed", "100/0/0"},
		{"frozen for debits", acct.Given(acct.Credited(100), acct.Withdrawn(60), acct.Frozen(event.ScopeDebits)), reverse(cash, false), "TransactionReversed", "100/0/0"},
		{"frozen for all", acct.Given(acct.Credited(100), acct.Withdrawn(60), acct.Frozen(event.ScopeAll)), reverse(cash, false), "!account-frozen", ""},
		{"beyond the greatest balance", acct.Given(acct.Credited(100), acct.Withdrawn(60), acct.Credited(money.Max-40)), reverse(cash, false), "!balance-overflow", ""},
		{"no account", account.State{}, reverse(nil, false), "!account-not-found", ""},
		{"closed account", acct.Given(acct.Closed), reverse(cash, false), "!account-closed", ""},
	})
}

func TestExpire(t *testing.T) {
	check(t, []rule{
		{"nothing due", acct.Given(acct.Credited(9), acct.Held(1, soon), acct.Limited(5, soon)), Expire{}.Decide, "", ""},
		{"a hold and a limit", acct.Given(acct.Credited(9), acct.Held(1, past), acct.Limited(5, past)), Expire{}.Decide, "HoldReleased, CreditLimitChanged", "9/0/0"},
		{"due at this moment", acct.Given(acct.Credited(9), acct.Held(1, acct.Noon)), Expire{}.Decide, "HoldReleased", "9/0/0"},
		{"frozen for all", acct.Given(acct.Credited(9), acct.Held(1, past), acct.Frozen(event.ScopeAll)), Expire{}.Decide, "HoldReleased", "9/0/0"},
		{"no account", account.State{}, Expire{}.Decide, "", ""},
		{"closed account", acct.Given(acct.Closed), Expire{}.Decide, "", ""},
	})
	s := acct.Given(acct.Limited(5, past))
	d := Expire{}.Decide(s, acct.Noon)
	if want := (event.CreditLimitChanged{Before: 5, Forced: true, ExpiredVersion: 2}); d.Events[0].Body != want {
		t.Errorf("%+v, want %+v", d.Events[0].Body, want)
	}
}
