package whatif_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"passbook/cmd/internal/jobs"
	"passbook/cmd/internal/whatif"
	"passbook/credit"
	"passbook/shared/account"
	acct "passbook/shared/account/accounttest"
	"passbook/shared/event"
	"passbook/withdraw"
)

// bank is an account that commands are decided on, with its history.
type bank struct {
	t       testing.TB
	now     time.Time
	state   account.State
	entries []*event.Entry
}

type decider interface {
	Decide(s account.State, now time.Time) account.Decision
}

// do decides commands, a minute after those before, and adds their events as one entry.
func (b *bank) do(commands ...decider) {
	b.t.Helper()
	b.now = b.now.Add(time.Minute)
	e := &event.Entry{Tenant: "main", AccountID: "A-1", RecordedAt: b.now}
	for i, c := range commands {
		for _, ev := range c.Decide(b.state, b.now).Events {
			ev.Command = i
			var err error
			if b.state, err = account.Fold(b.state, ev); err != nil {
				b.t.Fatal(err)
			}
			e.Events = append(e.Events, ev)
		}
	}
	if len(e.Events) > 0 {
		b.entries = append(b.entries, e)
	}
}

// again decides the history again.
func (b *bank) again(rules string) (*whatif.Report, account.State) {
	b.t.Helper()
	r, err := whatif.ParseRules([]byte(rules))
	if err != nil {
		b.t.Fatal(err)
	}
	return b.within(r, time.Time{}, time.Time{})
}

func (b *bank) within(r whatif.Rules, from, to time.Time) (*whatif.Report, account.State) {
	b.t.Helper()
	report := whatif.NewReport(r, jobs.PastCommand, from, to)
	a := report.Account(event.Account{Tenant: "main", ID: "A-1"})
	for _, e := range b.entries {
		if err := a.Add(e); err != nil {
			b.t.Fatal(err)
		}
	}
	report.End()
	return report, a.State()
}

// lines returns the differences, in short.
func lines(r *whatif.Report) (lines []string) {
	for _, d := range r.List {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("v%d %s %d %s -> %d %s at stake %d %s", d.Version, d.Operation, d.Amount, d.Decided, d.WouldAmount, d.Would, d.AtStake, d.Why)))
	}
	return lines
}

func eur(amount int64) withdraw.Withdraw { return withdraw.Withdraw{Amount: amount, Currency: "EUR"} }

func fee(amount int64) withdraw.Withdraw {
	return withdraw.Withdraw{Amount: amount, Currency: "EUR", Kind: event.KindFee}
}

func deposit(amount int64) credit.Credit { return credit.Credit{Amount: amount, Currency: "EUR"} }

func hold(amount int64) withdraw.PlaceHold {
	return withdraw.PlaceHold{Amount: amount, Currency: "EUR"}
}

func opened(limit int64) credit.Open {
	return credit.Open{AccountID: "A-1", Currency: "EUR", Product: "basic", CreditLimit: limit}
}

func limited(limit int64) credit.SetLimit { return credit.SetLimit{Limit: &limit} }

func ptr[T any](v T) *T { return &v }

// paid is the leg of a transfer that pays.
type paid struct{ amount int64 }

// Decide emits it.
func (p paid) Decide(s account.State, now time.Time) account.Decision {
	payee := account.State{Version: 4, Status: account.StatusOpen, Currency: "EUR"}
	return withdraw.Transfer{From: "A-1", To: "A-2", Amount: p.amount, Currency: "EUR"}.DecideFrom(s, payee, "A-2:9", now)
}

// received is the other one.
type received struct{ amount int64 }

// Decide emits it.
func (r received) Decide(s account.State, now time.Time) account.Decision {
	return withdraw.Transfer{From: "A-2", To: "A-1", Amount: r.amount, Currency: "EUR"}.DecideTo(s, "A-2:9", now)
}

