package e2e

import (
	"fmt"
	"sync"
	"testing"
)

func TestParallelWithdrawalsNeverOverdraw(t *testing.T) {
	t.Parallel()
	b := serve(t, t.TempDir())
	b.open(t, "A-1", 100)
	const attempts = 50
	answers := make([]answer, attempts)
	errs := make([]error, attempts)
	var wg sync.WaitGroup
	for i := range attempts {
		wg.Go(func() {
			answers[i], errs[i] = b.try("POST", "/v1/accounts/A-1/withdrawals", fmt.Sprintf("w-%d", i), money(10))
		})
	}
	wg.Wait()
	accepted, declined := 0, 0
	for i, a := range answers {
		switch {
		case errs[i] != nil:
			t.Fatal(errs[i])
		case a.status == 201:
			accepted++
		case a.status == 422 && a.code() == "insufficient-funds":
			declined++
		default:
			t.Errorf("withdrawal %d: %d %s", i, a.status, a.text)
		}
	}
	if accepted != 10 || declined != 40 {
		t.Errorf("%d accepted and %d declined, not 10 and 40", accepted, declined)
	}
	last := int64(2 + attempts)
	balance := b.get(t, fmt.Sprintf("/v1/accounts/A-1/balance?min_version=%d&wait=10s", last)).must(t, 200)
	if balance.body.Posted != 0 || balance.body.Version != last {
		t.Errorf("balance %s", balance.text)
	}
	checkHistory(t, b.history(t, "A-1"), last)
}

// checkHistory checks that versions are 1 to last without a gap, that posted follows from the
// amounts, and that it never was below zero by more than the limit.
func checkHistory(t *testing.T, events []event, last int64) {
	t.Helper()
	if int64(len(events)) != last {
		t.Errorf("%d events, expected %d", len(events), last)
	}
	posted := int64(0)
	for i, e := range events {
		if e.Version != int64(i)+1 {
			t.Fatalf("event %d has version %d", i+1, e.Version)
		}
		switch e.Type {
		case "MoneyCredited":
			posted += e.Amount
		case "MoneyWithdrawn":
			posted -= e.Amount
		}
		if e.After.Posted != posted || posted+e.After.Limit < 0 {
			t.Fatalf("version %d: %s of %d leaves %d, expected %d, with a limit of %d", e.Version, e.Type, e.Amount, e.After.Posted, posted, e.After.Limit)
		}
	}
}
