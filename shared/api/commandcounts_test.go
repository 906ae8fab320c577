package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"passbook/shared/account"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/web"
)

// elsewhere is a writer that answers every command.
type elsewhere struct{ answer Answer }

func (elsewhere) Elsewhere(event.Account) bool { return true }
func (e elsewhere) Forward(context.Context, event.Account, func() Forwarded) (Answer, Outcome) {
	return e.answer, Answered
}

// Every command is counted once, under its operation and what became of it, by whichever way it
// came.
func TestCommandsAreCounted(t *testing.T) {
	outcomes := map[string]func(to journal.Command) (journal.Receipt, error){
		"ok":       func(to journal.Command) (journal.Receipt, error) { return receipt(to), nil },
		"frozen":   func(journal.Command) (journal.Receipt, error) { return rejected(account.CodeAccountFrozen), nil },
		"full":     func(journal.Command) (journal.Receipt, error) { return journal.Receipt{}, journal.ErrStorageFull },
		"declined": func(to journal.Command) (journal.Receipt, error) { return declinedReceipt(to), nil },
		"bug":      func(journal.Command) (journal.Receipt, error) { return journal.Receipt{}, errors.New("a bug") },
	}
	run := func(_ context.Context, to journal.Command) (journal.Receipt, error) {
		return outcomes[to.Account.ID](to)
	}
	s := newServer(t, doing("credit", run), doing("open", run))
	count := func(s *Server, want map[string]float64) {
		t.Helper()
		found := 0
		families, err := s.config.Web.Registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, family := range families {
			if family.GetName() != "passbook_commands_total" {
				continue
			}
			for _, m := range family.GetMetric() {
				series := m.GetLabel()[1].GetValue() + " " + m.GetLabel()[0].GetValue() // sorted by name
				if got := m.GetCounter().GetValue(); got != want[series] {
					t.Errorf("%s: %v, not %v", series, got, want[series])
				}
				if want[series] > 0 {
					found++
				}
			}
		}
		if found != len(want) {
			t.Errorf("%d of %d series", found, len(want))
		}
	}
	count(s, nil)
	for id := range outcomes {
		ask(s, "POST", "/test/credit", `{"account_id":"`+id+`"}`, "Idempotency-Key", "k", "Content-Type", "application/json")
	}
	ask(s, "POST", "/test/credit", `{"account_id":"ok"}`, "Content-Type", "application/json")
	ask(s, "POST", "/test/credit", `{}`, "Idempotency-Key", "k", "Content-Type", "application/json")
	ask(s, "POST", "/test/credit?dry_run=true", `{"account_id":"ok"}`, "Idempotency-Key", "k", "Content-Type", "application/json")
	var lines strings.Builder
	for id := range outcomes {
		lines.WriteString(`{"op":"open","idempotency_key":"k","account_id":"` + id + `"}` + "\n")
	}
	lines.WriteString(`{"op":"open","idempotency_key":"k"}` + "\n" + `{"op":"CANARY","idempotency_key":"k"}` + "\n" + `{` + "\n")
	if r := ask(s, "POST", bulkPath, lines.String(), "Content-Type", mediaLines); r.Code != 200 || strings.Count(r.Body.String(), "\n") != 8 {
		t.Fatalf("%d %s", r.Code, r.Body)
	}
	ask(s, "POST", bulkPath+"?dry_run=true", `{"op":"open","idempotency_key":"k","account_id":"ok"}`, "Content-Type", mediaLines)
	count(s, map[string]float64{
		"credit accepted": 1, "credit account-frozen": 1, "credit storage-full": 1, "credit insufficient-funds": 1, "credit internal-error": 1,
		"credit idempotency-key-missing": 1, "credit validation-failed": 1, "credit dry-run": 1,
		"open accepted": 1, "open account-frozen": 1, "open storage-full": 1, "open insufficient-funds": 1, "open internal-error": 1,
		"open validation-failed": 1, "open dry-run": 1, "unknown validation-failed": 1, "unknown malformed-request": 1,
	})
	if n := testutil.CollectAndCount(s.config.Web.Registry, "passbook_command_duration_seconds"); n != 3 {
		t.Errorf("%d histograms", n)
	}

	forwarding := configured(t, Config{Forwarder: elsewhere{Answer{Status: http.StatusUnprocessableEntity, Problem: web.Overloaded.Code}}}, doing("credit", run))
	ask(forwarding, "POST", "/test/credit", `{"account_id":"ok"}`, "Idempotency-Key", "k", "Content-Type", "application/json")
	count(forwarding, map[string]float64{"credit overloaded": 1})
}

// declinedReceipt makes the receipt of a command that was declined.
func declinedReceipt(to journal.Command) journal.Receipt {
	r := receipt(to)
	declined := event.New(event.WithdrawalDeclined{Op: "withdraw", Amount: 5, Shortfall: 5, Reason: "insufficient-funds"})
	declined.Version = 2
	r.Command.Status, r.Entry.Events = http.StatusUnprocessableEntity, []event.Event{declined}
	return r
}
