package credit

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"passbook/shared/account"
	acct "passbook/shared/account/accounttest"
	"passbook/shared/event"
	"passbook/shared/money"
)

var (
	never      time.Time
	soon, past = acct.Noon.Add(time.Hour), acct.Noon.Add(-time.Second)
)

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

func TestOpen(t *testing.T) {
	check(t, []rule{
		{"new", account.State{}, Open{Currency: "EUR"}.Decide, "AccountOpened", "0/0/0"},
		{"with a limit", account.State{}, Open{Currency: "JPY", CreditLimit: 500}.Decide, "AccountOpened", "0/0/500"},
		{"again", acct.Given(), Open{Currency: "EUR"}.Decide, "!account-exists", ""},
		{"again after its end", acct.Given(acct.Closed), Open{Currency: "EUR"}.Decide, "!account-exists", ""},
		{"in a historic currency", account.State{}, Open{Currency: "DEM"}.Decide, "!unsupported-currency", ""},
		{"in no currency", account.State{}, Open{Currency: "XXX"}.Decide, "!unsupported-currency", ""},
	})
	d := Open{Currency: "KWD", HolderRef: "h-1", Product: "p-1", CreditLimit: 5}.Decide(account.State{}, acct.Noon)
	want := event.New(event.AccountOpened{HolderRef: "h-1", Exponent: 3, Product: "p-1", CreditLimit: 5})
	want.Version, want.Currency, want.RecordedAt, want.EffectiveAt = 1, "KWD", acct.Noon, acct.Noon.Truncate(24*time.Hour)
	want.After.Limit = 5
	if !reflect.DeepEqual(d.Events[0], want) {
		t.Errorf("%+v\nwant %+v", d.Events[0], want)
	}
}

func TestCredit(t *testing.T) {
	add := Credit{Amount: 7, Currency: "EUR"}.Decide
	check(t, []rule{
		{"in", acct.Given(), add, "MoneyCredited", "7/0/0"},
		{"over the limit", acct.Given(acct.Limited(50, never), acct.Withdrawn(40), acct.Limited(10, never)), add, "MoneyCredited", "-33/0/10"},
		{"after an expiry", acct.Given(acct.Credited(9), acct.Held(9, past)), add, "HoldReleased, MoneyCredited", "16/0/0"},
		{"frozen for debits", acct.Given(acct.Frozen(event.ScopeDebits)), add, "MoneyCredited", "7/0/0"},
		{"frozen for all", acct.Given(acct.Frozen(event.ScopeAll)), add, "!account-frozen", ""},
		{"no account", account.State{}, add, "!account-not-found", ""},
		{"closed account", acct.Given(acct.Closed), add, "!account-closed", ""},
		{"in another currency", acct.Given(), Credit{Amount: 7, Currency: "USD"}.Decide, "!currency-mismatch", ""},
		{"up to the greatest balance", acct.Given(acct.Credited(money.Max - 7)), add, "MoneyCredited", "9007199254740991/0/0"},
		{"beyond it", acct.Given(acct.Credited(money.Max - 6)), add, "!balance-overflow", ""},
	})
	c := Credit{Amount: 7, Currency: "EUR", Kind: "interest", Reference: event.Text{Plain: "r"}, Contra: "c", EffectiveAt: "2026-12-31", ValueDates: account.Window{Ahead: 40}}
	e := c.Decide(acct.Given(), acct.Noon).Events[0]
	if want := (event.MoneyCredited{Amount: 7, Kind: "interest", Contra: "c", Reference: event.Text{Plain: "r"}}); e.Body != want {
		t.Errorf("%+v, want %+v", e.Body, want)
	}
	if e.EffectiveAt != time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC) {
		t.Errorf("value date %v", e.EffectiveAt)
	}
	if b := add(acct.Given(), acct.Noon).Events[0].Body.(event.MoneyCredited); b.Kind != event.KindDeposit {
		t.Errorf("kind %s", b.Kind)
	}
}

