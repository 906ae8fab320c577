package browser

import (
	"testing"

	"passbook/cmd/internal/browsertest"
)

func TestABannerSaysThatTheServerIsDownAndGoesWhenItIsBack(t *testing.T) {
	b := serve(t, t.TempDir())
	play(t, b)
	for _, view := range []browsertest.View{browsertest.Views[0], browsertest.Views[5]} {
		s := &seat{browsertest.Open(t, b.Base, view), t, b, "A-19"}
		s.Expect("ERR_") // requests to a server that is down
		s.Visit(account(s.id))
		if s.Has(".stale") {
			t.Fatal("a page that is live is called stale")
		}
		b.Kill()
		s.Shows(".stale", "▲")
		s.Picture("account-stale")
		b.again(t)
		s.Until("the banner is gone", func() error {
			if s.Has(".stale") {
				return errNotYet
			}
			return nil
		})
		s.Check()
	}
}
