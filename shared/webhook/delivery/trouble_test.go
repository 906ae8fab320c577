package delivery

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/event"
	"passbook/shared/webhook"
)

// What a person should look at is an endpoint that is gone and dead accounts, and no other one.
func TestEndpointsInTroubleAreFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newImpatientBank(t)
		b.receiver.answer = func(_ context.Context, p posted) int {
			switch p.host {
			case here:
				return http.StatusGone
			case there:
				return 500
			}
			return 200
		}
		gone := b.add(webhook.Endpoint{URL: "https://" + here + "/?token=secret"}, false)
		failing := b.add(webhook.Endpoint{URL: "https://" + there}, false)
		b.add(webhook.Endpoint{URL: "https://well.example"}, false)
		stopped := b.add(webhook.Endpoint{URL: "https://stopped.example"}, false)
		if _, err := b.registry.Pause(t.Context(), "main", stopped.ID, "Paused by a person."); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		b.mustShow(b.commit("A-1", 1), b.commit("A-2", 1))
		troubles := b.d.Troubles()
		list := func() map[string]Trouble {
			found, err := troubles.List(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			byID := map[string]Trouble{}
			for _, one := range found {
				byID[one.ID] = one
			}
			return byID
		}
		time.Sleep(2 * time.Minute)
		if found := list(); len(found) != 1 || !found[gone.ID].Gone || found[gone.ID].Host != here {
			t.Errorf("%+v", found)
		}
		time.Sleep(patience + 3*time.Hour)
		dead := list()[failing.ID]
		accounts := []event.Account{{Tenant: "main", ID: "A-1"}, {Tenant: "main", ID: "A-2"}}
		slices.SortFunc(dead.Dead, func(x, y event.Account) int { return len(x.ID) - len(y.ID) + int(x.ID[2]) - int(y.ID[2]) })
		if !slices.Equal(dead.Dead, accounts) || dead.More || dead.Gone || time.Since(dead.Since) > 4*time.Hour || dead.Tenant != "main" {
			t.Errorf("%+v", dead)
		}
		for _, a := range accounts {
			if _, err := b.d.store.Replay(t.Context(), failing.ID, a, 0); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(2 * time.Minute)
		if found := list(); len(found) != 1 {
			t.Errorf("after the replay: %+v", found)
		}
	})
}
