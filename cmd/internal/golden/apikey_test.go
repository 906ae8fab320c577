package golden

import (
	"crypto/sha256"
	"testing"
	"time"

	"passbook/shared/access"
	"passbook/shared/access/apikey"
	"passbook/shared/control"
	"passbook/shared/table"
)

// apiKeys has an API key made and revoked, and returns the rows.
func apiKeys(t *testing.T) (rows []Rendered) {
	t.Helper()
	tables := controlTable(t)
	now := time.Date(2026, 11, 30, 8, 0, 0, 0, time.UTC)
	k, err := apikey.Create(t.Context(), tables, apikey.Key{
		ID: "7hQ2mZ0dXk4B", Sum: sha256.Sum256([]byte("a secret")), Name: "payroll", Tenant: "main", Scopes: access.AccountsRead | access.MoneyCredit,
		Created: now, CreatedBy: "os:1000", Expires: now.AddDate(0, 0, 90),
	})
	if err == nil {
		_, err = apikey.Revoke(t.Context(), tables, k.ID, now.Add(time.Hour))
	}
	if err != nil {
		t.Fatal(err)
	}
	for row, err := range table.Rows(t.Context(), tables, table.Query{Table: control.Name, PK: "apikey", Consistent: true}) {
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, Render(control.Name, row))
	}
	return rows
}
