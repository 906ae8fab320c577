package browser

import (
	"testing"

	"github.com/chromedp/chromedp/kb"

	"passbook/cmd/internal/browsertest"
)

// keyboard has a person without a mouse, at a desk, go through the console.
func keyboard(t *testing.T, do func(s *seat)) {
	t.Helper()
	b := serve(t, t.TempDir())
	b.open(t, "A-1", "H-1", 50000, 100000)
	do(&seat{browsertest.Open(t, b.Base, browsertest.Views[0]), t, b, "A-1"})
}

func TestByKeyboardFromTheOverviewToASentWithdrawal(t *testing.T) {
	keyboard(t, func(s *seat) {
		s.Visit("/ui/")
		s.TabTo(`nav a[href="/ui/accounts"]`)
		s.PressAndLoad(kb.Enter)
		s.TabTo(`main a[href="/ui/accounts/A-1"]`)
		s.PressAndLoad(kb.Enter)
		s.TabTo(`main a[href="/ui/accounts/A-1/change/withdraw"]`)
		s.PressAndLoad(kb.Enter)
		s.TabTo(`main [name=amount]`)
		s.Write("25.00")
		s.TabTo(primary)
		s.PressAndLoad(kb.Enter)
		s.TabTo(primary)
		s.PressAndLoad(kb.Enter)
		s.bank.settles(t, "A-1", 47500)
	})
}

func TestByKeyboardASearchGoesStraightToTheAccount(t *testing.T) {
	keyboard(t, func(s *seat) {
		s.Visit("/ui/")
		s.Shortcut("/")
		s.Write("A-1")
		s.PressAndLoad(kb.Enter)
		if s.Path() != account("A-1") {
			t.Errorf("the search for the one account leads to %s", s.Path())
		}
	})
}

func TestByKeyboardASliderStepsToThePast(t *testing.T) {
	keyboard(t, func(s *seat) {
		s.bank.post(t, "/v1/accounts/A-1/withdrawals", `{"amount":2500,"currency":"EUR"}`)
		s.Visit(account("A-1"))
		s.TabTo(`main input[type=range]`)
		s.Press(kb.ArrowLeft)
		s.sees("500.00", "s of version 2")
	})
}
