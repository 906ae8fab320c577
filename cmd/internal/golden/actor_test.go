package golden

import (
	"context"
	"testing"

	"passbook/shared/access/persons"
	"passbook/shared/control"
	"passbook/shared/table"
)

// actors has a name kept and another one erased, and returns the rows, with the time of the golden
// directories.
func actors(t *testing.T) (rows []Rendered) {
	t.Helper()
	tables := controlTable(t)
	d := persons.New(tables, nil)
	d.Note("main", "oidc:xqx4hxw7qoemzbrbcyxtpm7nzh", "Ada Lovelace")
	if _, err := persons.Erase(t.Context(), tables, "main", "oidc:a3nv6hk2xv3fwyqbg5zv4o7yle"); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	for name := ""; name == ""; {
		var err error
		if name, err = d.Name(t.Context(), "main", "oidc:xqx4hxw7qoemzbrbcyxtpm7nzh"); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	for row, err := range table.Rows(t.Context(), tables, table.Query{Table: control.Name, PK: "actor", Consistent: true}) {
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range []string{"since", "erased"} {
			if row.Attrs[at] != nil {
				row.Attrs[at] = table.S("2026-11-30T08:00:00.000000Z")
			}
		}
		rows = append(rows, Render(control.Name, row))
	}
	return rows
}
