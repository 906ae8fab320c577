package credit

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"passbook/shared/account"
	acct "passbook/shared/account/accounttest"
	"passbook/shared/event"
)

// No sequence of commands of any amounts, with commands of the withdraw service in between, breaks
// the rules of a Ledger.
func TestNoSequenceBreaksTheRules(t *testing.T) {
	for name, amounts := range acct.Amounts() {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				now, l := acct.Noon, acct.NewLedger()
				for range rapid.IntRange(1, 60).Draw(t, "commands") {
					now = now.Add(time.Duration(rapid.IntRange(0, 90).Draw(t, "seconds")) * time.Second)
					l.Take(t, now, drawCommand(t, l, now, amounts.Draw(t, "amount")))
				}
				l.CheckCut(t, rapid.IntRange(0, len(l.Events)).Draw(t, "cut"))
				l.CheckEntries(t)
			})
		})
	}
}

func drawCommand(t *rapid.T, l *acct.Ledger, now time.Time, amount int64) func(account.State, time.Time) account.Decision {
	force := rapid.Bool().Draw(t, "force")
	expiresAt := now.Add(time.Duration(rapid.IntRange(-10, 300).Draw(t, "expires in")) * time.Second)
	if l.State.Version == 0 {
		return Open{Currency: "EUR", CreditLimit: amount}.Decide
	}
	switch rapid.IntRange(0, 11).Draw(t, "command") {
	case 0, 1:
		return Credit{Amount: amount, Currency: "EUR"}.Decide
	case 2:
		return SetLimit{Limit: &amount, Force: force}.Decide
	case 3:
		return SetLimit{Limit: &amount, ExpiresAt: expiresAt.Format(time.RFC3339), Force: force}.Decide
	case 4:
		return Freeze{Scope: rapid.SampledFrom([]string{"", event.ScopeDebits, event.ScopeAll}).Draw(t, "scope")}.Decide
	case 5, 6:
		return Unfreeze{}.Decide
	case 7:
		return Close{}.Decide
	case 8, 9:
		id := event.TransactionID(rapid.Int64Range(1, l.State.Version+1).Draw(t, "version"))
		return ReverseCredit{TransactionID: id, Original: l.Transaction(id), Reversed: l.Reversed[id], Force: force}.Decide
	}
	return other(amount, force, expiresAt)
}

// other executes a random command of the withdraw service.
func other(amount int64, hold bool, expiresAt time.Time) func(account.State, time.Time) account.Decision {
	return func(s account.State, now time.Time) account.Decision {
		d := account.NewDraft(s, now)
		d.ReleaseExpired()
		switch {
		case !d.IsOpen() || !d.AllowsDebit():
		case hold:
			d.PlaceHold(event.HoldPlaced{Amount: amount, ExpiresAt: expiresAt})
		default:
			d.Debit(event.OpWithdraw, event.MoneyWithdrawn{Amount: amount, Kind: event.KindCash}, d.Today())
		}
		return d.Decision()
	}
}
