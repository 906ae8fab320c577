package browser

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"passbook/cmd/internal/browsertest"
)

func TestTheFirstWithdrawalFromAnEmptyBank(t *testing.T) {
	journey(t, func(s *seat) {
		s.Visit("/ui/accounts")
		s.FollowText("Open an account")
		s.Type(`main form [name=account_id]`, s.id)
		s.Type(`main form [name=currency]`, "EUR")
		s.Follow(primary)
		s.Follow(primary)
		s.change("credit", "amount", "100.00", "reference", "salary")
		s.change("withdraw", "amount", "25.00", "reference", "cash")
		s.read("statement")
		s.sees("75.00", "25.00", "cash")
		s.Check()
	})
}

func TestADeclineIsExplained(t *testing.T) {
	journey(t, func(s *seat) {
		s.bank.open(s.t, s.id, "H-1", 10000, 0)
		s.look("withdraw", "amount", "140.00")
		s.sees("insufficient-funds")
		s.Check()
		s.look("withdraw", "amount", "140.00")
		s.Follow(`main a[href="/problems/insufficient-funds"]`)
		s.sees("insufficient-funds")
		s.bank.settles(s.t, s.id, 10000)
	})
}

func TestAHoldIsCapturedInTwoPartsAndItsRestReleased(t *testing.T) {
	journey(t, func(s *seat) {
		s.bank.open(s.t, s.id, "H-1", 50000, 0)
		s.change("hold", "amount", "300.00", "reference", "hotel")
		s.read("holds")
		s.sees("300.00", "h3")
		s.Check()
		s.change("capture", "hold_id", "h3", "amount", "100.00", "final", "on")
		s.change("capture", "hold_id", "h3", "amount", "50.00", "final", "on")
		s.read("holds")
		s.sees("150.00")
		s.change("release", "hold_id", "h3")
		s.read("statement")
		s.sees("350.00", "100.00", "50.00")
		s.bank.settles(s.t, s.id, 35000)
	})
}

func TestATransferIsSeenOnBothSides(t *testing.T) {
	journey(t, func(s *seat) {
		other := s.id + "-to"
		s.bank.open(s.t, s.id, "H-1", 50000, 0)
		s.bank.open(s.t, other, "H-2", 0, 0)
		s.change("transfer", "to", other, "amount", "120.00", "reference", "rent")
		s.read("statement")
		s.sees("380.00", "120.00", "rent")
		s.id = other
		s.read("statement")
		s.sees("120.00", "rent")
		s.Check()
	})
}

func TestAWithdrawalIsReversed(t *testing.T) {
	journey(t, func(s *seat) {
		s.bank.open(s.t, s.id, "H-1", 50000, 0)
		s.change("withdraw", "amount", "60.00", "reference", "twice")
		s.change("reverse-withdrawal", "transaction_id", "t3", "reason", "duplicate")
		s.read("statement")
		s.sees("500.00", "60.00", "duplicate")
	})
}

func TestTheLimitIsRaisedWithAReasonAndItsUseFalls(t *testing.T) {
	journey(t, func(s *seat) {
		s.bank.open(s.t, s.id, "H-1", 0, 100000)
		s.bank.post(s.t, "/v1/accounts/"+s.id+"/withdrawals", `{"amount":50000,"currency":"EUR"}`)
		s.change("limit", "limit", "2000.00", "reason", "yearly review", "decided_by", "desk-4")
		s.read("limit")
		s.sees("2,000.00", "yearly review", "desk-4", "500.00")
		s.Check()
	})
}

func TestAFrozenAccountRefuses(t *testing.T) {
	journey(t, func(s *seat) {
		s.bank.open(s.t, s.id, "H-1", 50000, 0)
		s.change("freeze", "reason_code", "suspicion")
		s.read("")
		s.sees("frozen")
		s.Check()
		s.look("withdraw", "amount", "1.00")
		s.sees("account-frozen")
		s.change("unfreeze")
		s.change("withdraw", "amount", "1.00")
		s.read("")
		s.sees("499.00")
	})
}

func TestADoubleClickPaysOnce(t *testing.T) {
	journey(t, func(s *seat) {
		s.bank.open(s.t, s.id, "H-1", 50000, 0)
		s.look("withdraw", "amount", "25.00")
		// the form is sent beside the page, as without its script, and then clicked twice
		browsertest.Eval[bool](s.Tab, fmt.Sprintf(`(async () => { const b = document.querySelector(%q);
			await fetch(b.form.action, {method: "POST", body: new URLSearchParams(new FormData(b.form, b))}); b.click(); b.click(); return true })()`, primary))
		s.Until("the browser shows the event", func() error {
			if !strings.Contains(s.Path(), "/events/") {
				return fmt.Errorf("it is at %s", s.Path())
			}
			return nil
		})
		s.bank.settles(s.t, s.id, 47500)
	})
}

// A browser opens six connections to a server over HTTP/1.1, so that streams of updates that stay
// open in tabs nobody looks at would keep the next request waiting.
func TestEightTabsLeaveRoomForAWithdrawal(t *testing.T) {
	b := serve(t, t.TempDir())
	b.open(t, "A-1", "H-1", 50000, 0)
	s := &seat{browsertest.Open(t, b.Base, browsertest.Views[0]), t, b, "A-1"}
	s.Visit("/ui/")
	var open sync.WaitGroup
	for range 7 {
		open.Go(func() { s.Beside().Visit("/ui/") })
	}
	open.Wait()
	s.change("withdraw", "amount", "25.00")
	b.settles(t, "A-1", 47500)
}
