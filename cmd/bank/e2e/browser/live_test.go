package browser

import (
	"fmt"
	"strings"
	"testing"

	"passbook/cmd/internal/browsertest"
)

func TestTheLiveTailPausesAndResumesOverARestartOfTheServer(t *testing.T) {
	b := serve(t, t.TempDir())
	for n, view := range []browsertest.View{browsertest.Views[0], browsertest.Views[4]} {
		s := &seat{browsertest.Open(t, b.Base, view), t, b, fmt.Sprintf("A-%d", n)}
		b.open(t, s.id, "H-1", 50000, 0)
		s.Expect("ERR_") // requests to a server that is down
		s.Visit("/ui/live?account=" + s.id)
		s.Check()
		s.pays(101)
		s.Shows("[data-tail]", "1.01")
		s.TabTo("[data-tail] a")
		s.pays(202)
		s.Shows("[data-tail-state]", "paused, 1 newer")
		b.Kill()
		s.Shows(".stale", "▲")
		s.Picture("live-stale")
		b.again(t)
		s.pays(303)
		s.Until("what came over the restart is counted", func() error {
			if state := s.Text("[data-tail-state]"); !strings.Contains(state, "paused") || strings.Contains(state, ", 1 newer") {
				return fmt.Errorf("it says %q", state)
			}
			return nil
		})
		browsertest.Eval[bool](s.Tab, "document.activeElement.blur() ?? true")
		for _, amount := range []string{"2.02", "3.03"} {
			s.Shows("[data-tail]", amount)
		}
		s.pays(404)
		s.Shows("[data-tail]", "4.04")
		if s.Has(".stale") {
			t.Error("the page is called stale although the server is back")
		}
	}
}

// pays withdraws cents from the person's account.
func (s *seat) pays(cents int64) {
	s.t.Helper()
	s.bank.post(s.t, "/v1/accounts/"+s.id+"/withdrawals", fmt.Sprintf(`{"amount":%d,"currency":"EUR"}`, cents))
}
