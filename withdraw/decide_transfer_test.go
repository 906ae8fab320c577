package withdraw

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

var pay = Transfer{From: "A-1", To: "B-2", Amount: 40, Currency: "EUR", Reference: event.Text{Plain: "rent"}}

func TestTransfer(t *testing.T) {
	to := acct.Given()
	from := func(other account.State) func(account.State, time.Time) account.Decision {
		return func(s account.State, now time.Time) account.Decision { return pay.DecideFrom(s, other, "B-2:2", now) }
	}
	rich := acct.Given(acct.Credited(100))
	check(t, []rule{
		{"of what is there", rich, from(to), "MoneyWithdrawn", "60/0/0"},
		{"after an expiry", acct.Given(acct.Credited(40), acct.Held(40, past)), from(to), "HoldReleased, MoneyWithdrawn", "0/0/0"},
		{"without funds", acct.Given(acct.Credited(39)), from(to), "WithdrawalDeclined", "39/0/0"},
		{"from no account", account.State{}, from(to), "!account-not-found", ""},
		{"from a closed account", acct.Given(acct.Closed), from(to), "!account-closed", ""},
		{"from a frozen account", acct.Given(acct.Credited(100), acct.Frozen(event.ScopeDebits)), from(to), "!account-frozen", ""},
		{
			"from an account in another currency", account.State{Version: 1, Status: account.StatusOpen, Currency: "USD", Posted: 100}, from(to),
			"!currency-mismatch", "",
		},
		{"to no account", rich, from(account.State{}), "!account-not-found", ""},
		{"to a closed account", rich, from(acct.Given(acct.Closed)), "!account-closed", ""},
		{"to an account frozen for debits", rich, from(acct.Given(acct.Frozen(event.ScopeDebits))), "MoneyWithdrawn", "60/0/0"},
		{"to an account frozen for all", rich, from(acct.Given(acct.Frozen(event.ScopeAll))), "!account-frozen", ""},
		{"to an account in another currency", rich, from(account.State{Version: 1, Status: account.StatusOpen, Currency: "USD"}), "!currency-mismatch", ""},
		{"to an account that is full", rich, from(acct.Given(acct.Credited(money.Max))), "!balance-overflow", ""},
		{"to no account, without funds", acct.Given(), from(account.State{}), "!account-not-found", ""},
	})
	same := pay
	same.To = same.From
	if d := same.DecideFrom(rich, rich, "", acct.Noon); acct.Describe(d) != "!same-account" {
		t.Error(acct.Describe(d))
	}
	usd := pay
	usd.Currency = "USD"
	if d := usd.DecideFrom(rich, to, "", acct.Noon); acct.Describe(d) != "!currency-mismatch" || d.Rejection.Details != nil {
		t.Error(acct.Describe(d), d.Rejection.Details)
	}
	refused := pay.DecideFrom(rich, acct.Given(acct.Frozen(event.ScopeAll)), "", acct.Noon).Rejection
	if want := map[string]any{"leg": "to", "scope": "all"}; !reflect.DeepEqual(refused.Details, want) {
		t.Errorf("%v, want %v", refused.Details, want)
	}
	if refused = pay.DecideFrom(account.State{}, to, "", acct.Noon).Rejection; refused.Details != nil {
		t.Errorf("from's own rejection: %v", refused.Details)
	}
}

// Each leg is the last event of its side and names the other; the leg that receives is never
// refused after the one that pays.
func TestTransferLegs(t *testing.T) {
	from, to := acct.Given(acct.Credited(100)), acct.Given(acct.Credited(5), acct.Held(5, past))
	in := pay.DecideTo(to, event.EventID("A-1", from.Version+1), acct.Noon).Events
	out := pay.DecideFrom(from, to, event.EventID("B-2", in[len(in)-1].Version), acct.Noon).Events
	credited := event.MoneyCredited{Amount: 40, Kind: event.KindTransferIn, Contra: "A-1:3", Reference: event.Text{Plain: "rent"}}
	if len(in) != 2 || in[1].Body != credited || in[1].After.Posted != 45 {
		t.Errorf("in: %+v", in)
	}
	withdrawn := event.MoneyWithdrawn{
		Amount: 40, Kind: event.KindTransferOut, Contra: "B-2:5", Reference: event.Text{Plain: "rent"}, FromOwn: 40,
	}
	if len(out) != 1 || out[0].Body != withdrawn {
		t.Errorf("out: %+v", out)
	}
	decline := pay.DecideFrom(acct.Given(), to, "", acct.Noon).Events[0].Body.(event.WithdrawalDeclined)
	if decline.Op != event.OpTransfer {
		t.Errorf("%+v", decline)
	}
}

