package golden

import (
	"context"
	"strings"
	"testing"
	"time"

	"passbook/shared/control"
	"passbook/shared/event"
	"passbook/shared/storetest"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/table"
	"passbook/shared/webhook"
	"passbook/shared/webhook/delivery"
)

// exampleWebhook and exampleSecret are the ids in the document; those that are made are random.
const (
	exampleWebhook = "wh_xupy6e7x7twvibsv"
	exampleSecret  = "sec_o4vmnsv3vqakhbyt"
)

// sameKey wraps every key alike, so that a row has the bytes of the document.
type sameKey struct{}

func (sameKey) Wrap(context.Context, string, []byte) ([]byte, error)   { return []byte("secret"), nil }
func (sameKey) Unwrap(context.Context, string, []byte) ([]byte, error) { return []byte("whsec_1"), nil }

// webhooks returns the rows of an endpoint, of the count of changes, and of a delivery.
func webhooks(t *testing.T) []Rendered {
	t.Helper()
	tables := storetest.Memory(t, pebblestream.Options{}, control.Schema).Table
	morning := time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
	registry := webhook.NewRegistry(webhook.Config{Table: tables, Keys: sameKey{}, Bank: "bank", Now: func() time.Time { return morning }})
	made, err := registry.Create(t.Context(), webhook.Endpoint{
		Tenant: "main", URL: "https://example.com/passbook", Types: []string{"MoneyCredited"}, CreatedBy: "key:4f9sk2mw81cd",
	}, false)
	if err != nil {
		t.Fatal(err)
	}
	var rows []Rendered
	for row, err := range control.Webhooks(tables).List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if row.SK == made.ID {
			row.SK = exampleWebhook
			secret, ok := row.Attrs["secrets"].(table.List)[0].(table.Map)
			if !ok || !strings.HasPrefix(secret.Text("id"), "sec_") {
				t.Fatalf("the secret is %v", row.Attrs["secrets"])
			}
			secret["id"] = table.S(exampleSecret)
		}
		rows = append(rows, Render(control.Name, row))
	}
	waiting := delivery.Row{
		Endpoint: exampleWebhook, Account: event.Account{Tenant: "main", ID: "A-1"}, Next: 3, Seen: 4, State: delivery.Pending, At: time.UnixMilli(1796042408000),
		Attempts: 3, FailedAt: morning.Add(time.Second), Status: 503, Error: "it answered 503", Rev: 4,
	}
	return append(rows, Render(delivery.Table, waiting.Item()))
}
