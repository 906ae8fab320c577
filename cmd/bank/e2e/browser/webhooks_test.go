package browser

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"passbook/cmd/internal/jobs"
	"passbook/cmd/internal/programtest"
	"passbook/shared/event"
	"passbook/shared/platform"
	"passbook/shared/table"
	"passbook/shared/webhook/delivery"
)

// hook makes a webhook, and returns its id.
func (b *bank) hook(t *testing.T, body string) string {
	t.Helper()
	b.send(t, http.MethodPost, "/v1/webhooks", "", "application/json", strings.NewReader(body))
	var list struct {
		Webhooks []struct {
			ID  string `json:"webhook_id"`
			URL string `json:"url"`
		}
	}
	b.get(t, "/v1/webhooks", &list)
	for _, w := range list.Webhooks {
		if strings.Contains(body, `"`+w.URL+`"`) {
			return w.ID
		}
	}
	t.Fatalf("no webhook has the URL of %s", body)
	return ""
}

// delivered is how far an account is for a webhook.
type delivered struct{ Attempts int }

// has waits until a webhook has an account of a state, with so many attempts.
func (b *bank) has(t *testing.T, id, state string, attempts int) {
	t.Helper()
	programtest.Eventually(t, "there are deliveries that are "+state, func() error {
		var page struct {
			Deliveries []delivered
		}
		b.get(t, "/v1/webhooks/"+id+"/deliveries?state="+state, &page)
		if !slices.ContainsFunc(page.Deliveries, func(d delivered) bool { return d.Attempts >= attempts }) {
			return errNotYet
		}
		return nil
	})
}

// giveUp has an account of a bank that does not run be dead for a webhook: it takes three days.
func giveUp(t *testing.T, data, id, account string) {
	t.Helper()
	config, err := platform.FromEnv([]string{"PASSBOOK_DATA=" + data})
	if err != nil {
		t.Fatal(err)
	}
	engine, err := platform.Open(t.Context(), config, jobs.Everything(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	dead := delivery.Row{
		Endpoint: id, Account: event.Account{Tenant: "main", ID: account}, Next: 1, Seen: 2, State: delivery.Dead, At: time.Now(), Attempts: 80,
		FailedAt: time.Now().Add(-72 * time.Hour), Status: 500, Error: "it answered 500", Rev: 1,
	}
	err = engine.Table.Put(t.Context(), table.Put{Table: delivery.Table, Row: dead.Item(), If: table.Absent()})
	if closed := engine.Close(); err == nil {
		err = closed
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestWebhooksAreSoundInEveryView(t *testing.T) {
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/fails":
			w.WriteHeader(http.StatusInternalServerError)
		case "/gone":
			w.WriteHeader(http.StatusGone)
		}
	}))
	defer receiver.Close()
	b := serve(t, t.TempDir(), "--webhook-allow", "127.0.0.0/8")
	play(t, b)
	takes := b.hook(t, fmt.Sprintf(`{"url":"%s/takes","from":"earliest","description":"Ledger of sales"}`, receiver.URL))
	fails := b.hook(t, fmt.Sprintf(`{"url":"%s/fails","from":"earliest","types":["MoneyCredited","MoneyWithdrawn"],"accounts":["A-19"]}`, receiver.URL))
	gone := b.hook(t, fmt.Sprintf(`{"url":"%s/gone","from":"earliest"}`, receiver.URL))
	b.has(t, takes, "delivered", 0)
	b.has(t, fails, "pending", 2)
	b.has(t, gone, "pending", 1)
	b.Kill()
	giveUp(t, b.data, fails, "A-20")
	b.again(t)
	one := func(id, state string) string { return "/ui/webhooks/" + id + "?state=" + state }
	sound(t, b, []shown{
		{name: "webhooks", path: "/ui/webhooks"},
		{name: "webhook-pending", path: one(fails, "pending")},
		{name: "webhook-dead", path: one(fails, "dead")},
		{name: "webhook-delivered", path: one(takes, "delivered")},
		{name: "webhook-nothing", path: one(takes, "dead")},
		{name: "webhook-paused", path: one(gone, "pending")},
		{name: "webhook-missing", path: one("wh_aaaaaaaaaaaaaaaa", "pending"), expect: "status of 404"},
		{name: "attention-webhook", path: "/ui/attention?id=webhook/dead/" + fails},
	})
}
