package creditlimit

import (
	"fmt"
	"testing"

	"passbook/shared/account"
	"passbook/shared/api"
	"passbook/shared/api/apitest"
	"passbook/shared/event"
)

// Two tenants have an account A-1, and one of them an account B-1 too: each reads its own, on every
// route, and the other's is as one that there is not.
func TestTenantsReadTheirOwnLines(t *testing.T) {
	b := serveTo(t, apitest.Tenants("main", "acme"))
	main, acme := b.client.As("main"), b.client.As("acme")
	for i, name := range []string{"main#A-1", "acme#A-1", "acme#B-1"} {
		of, _ := event.ParseAccount(name)
		for limit := range int64(3) { // decisions enough for two pages
			b.commitTo(of, func(d *account.Draft) {
				if limit == 0 {
					d.Open("EUR", event.AccountOpened{Exponent: 2, CreditLimit: int64(100 * (i + 1))})
				} else {
					d.SetLimit(event.CreditLimitChanged{After: int64(100*(i+1)) + limit, Reason: event.Text{Plain: "r"}, DecidedBy: "d"}, false)
				}
			})
		}
	}
	for _, path := range []string{"/v1/accounts/%s/credit-limit", "/creditLimit/%s", "/v1/accounts/%s/credit-limit/history", "/v1/accounts/%s/credit-limit/explain?amount=1"} {
		own, others := main.Get(fmt.Sprintf(path, "A-1")), acme.Get(fmt.Sprintf(path, "A-1"))
		if own.Status != 200 || others.Status != 200 || string(own.Body) == string(others.Body) {
			t.Errorf("%s: %d %s\nand %d %s", path, own.Status, own.Body, others.Status, others.Body)
		}
		if foreign := main.Get(fmt.Sprintf(path, "B-1")); foreign.Status != 404 || foreign.Code() != api.AccountNotFound.Code {
			t.Errorf("%s: %d %s", path, foreign.Status, foreign.Body)
		}
	}
	if limit := acme.Get("/v1/accounts/A-1/credit-limit").Int("limit"); limit != 202 {
		t.Errorf("the limit is %d", limit)
	}
	const history = "/v1/accounts/A-1/credit-limit/history?limit=1"
	cursor := acme.Get(history).Text("next_cursor")
	if r := acme.Get(history + "&cursor=" + cursor); r.Status != 200 || cursor == "" {
		t.Errorf("the own cursor: %d %s", r.Status, r.Body)
	}
	if r := main.Get(history + "&cursor=" + cursor); r.Status != 400 {
		t.Errorf("another tenant's cursor: %d %s", r.Status, r.Body)
	}
}
