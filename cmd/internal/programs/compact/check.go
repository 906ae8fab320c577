package compact

import (
	"context"
	"io"

	"passbook/cmd/internal/cli"
	"passbook/shared/eventtable/check"
	"passbook/shared/eventtable/iceberg"
	"passbook/shared/progress"
)

// checkedBytes is about what an event takes while a table is checked.
const checkedBytes = 128

// check compares the table with the archive, and prints what differs.
func (c *Command) check(ctx context.Context, w work, t *cli.Terminal) error {
	table, err := iceberg.Open(ctx, w.to, w.root, 0)
	if err != nil {
		return err
	}
	bar, far := cli.NewProgress(t.Err, "compact"), progress.New()
	defer bar.Finish()
	defer bar.Follow(far.Snapshot)()
	report, err := check.Run(ctx, check.Config{
		Archive: w.from, Table: table, Origin: w.proof, Events: int64(c.Memory / checkedBytes), Progress: far,
	})
	if report == nil {
		return err
	}
	if err != nil {
		err = cli.Fail(cli.ExitDifference, err, "audit shows whether the archive is right; then remove the table, and compact makes it again")
	}
	return cli.Show(t, c.Output, report, err, func(w io.Writer) { _ = report.WriteText(w) })
}