func TestWhatWouldDiffer(t *testing.T) {
	const noLimit = `{"limits":[{"currency":"EUR","at_most":0}]}`
	const more = `{"limits":[{"currency":"EUR","percent":200}]}`
	for name, tt := range map[string]struct {
		rules    string
		commands []decider
		want     []string
		posted   int64
	}{
		"money that was not withdrawn is there for the next": {
			noLimit, []decider{opened(100), deposit(50), eur(120), eur(30)},
			[]string{"v3 withdrawal 120 accepted -> 120 declined at stake 120 insufficient-funds"}, 20,
		},
		"money that is withdrawn is missing for the next": {
			more, []decider{opened(100), eur(150), eur(60)},
			[]string{"v2 withdrawal 150 declined -> 150 accepted at stake 150 insufficient-funds", "v3 withdrawal 60 accepted -> 60 declined at stake 60 insufficient-funds"}, -150,
		},
		"a later limit": {
			noLimit, []decider{opened(0), limited(500), eur(10)},
			[]string{"v3 withdrawal 10 accepted -> 10 declined at stake 10 insufficient-funds"}, 0,
		},
		"a limit that would be below what is in use": {
			`{"limits":[{"currency":"EUR","percent":50}]}`, []decider{opened(100), eur(40), limited(60)},
			[]string{"v3 credit_limit 60 accepted -> 30 refused at stake 60 limit-below-usage"}, -40,
		},
		"a product that the rule is not about": {
			`{"limits":[{"currency":"EUR","product":"gold","at_most":0}]}`, []decider{opened(100), eur(40)}, nil, -40,
		},
		"the first rule about an account counts": {
			`{"limits":[{"currency":"EUR","product":"basic","at_least":100},{"currency":"EUR","at_most":0}]}`, []decider{opened(0), deposit(1), eur(40)},
			[]string{"v3 withdrawal 40 declined -> 40 accepted at stake 40 insufficient-funds"}, -39,
		},
		"a hold that would be declined cannot be captured": {
			noLimit, []decider{opened(100), hold(80), withdraw.CaptureHold{HoldID: "h2"}, hold(5), withdraw.ReleaseHold{HoldID: "h5"}, deposit(7)},
			[]string{
				"v2 hold 80 accepted -> 80 declined at stake 80 insufficient-funds", "v3 capture 80 accepted -> 80 refused at stake 80 hold-not-found",
				"v5 hold 5 accepted -> 5 declined at stake 5 insufficient-funds", "v6 release 5 accepted -> 5 refused at stake 5 hold-not-found",
			}, 7,
		},
		"holds keep to their captures where versions differ": {
			`{"new_fees":[{"currency":"EUR","on":"cash","amount":1}]}`,
			[]decider{opened(0), deposit(100), eur(10), hold(30), hold(40), withdraw.CaptureHold{HoldID: "h4", Amount: ptr(int64(20)), Final: ptr(false)}, withdraw.CaptureHold{HoldID: "h5"}, withdraw.CaptureHold{HoldID: "h4"}},
			[]string{"v3 new_fee 0 none -> 1 accepted at stake 1"}, 100 - 10 - 1 - 30 - 40,
		},
		"a hold that was declined stays held": {
			more, []decider{opened(100), hold(150), eur(60)},
			[]string{"v2 hold 150 declined -> 150 accepted at stake 150 insufficient-funds", "v3 withdrawal 60 accepted -> 60 declined at stake 60 insufficient-funds"}, 0,
		},
		"transfers": {
			noLimit, []decider{opened(100), paid{60}, received{10}, paid{80}, paid{70}},
			[]string{"v2 transfer_out 60 accepted -> 60 declined at stake 60 insufficient-funds"}, 10,
		},
		"a transfer that was declined": {
			more, []decider{opened(100), paid{160}}, []string{"v2 transfer_out 160 declined -> 160 accepted at stake 160 insufficient-funds"}, -160,
		},
		"the reversal of what would not have been withdrawn": {
			noLimit, []decider{opened(100), eur(60), withdraw.ReverseWithdrawal{TransactionID: "t2", Original: &event.Event{Version: 2, Body: event.MoneyWithdrawn{Amount: 60, Kind: event.KindCash}}}},
			[]string{"v2 withdrawal 60 accepted -> 60 declined at stake 60 insufficient-funds", "v3 withdrawal_reversal 60 accepted -> 60 refused at stake 60 transaction-not-found"}, 0,
		},
		"the reversal of a credit": {
			noLimit, []decider{opened(100), deposit(60), eur(60), credit.ReverseCredit{TransactionID: "t2", Original: &event.Event{Version: 2, Body: event.MoneyCredited{Amount: 60, Kind: event.KindDeposit}}}},
			[]string{"v4 credit_reversal 60 accepted -> 60 declined at stake 60 insufficient-funds"}, 0,
		},
		"the reversal of another fee": {
			`{"fees":[{"currency":"EUR","percent":50}]}`,
			[]decider{opened(0), deposit(100), fee(9), withdraw.ReverseWithdrawal{TransactionID: "t3", Original: &event.Event{Version: 3, Body: event.MoneyWithdrawn{Amount: 9, Kind: event.KindFee}}}},
			[]string{"v3 fee 9 accepted -> 4 accepted at stake 5", "v4 withdrawal_reversal 9 accepted -> 4 accepted at stake 5"}, 100,
		},
		"no fees": {
			`{"fees":[{"currency":"EUR","at_most":0}]}`, []decider{opened(0), deposit(100), fee(9), eur(95)},
			[]string{"v3 fee 9 accepted -> 0 none at stake 9", "v4 withdrawal 95 declined -> 95 accepted at stake 95 insufficient-funds"}, 5,
		},
		"a new fee for which nothing is left": {
			`{"new_fees":[{"currency":"EUR","on":"cash","amount":2,"basis_points":1000}]}`, []decider{opened(0), deposit(100), eur(60), eur(32)},
			[]string{"v3 new_fee 0 none -> 8 accepted at stake 8", "v4 new_fee 0 none -> 5 declined at stake 0 insufficient-funds"}, 0,
		},
		"an account that could not be closed": {
			`{"new_fees":[{"currency":"EUR","on":"cash","basis_points":1}]}`, []decider{opened(5), deposit(30000), eur(29990), eur(10), credit.Close{}},
			[]string{"v3 new_fee 0 none -> 2 accepted at stake 2", "v6 close 0 accepted -> 0 refused at stake 0 account-not-empty"}, -2,
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := &bank{t: t, now: acct.Noon}
			for _, c := range tt.commands {
				b.do(c)
			}
			report, state := b.again(tt.rules)
			if got := lines(report); !slices.Equal(got, tt.want) {
				t.Errorf("differences\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
			if state.Posted != tt.posted {
				t.Errorf("posted %d, want %d", state.Posted, tt.posted)
			}
		})
	}
}

func TestTheTotalsAddUpWhatIsAtStake(t *testing.T) {
	b := &bank{t: t, now: acct.Noon}
	for _, c := range []decider{opened(100), eur(60), eur(40), deposit(100), hold(30)} {
		b.do(c)
	}
	r, _ := whatif.ParseRules([]byte(`{"limits":[{"currency":"EUR","at_most":10}]}`))
	all, _ := b.within(r, time.Time{}, time.Time{})
	if len(all.Totals) != 1 || all.Totals[0].Count != 2 || all.Totals[0].AtStake.String() != "100" || all.Decisions != 5 || all.Accounts != 1 {
		t.Errorf("%+v", all)
	}
	some, _ := b.within(r, b.entries[2].RecordedAt, b.entries[3].RecordedAt)
	if got := lines(some); len(got) != 1 || !strings.HasPrefix(got[0], "v3 ") || some.Decisions != 1 {
		t.Errorf("from its time on, and before that of the next: %v, %d decisions", got, some.Decisions)
	}
}

// random returns a random command that a bank could have been sent.
func random(t *rapid.T, b *bank, amounts *rapid.Generator[int64], reversed map[int64]bool) decider {
	amount, version := amounts.Draw(t, "amount"), rapid.Int64Range(1, b.state.Version+1).Draw(t, "version")
	until := ""
	if rapid.Bool().Draw(t, "expires") {
		until = b.now.Add(time.Duration(rapid.IntRange(1, 300).Draw(t, "seconds")) * time.Second).Format(time.RFC3339Nano)
	}
	if b.state.Version == 0 {
		return opened(amount)
	}
	holdID := event.HoldID(version)
	switch rapid.IntRange(0, 12).Draw(t, "command") {
	case 0, 1:
		return eur(amount)
	case 2:
		return fee(amount)
	case 3, 4:
		return deposit(amount)
	case 5:
		return withdraw.PlaceHold{Amount: amount, Currency: "EUR", ExpiresAt: until}
	case 6:
		return withdraw.CaptureHold{HoldID: holdID, Amount: &amount, Final: ptr(amount%2 == 0)}
	case 7:
		return withdraw.ReleaseHold{HoldID: holdID}
	case 8:
		return credit.SetLimit{Limit: &amount, ExpiresAt: until, Force: amount%2 == 0}
	case 9:
		return paid{amount}
	case 10:
		return received{amount}
	case 11:
		return reversal(b, version, amount, reversed)
	}
	return []decider{withdraw.Expire{}, credit.Freeze{Scope: event.ScopeDebits}, credit.Freeze{Scope: event.ScopeAll}, credit.Unfreeze{}, credit.Unfreeze{}, credit.Close{}}[amount%6]
}

func reversal(b *bank, version, amount int64, reversed map[int64]bool) decider {
	id := event.TransactionID(version)
	for _, e := range b.entries {
		for _, ev := range e.Events {
			if r, ok := ev.Body.(event.TransactionReversed); ok {
				if of, ok := event.ParseID('t', r.OriginalTransactionID); ok {
					reversed[of] = true
				}
			}
			if ev.Version != version {
				continue
			}
			if _, credited := ev.Body.(event.MoneyCredited); credited {
				return credit.ReverseCredit{TransactionID: id, Original: &ev, Reversed: reversed[version], Force: amount%2 == 0}
			}
			return withdraw.ReverseWithdrawal{TransactionID: id, Original: &ev, Reversed: reversed[version]}
		}
	}
	return withdraw.ReverseWithdrawal{TransactionID: id}
}

// By its own rules a bank decides as it did, and its accounts are as they are; by any other rules
// no balance is out of range, and nobody has more than his limit and what the bank forced.
func TestItsOwnRulesChangeNothing(t *testing.T) {
	for name, amounts := range acct.Amounts() {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				b := &bank{t: t, now: acct.Noon}
				reversed := map[int64]bool{}
				for range rapid.IntRange(1, 50).Draw(rt, "entries") {
					commands := []decider{random(rt, b, amounts, reversed)}
					if rapid.Bool().Draw(rt, "two") && b.state.Version > 0 {
						commands = append(commands, eur(amounts.Draw(rt, "more")))
					}
					b.do(commands...)
				}
				report, state := b.again(`{}`)
				if report.Differences != 0 || len(report.List) != 0 {
					rt.Fatalf("by its own rules:\n%s", strings.Join(lines(report), "\n"))
				}
				if got, want := string(account.AppendState(nil, state)), string(account.AppendState(nil, b.state)); len(b.entries) > 0 && got != want {
					rt.Fatalf("state %s, want %s", got, want)
				}
				other, _ := b.again(`{"limits":[{"currency":"EUR","percent":70,"at_least":10}],"fees":[{"currency":"EUR","percent":150}],"new_fees":[{"currency":"EUR","on":"card","basis_points":25,"amount":3}]}`)
				if other.Decisions != report.Decisions {
					rt.Fatalf("%d decisions, and %d by other rules", report.Decisions, other.Decisions)
				}
			})
		})
	}
}
