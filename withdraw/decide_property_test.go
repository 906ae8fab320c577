package withdraw

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"passbook/shared/account"
	acct "passbook/shared/account/accounttest"
	"passbook/shared/event"
)

// bank is two accounts under random commands, and the time.
type bank struct {
	now      time.Time
	amounts  *rapid.Generator[int64]
	accounts [2]*acct.Ledger
}

// No sequence of commands, with commands of the credit service in between, breaks the rules of a
// Ledger; and transfers of any amount neither create nor destroy money.
func TestNoSequenceBreaksTheRules(t *testing.T) {
	for name, amounts := range acct.Amounts() {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				b := &bank{now: acct.Noon, amounts: amounts, accounts: [2]*acct.Ledger{acct.NewLedger(), acct.NewLedger()}}
				for range rapid.IntRange(1, 60).Draw(t, "commands") {
					b.step(t)
				}
				for _, l := range b.accounts {
					l.CheckCut(t, rapid.IntRange(0, len(l.Events)).Draw(t, "cut"))
					l.CheckEntries(t)
				}
			})
		})
	}
}

func (b *bank) step(t *rapid.T) {
	b.now = b.now.Add(time.Duration(rapid.IntRange(0, 90).Draw(t, "seconds")) * time.Second)
	l := b.accounts[rapid.IntRange(0, 1).Draw(t, "account")]
	amount := b.amounts.Draw(t, "amount")
	version := rapid.Int64Range(1, l.State.Version+1).Draw(t, "version")
	switch rapid.IntRange(0, 9).Draw(t, "command") {
	case 0, 1:
		l.Take(t, b.now, b.other(t, amount))
	case 2:
		l.Take(t, b.now, Withdraw{Amount: amount, Currency: "EUR"}.Decide)
	case 3, 4:
		l.Take(t, b.now, PlaceHold{Amount: amount, Currency: "EUR", ExpiresAt: b.expiry(t)}.Decide)
	case 5:
		c := CaptureHold{HoldID: event.HoldID(version), Placed: l.Placed(event.HoldID(version))}
		if rapid.Bool().Draw(t, "in part") {
			c.Amount, c.Final = &amount, ptr(rapid.Bool().Draw(t, "final"))
		}
		l.Take(t, b.now, c.Decide)
	case 6:
		l.Take(t, b.now, ReleaseHold{HoldID: event.HoldID(version), Placed: l.Placed(event.HoldID(version))}.Decide)
	case 7:
		id := event.TransactionID(version)
		l.Take(t, b.now, ReverseWithdrawal{TransactionID: id, Original: l.Transaction(id), Reversed: l.Reversed[id]}.Decide)
	case 8:
		l.Take(t, b.now, Expire{}.Decide)
	case 9:
		b.transfer(t, amount)
	}
}

func (b *bank) expiry(t *rapid.T) string {
	if rapid.Bool().Draw(t, "forever") {
		return ""
	}
	return rfc(b.now.Add(time.Duration(rapid.IntRange(-10, 300).Draw(t, "expires in")) * time.Second))
}

// transfer applies both legs as a journal does: both or neither.
func (b *bank) transfer(t *rapid.T, amount int64) {
	from, to := b.accounts[0], b.accounts[1]
	before := from.State.Posted + to.State.Posted
	c := Transfer{From: "A-1", To: "B-2", Amount: amount, Currency: "EUR"}
	state := to.State
	out := from.Take(t, b.now, func(s account.State, now time.Time) account.Decision { return c.DecideFrom(s, state, "B-2:9", now) })
	if out.Rejection != nil {
		return
	}
	if _, declined := out.Events[len(out.Events)-1].Body.(event.WithdrawalDeclined); !declined {
		in := to.Take(t, b.now, func(s account.State, now time.Time) account.Decision { return c.DecideTo(s, "A-1:9", now) })
		if in.Rejection != nil {
			t.Fatalf("the leg that receives was refused: %s", in.Rejection.Code)
		}
	}
	if after := from.State.Posted + to.State.Posted; after != before {
		t.Fatalf("%d before the transfer, %d after", before, after)
	}
}

// other executes a random command of the credit service.
func (b *bank) other(t *rapid.T, amount int64) func(account.State, time.Time) account.Decision {
	kind := rapid.IntRange(0, 9).Draw(t, "other")
	expiresAt, _ := account.ParseTime(b.expiry(t))
	return func(s account.State, now time.Time) account.Decision {
		d := account.NewDraft(s, now)
		d.ReleaseExpired()
		switch {
		case s.Version == 0:
			d.Open("EUR", event.AccountOpened{Exponent: 2, CreditLimit: amount})
		case !d.IsOpen():
		case kind == 0:
			d.Emit(event.AccountFrozen{Scope: []string{event.ScopeDebits, event.ScopeAll}[amount%2]}, d.Today())
		case kind == 1:
			d.Emit(event.AccountUnfrozen{}, d.Today())
		case kind == 2:
			d.SetLimit(event.CreditLimitChanged{After: amount, ExpiresAt: expiresAt}, amount%2 == 0)
		case kind == 3 && d.AllowsCredit():
			d.Close("")
		case d.AllowsCredit():
			d.Credit(event.MoneyCredited{Amount: amount, Kind: event.KindDeposit}, d.Today())
		}
		return d.Decision()
	}
}