func TestSetLimit(t *testing.T) {
	set := func(limit int64, force bool) func(account.State, time.Time) account.Decision {
		return SetLimit{Limit: &limit, Force: force}.Decide
	}
	until := func(at time.Time) func(account.State, time.Time) account.Decision {
		return SetLimit{Limit: ptr(int64(5)), ExpiresAt: at.Format(time.RFC3339Nano)}.Decide
	}
	used := acct.Given(acct.Limited(100, never), acct.Withdrawn(40), acct.Held(30, never))
	check(t, []rule{
		{"the first", acct.Given(), set(100, false), "CreditLimitChanged", "0/0/100"},
		{"to the same", acct.Given(acct.Limited(100, never)), set(100, false), "CreditLimitChanged", "0/0/100"},
		{"to none", acct.Given(acct.Limited(100, never)), set(0, false), "CreditLimitChanged", "0/0/0"},
		{"down to what is in use", used, set(70, false), "CreditLimitChanged", "-40/30/70"},
		{"below it", used, set(69, false), "!limit-below-usage", ""},
		{"below it by force", used, set(69, true), "CreditLimitChanged", "-40/30/69"},
		{"below an expired hold", acct.Given(acct.Limited(100, never), acct.Held(30, past)), set(0, false), "HoldReleased, CreditLimitChanged", "0/0/0"},
		{"after the old one expired", acct.Given(acct.Limited(100, past)), set(5, false), "CreditLimitChanged, CreditLimitChanged", "0/0/5"},
		{"until soon", acct.Given(), until(soon), "CreditLimitChanged", "0/0/5"},
		{"until now", acct.Given(), until(acct.Noon), "!date-out-of-range", ""},
		{"raised when frozen for debits", acct.Given(acct.Frozen(event.ScopeDebits)), set(1, false), "CreditLimitChanged", "0/0/1"},
		{"cut when frozen for all", acct.Given(acct.Limited(9, never), acct.Frozen(event.ScopeAll)), set(8, false), "CreditLimitChanged", "0/0/8"},
		{"kept when frozen for all", acct.Given(acct.Limited(9, never), acct.Frozen(event.ScopeAll)), set(9, false), "!account-frozen", ""},
		{"raised when frozen for all", acct.Given(acct.Frozen(event.ScopeAll)), set(1, true), "!account-frozen", ""},
		{"no account", account.State{}, set(1, false), "!account-not-found", ""},
		{"closed account", acct.Given(acct.Closed), set(1, false), "!account-closed", ""},
	})
	if got := set(69, false)(used, acct.Noon).Rejection.Details; !reflect.DeepEqual(got, map[string]any{"in_use": int64(70)}) {
		t.Errorf("%v", got)
	}
	c := SetLimit{
		Limit: ptr(int64(60)), Reason: event.Text{Plain: "r"}, DecidedBy: "d", DecisionRef: "n", ExpiresAt: "2026-11-21T14:00:00+01:00", Force: true,
	}
	want := event.CreditLimitChanged{
		Before: 100, After: 60, ExpiresAt: acct.Noon.Add(time.Hour), Reason: event.Text{Plain: "r"}, DecidedBy: "d", DecisionRef: "n", Forced: true,
	}
	if got := c.Decide(used, acct.Noon).Events[0].Body; got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := set(70, true)(used, acct.Noon).Events[0].Body.(event.CreditLimitChanged); got.Forced {
		t.Error("force that was not needed is on record")
	}
}

