package teller

import (
	"errors"
	"fmt"
	"iter"

	"passbook/cmd/internal/cli"
)

// list writes items as they come, at most limit of them, and says on stderr what is not there.
func list[T any](t *cli.Terminal, o cli.Output, items iter.Seq2[T, error], limit int, columns []cli.Column[T], none string) (err error) {
	rows := cli.NewRows(t, o, columns)
	defer func() {
		err = errors.Join(err, rows.Close())
		if err == nil && rows.Count() == 0 {
			fmt.Fprintln(t.Err, none)
		}
	}()
	if limit < 0 {
		return cli.Usage("--limit %d is negative", limit)
	}
	for item, err := range items {
		if err != nil {
			return err
		}
		if limit > 0 && rows.Count() == limit {
			fmt.Fprintf(t.Err, "%d are shown, and there are more: --limit 0 shows all\n", limit)
			return nil
		}
		if err := rows.Add(item); err != nil {
			return err
		}
	}
	return nil
}