func TestValidate(t *testing.T) {
	long, sealed := event.Text{Plain: strings.Repeat("x", 141)}, event.Text{Sealed: "k:x"}
	for _, c := range []struct {
		name    string
		command interface{ Validate() []account.FieldError }
		want    string
	}{
		{"a withdrawal", Withdraw{Amount: money.Max, Currency: "EUR", Kind: "fee", EffectiveAt: "2026-02-28", Contra: "a:b c"}, ""},
		{"an empty one", Withdraw{}, "/amount out-of-range, /currency required"},
		{"all wrong", Withdraw{
			Amount: money.Max + 1, Currency: "eur", Kind: "transfer_out", Reference: long, Contra: "a\nb", EffectiveAt: "2026-02-30",
		}, "/amount out-of-range, /currency syntax, /kind not-one-of, /reference too-long, /contra syntax, /effective_at syntax"},
		{"sealed by the sender", Withdraw{Amount: 1, Currency: "EUR", Reference: sealed}, "/reference not-allowed"},
		{"a date too early", Withdraw{Amount: 1, Currency: "EUR", EffectiveAt: "1969-12-31"}, "/effective_at syntax"},
		{"a hold", PlaceHold{Amount: 1, Currency: "EUR", ExpiresAt: "2026-11-21T08:00:00+01:00"}, ""},
		{"an empty hold", PlaceHold{Reference: long}, "/amount out-of-range, /currency required, /reference too-long"},
		{"a hold until no time", PlaceHold{Amount: -1, Currency: "EUR", ExpiresAt: "2026-11-21"}, "/amount out-of-range, /expires_at syntax"},
		{"a capture", CaptureHold{HoldID: "h1"}, ""},
		{"a capture of nothing", CaptureHold{HoldID: "h1", Amount: ptr(int64(0))}, "/amount out-of-range"},
		{"a release", ReleaseHold{HoldID: "h1"}, ""},
		{"a reversal", ReverseWithdrawal{Reason: long}, "/reason too-long"},
		{"a transfer", pay, ""},
		{"a transfer of nothing", Transfer{From: "#"}, "/from syntax, /to required, /amount out-of-range, /currency required"},
	} {
		if got := acct.Fields(c.command.Validate()); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// Request hashes are made of this encoding, so it never changes: members in the contract's order,
// without what is empty and without what is read from the journal.
func TestCommandsAsJSON(t *testing.T) {
	for _, c := range []struct {
		command any
		want    string
	}{
		{Withdraw{Amount: 1, Currency: "EUR"}, `{"amount":1,"currency":"EUR"}`},
		{
			Withdraw{Amount: 1, Currency: "EUR", Kind: "fee", Reference: event.Text{Plain: "r"}, Contra: "c", EffectiveAt: "2026-11-21"},
			`{"amount":1,"currency":"EUR","kind":"fee","reference":"r","contra":"c","effective_at":"2026-11-21"}`,
		},
		{
			PlaceHold{Amount: 1, Currency: "EUR", Reference: event.Text{Plain: "r"}, ExpiresAt: "x"},
			`{"amount":1,"currency":"EUR","reference":"r","expires_at":"x"}`,
		},
		{CaptureHold{HoldID: "h1", Amount: ptr(int64(5)), Final: ptr(false), Placed: true}, `{"hold_id":"h1","amount":5,"final":false}`},
		{CaptureHold{HoldID: "h1"}, `{"hold_id":"h1"}`},
		{ReleaseHold{HoldID: "h1", Placed: true}, `{"hold_id":"h1"}`},
		{
			ReverseWithdrawal{TransactionID: "t1", Reason: event.Text{Plain: "r"}, Original: &event.Event{}, Reversed: true},
			`{"transaction_id":"t1","reason":"r"}`,
		},
		{pay, `{"from":"A-1","to":"B-2","amount":40,"currency":"EUR","reference":"rent"}`},
	} {
		if got, err := json.Marshal(c.command); err != nil || string(got) != c.want {
			t.Errorf("%s, %v\nwant %s", got, err, c.want)
		}
	}
}