func TestFreezeAndUnfreeze(t *testing.T) {
	all, debits := Freeze{Scope: event.ScopeAll, ReasonCode: "court"}, Freeze{}
	check(t, []rule{
		{"freeze", acct.Given(acct.Credited(5)), debits.Decide, "AccountFrozen", "5/0/0"},
		{"freeze again", acct.Given(acct.Frozen(event.ScopeDebits)), all.Decide, "AccountFrozen", "0/0/0"},
		{"unfreeze", acct.Given(acct.Frozen(event.ScopeAll)), Unfreeze{ReasonCode: "x"}.Decide, "AccountUnfrozen", "0/0/0"},
		{"unfreeze what is not frozen", acct.Given(), Unfreeze{}.Decide, "AccountUnfrozen", "0/0/0"},
		{"freeze after an expiry", acct.Given(acct.Credited(5), acct.Held(5, past)), debits.Decide, "HoldReleased, AccountFrozen", "5/0/0"},
		{"freeze no account", account.State{}, debits.Decide, "!account-not-found", ""},
		{"freeze a closed account", acct.Given(acct.Closed), debits.Decide, "!account-closed", ""},
		{"unfreeze no account", account.State{}, Unfreeze{}.Decide, "!account-not-found", ""},
		{"unfreeze a closed account", acct.Given(acct.Closed), Unfreeze{}.Decide, "!account-closed", ""},
	})
	if b := debits.Decide(acct.Given(), acct.Noon).Events[0].Body; b != (event.AccountFrozen{Scope: event.ScopeDebits}) {
		t.Errorf("%+v", b)
	}
	loosened := acct.Given(acct.Frozen(event.ScopeAll), acct.Frozen(event.ScopeDebits))
	if loosened.Frozen != event.ScopeDebits {
		t.Errorf("the scope of a second freeze is %q", loosened.Frozen)
	}
}

func TestClose(t *testing.T) {
	end := Close{ReasonCode: "customer"}.Decide
	check(t, []rule{
		{"empty", acct.Given(), end, "AccountClosed", "0/0/0"},
		{"with a limit", acct.Given(acct.Limited(9, never)), end, "CreditLimitChanged, AccountClosed", "0/0/0"},
		{"with an expired limit", acct.Given(acct.Limited(9, past)), end, "CreditLimitChanged, AccountClosed", "0/0/0"},
		{"with an expired hold", acct.Given(acct.Limited(9, never), acct.Held(9, past)), end, "HoldReleased, CreditLimitChanged, AccountClosed", "0/0/0"},
		{"with money", acct.Given(acct.Credited(1)), end, "!account-not-empty", ""},
		{"in debt", acct.Given(acct.Limited(9, never), acct.Withdrawn(1)), end, "!account-not-empty", ""},
		{"with a hold", acct.Given(acct.Limited(9, never), acct.Held(1, never)), end, "!account-not-empty", ""},
		{"frozen for debits", acct.Given(acct.Frozen(event.ScopeDebits)), end, "AccountClosed", "0/0/0"},
		{"frozen for all", acct.Given(acct.Frozen(event.ScopeAll)), end, "!account-frozen", ""},
		{"no account", account.State{}, end, "!account-not-found", ""},
		{"again", acct.Given(acct.Closed), end, "!account-closed", ""},
	})
}

