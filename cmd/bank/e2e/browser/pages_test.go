package browser

import (
	"testing"

	"passbook/cmd/internal/browsertest"
)

// A shown page is one of the console's in one of its states.
type shown struct{ name, path string }

// pagesOf returns all pages, those of one account with an account.
func pagesOf(string) []shown {
	return []shown{
		{"start", "/ui/"},
	}
}

func TestPagesAreSoundInEveryView(t *testing.T) {
	b := serve(t, t.TempDir())
	b.open(t, "A-19", "H-7", 133520, 100000)
	tab := browsertest.Open(t, b.Base, browsertest.Views[0])
	for _, view := range browsertest.Views {
		tab.Look(view)
		for _, page := range pagesOf("A-19") {
			tab.Visit(page.path)
			tab.Picture(page.name)
			tab.Check()
		}
	}
}

func TestSigningInIsSoundInEveryView(t *testing.T) {
	b := serve(t, t.TempDir(), "--auth", "apikey")
	tab := browsertest.Open(t, b.Base, browsertest.Views[0])
	// the answer to a wrong key is a page under 401, which the browser reports
	tab.Expect("status of 401")
	for _, view := range browsertest.Views {
		tab.Look(view)
		tab.Visit("/ui/login")
		tab.Picture("login")
		tab.Check()
		tab.Visit("/ui/login")
		tab.Type("#key", "pb_wrong")
		tab.FollowText("Sign in")
		tab.Shows("[role=alert]", "■")
		tab.Picture("login-wrong")
		tab.Check()
	}
}
