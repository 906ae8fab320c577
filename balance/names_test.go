package balance

import (
	"context"
	"strings"
	"sync"
	"testing"

	"passbook/shared/access"
	"passbook/shared/access/persons"
	"passbook/shared/api/apitest"
)

// Who may read names sees who a person is, in its own tenant, until the name is erased; others see
// the actor alone.
func TestNamesOfActorsAreForThoseWhoMayReadThem(t *testing.T) {
	const ada = "oidc:xqx4hxw7qoemzbrbcyxtpm7nzh"
	b := serveTo(t, apitest.Bearers{
		"may":     {Actor: "key:1", Tenant: "main", Scopes: access.AccountsRead | access.PIIRead},
		"may not": {Actor: "key:2", Tenant: "main", Scopes: access.All &^ access.PIIRead},
		"acme":    {Actor: "key:3", Tenant: "acme", Scopes: access.All},
	})
	b.open("A-1", "H-1")
	b.open("acme#A-1", "H-1")
	b.actor = ada
	b.credit("A-1", 100)
	b.credit("acme#A-1", 100)
	b.keepName("main", ada, "Ada Lovelace")
	const events = "/v1/accounts/A-1/events"
	for who, want := range map[string]int{"may": 1, "may not": 0, "acme": 0} {
		page := b.client.As(who).Get(events)
		if got := strings.Count(string(page.Body), `"actor_name":"Ada Lovelace"`); page.Status != 200 || got != want || strings.Count(string(page.Body), "actor_name") != want || !strings.Contains(string(page.Body), ada) {
			t.Errorf("%s: %d %s", who, page.Status, page.Body)
		}
	}
	if had, err := persons.Erase(t.Context(), b.table, "main", ada); !had || err != nil {
		t.Fatal(had, err)
	}
	if page := b.client.As("may").Get(events); page.Status != 200 || strings.Contains(string(page.Body), "Ada") {
		t.Errorf("erased: %d %s", page.Status, page.Body)
	}
}

// keepName keeps the name of an actor's person, as a program that takes tokens does.
func (b *bank) keepName(tenant, actor, name string) {
	b.t.Helper()
	d := persons.New(b.table, nil)
	d.Note(tenant, actor, name)
	ctx, stop := context.WithCancel(b.t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = d.Run(ctx) })
	defer running.Wait()
	defer stop()
	for kept := ""; kept == ""; {
		var err error
		if kept, err = d.Name(b.t.Context(), tenant, actor); err != nil {
			b.t.Fatal(err)
		}
	}
}