func TestReverseCredit(t *testing.T) {
	original := func(b event.Body) *event.Event {
		v := event.New(b)
		v.Version = 2
		return &v
	}
	deposit := original(event.MoneyCredited{Amount: 60, Kind: event.KindDeposit})
	reverse := func(o *event.Event, reversed, force bool) func(account.State, time.Time) account.Decision {
		return ReverseCredit{TransactionID: "t2", Original: o, Reversed: reversed, Force: force}.Decide
	}
	there := acct.Given(acct.Credited(60))
	spent := acct.Given(acct.Credited(60), acct.Withdrawn(1))
	frozen := acct.Given(acct.Credited(60), acct.Frozen(event.ScopeDebits))
	low := spent
	low.Posted = -money.Max
	check(t, []rule{
		{"once", there, reverse(deposit, false, false), "TransactionReversed", "0/0/0"},
		{"twice", there, reverse(deposit, true, true), "!already-reversed", ""},
		{"spent", spent, reverse(deposit, false, false), "WithdrawalDeclined", "59/0/0"},
		{"spent, by force", spent, reverse(deposit, false, true), "TransactionReversed", "-1/0/0"},
		{"beyond the least balance", low, reverse(deposit, false, true), "!balance-overflow", ""},
		{
			"beyond the greatest use of a line", acct.Given(acct.Credited(60), acct.Limited(money.Max, never), acct.Withdrawn(60), acct.Held(money.Max, never)),
			reverse(deposit, false, true), "!balance-overflow", "",
		},
		{"frozen for debits", frozen, reverse(deposit, false, false), "!account-frozen", ""},
		{"frozen for debits, by force", frozen, reverse(deposit, false, true), "TransactionReversed", "0/0/0"},
		{
			"frozen for all, by force", acct.Given(acct.Credited(60), acct.Frozen(event.ScopeAll)), reverse(deposit, false, true),
			"!account-frozen", "",
		},
		{"nothing", there, reverse(nil, false, false), "!transaction-not-found", ""},
		{"a withdrawal", there, reverse(original(event.MoneyWithdrawn{Amount: 1, Kind: event.KindCash, FromOwn: 1}), false, true), "!transaction-not-found", ""},
		{"a leg of a transfer", there, reverse(original(event.MoneyCredited{Amount: 1, Kind: event.KindTransferIn}), false, true), "!not-reversible", ""},
		{
			"a reversal", there, reverse(original(event.TransactionReversed{OriginalTransactionID: "t1", Direction: event.DirectionDebit, Amount: 1}), false, true),
			"!not-reversible", "",
		},
		{"no account", account.State{}, reverse(deposit, false, false), "!account-not-found", ""},
		{"closed account", acct.Given(acct.Closed), reverse(deposit, false, false), "!account-closed", ""},
	})
	for _, c := range []struct {
		state account.State
		force bool
		want  bool
	}{{there, false, false}, {there, true, false}, {spent, true, true}, {frozen, true, true}} {
		b := reverse(deposit, false, c.force)(c.state, acct.Noon).Events[0].Body.(event.TransactionReversed)
		if want := (event.TransactionReversed{OriginalTransactionID: "t2", Direction: event.DirectionDebit, Amount: 60, Forced: c.want}); b != want {
			t.Errorf("%+v, want %+v", b, want)
		}
	}
	if b := reverse(deposit, false, false)(spent, acct.Noon).Events[0].Body.(event.WithdrawalDeclined); b.Op != event.OpReversal || b.Shortfall != 1 {
		t.Errorf("%+v", b)
	}
}

func TestValidate(t *testing.T) {
	long := event.Text{Plain: strings.Repeat("x", 141)}
	for _, c := range []struct {
		name    string
		command interface{ Validate() []account.FieldError }
		want    string
	}{
		{"an opening", Open{AccountID: "A-1", Currency: "EUR", HolderRef: "h", Product: "p", CreditLimit: money.Max}, ""},
		{"an opening without an id", Open{Currency: "EUR"}, ""},
		{
			"an opening, all wrong", Open{AccountID: "a b", Currency: "E1R", HolderRef: "a#b", Product: "-p", CreditLimit: -1},
			"/account_id syntax, /currency syntax, /holder_ref syntax, /product syntax, /credit_limit out-of-range",
		},
		{"a credit", Credit{Amount: 1, Currency: "EUR", Kind: "repayment"}, ""},
		{
			"a credit, all wrong", Credit{Currency: "EURO", Kind: "transfer_in", Reference: long, Contra: strings.Repeat("c", 65), EffectiveAt: "today"},
			"/amount out-of-range, /currency syntax, /kind not-one-of, /reference too-long, /contra syntax, /effective_at syntax",
		},
		{"a limit", SetLimit{Limit: ptr(int64(0))}, ""},
		{"a limit until", SetLimit{Limit: ptr(int64(1)), ExpiresAt: "2027-01-01T00:00:00Z"}, ""},
		{"no limit", SetLimit{}, "/limit required"},
		{"no limit until", SetLimit{Limit: ptr(int64(0)), ExpiresAt: "2027-01-01T00:00:00Z"}, "/expires_at not-allowed"},
		{
			"a limit, all wrong", SetLimit{Limit: ptr(int64(-1)), Reason: long, DecidedBy: "a\x00", DecisionRef: "\xff", ExpiresAt: "1"},
			"/limit out-of-range, /reason too-long, /decided_by syntax, /decision_ref syntax, /expires_at syntax",
		},
		{"a freeze", Freeze{Scope: "all", ReasonCode: "court-order"}, ""},
		{"a freeze, all wrong", Freeze{Scope: "some", ReasonCode: "a reason"}, "/scope not-one-of, /reason_code syntax"},
		{"an unfreeze", Unfreeze{ReasonCode: "a reason"}, "/reason_code syntax"},
		{"a closing", Close{ReasonCode: "a reason"}, "/reason_code syntax"},
		{"a reversal", ReverseCredit{Reason: event.Text{Plain: "\xff"}}, "/reason syntax"},
	} {
		if got := acct.Fields(c.command.Validate()); got != c.want {
			t.Errorf("%s: %s\nwant %s", c.name, got, c.want)
		}
	}
}

