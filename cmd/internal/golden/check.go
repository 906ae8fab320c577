package golden

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"passbook/balance"
	"passbook/creditlimit"
	"passbook/shared/journal"
	"passbook/shared/platform"
	"passbook/shared/table"
)

// Rows returns every row of every table of a data directory that no program has open.
func Rows(t testing.TB, dir string) (all []Rendered) {
	t.Helper()
	c, err := platform.FromEnv([]string{"PASSBOOK_DATA=" + dir})
	if err != nil {
		t.Fatal(err)
	}
	schemas := slices.Concat(balance.Schemas, []table.Schema{creditlimit.Schema}, journal.Schemas)
	engine, err := platform.Open(t.Context(), c, platform.Resources{Tables: schemas, Archive: true}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	}()
	for _, schema := range schemas {
		rows, err := scan(t.Context(), engine.Table, schema.Name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, rows...)
	}
	return all
}

// scan returns the rows of one table.
func scan(ctx context.Context, from table.Table, name string) (all []Rendered, err error) {
	for row, err := range table.ScanRows(ctx, from, table.Scan{Table: name, Of: 1}) {
		if err != nil {
			return nil, err
		}
		all = append(all, Render(name, row))
	}
	return all, nil
}

// Objects returns the objects of a data directory's archive by key.
func Objects(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	root, all := filepath.Join(dir, "archive"), map[string][]byte{}
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		key, err := filepath.Rel(root, path)
		all[filepath.ToSlash(key)] = data
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// CheckDirectory fails the test for every row of a data directory that the document does not
// describe as it is. It returns the rows.
func CheckDirectory(t testing.TB, d Document, dir string) []Rendered {
	t.Helper()
	rows := Rows(t, dir)
	for _, row := range rows {
		section := d[row.Kind]
		if section == nil {
			t.Errorf("%s: no section describes the row", row.Key())
			continue
		}
		if err := section.Check(row); err != nil {
			t.Error(err)
		}
	}
	return rows
}