// Request hashes are made of this encoding, so it never changes: members in the contract's order,
// without what is empty and without what is read from the journal.
func TestCommandsAsJSON(t *testing.T) {
	text := event.Text{Plain: "r"}
	for _, c := range []struct {
		command any
		want    string
	}{
		{Open{Currency: "EUR"}, `{"currency":"EUR"}`},
		{
			Open{AccountID: "A-1", Currency: "EUR", HolderRef: "h", Product: "p", CreditLimit: 5},
			`{"account_id":"A-1","currency":"EUR","holder_ref":"h","product":"p","credit_limit":5}`,
		},
		{
			Credit{Amount: 1, Currency: "EUR", Kind: "interest", Reference: text, Contra: "c", EffectiveAt: "d"},
			`{"amount":1,"currency":"EUR","kind":"interest","reference":"r","contra":"c","effective_at":"d"}`,
		},
		{SetLimit{Limit: ptr(int64(0))}, `{"limit":0}`},
		{
			SetLimit{Limit: ptr(int64(7)), Reason: text, DecidedBy: "b", DecisionRef: "n", ExpiresAt: "x", Force: true},
			`{"limit":7,"reason":"r","decided_by":"b","decision_ref":"n","expires_at":"x","force":true}`,
		},
		{Freeze{Scope: "all", ReasonCode: "c"}, `{"scope":"all","reason_code":"c"}`},
		{Unfreeze{ReasonCode: "c"}, `{"reason_code":"c"}`},
		{Close{}, `{}`},
		{
			ReverseCredit{TransactionID: "t1", Reason: text, Force: true, Original: &event.Event{}, Reversed: true},
			`{"transaction_id":"t1","reason":"r","force":true}`,
		},
	} {
		if got, err := json.Marshal(c.command); err != nil || string(got) != c.want {
			t.Errorf("%s, %v\nwant %s", got, err, c.want)
		}
	}
}

// A freeze that names no scope never weakens the one in force.
func TestFreezeWithoutAScopeKeepsTheOneInForce(t *testing.T) {
	for before, want := range map[string]string{"": event.ScopeDebits, event.ScopeDebits: event.ScopeDebits, event.ScopeAll: event.ScopeAll} {
		s := acct.Given()
		s.Frozen = before
		d := Freeze{}.Decide(s, acct.Noon)
		if len(d.Events) != 1 || d.Events[0].Body.(event.AccountFrozen).Scope != want {
			t.Errorf("frozen %q: %+v", before, d)
		}
	}
}

func TestTextHasNoControlCharacters(t *testing.T) {
	for _, text := range []string{"a\x00b", "a\nb", "a\x07"} {
		c := Credit{Amount: 1, Currency: "EUR", Reference: event.Text{Plain: text}}
		if faults := c.Validate(); len(faults) != 1 || faults[0].Pointer != "/reference" {
			t.Errorf("%q: %+v", text, faults)
		}
	}
}
