package writer

import (
	"context"
	"fmt"
	"time"

	"passbook/shared/control"
	"passbook/shared/table"
)

// The states of a row. A writer whose tail is published for good has no row.
const (
	Live     = "live"
	Draining = "draining"
)

// Row is a writer's session as its row in the control table has it.
type Row struct {
	// ID is the session's id.
	ID string
	// Epoch rises with every write.
	Epoch int64
	State string
	// Published is the largest n up to which every entry of the session is on the stream or was
	// never committed.
	Published int64

	// Format is the newest entry format that the writer's program can write, and Writes the one
	// that it writes: no commit of an older one is in progress there, and none begins. Both are 0
	// in a row of a program from before there was a choice, which writes format 1.
	Format, Writes int

	// Address, host:port, is where a live writer takes commands from others, empty where it takes
	// none, and Secret what proves to it that the sender may read the control table.
	Address, Secret string

	// Began is when the tail was first drained, Pass how many passes over it are complete, and Sent
	// which of its entries the stream has, as package publisher writes it. They are those of a row
	// that is drained.
	Began time.Time
	Pass  int
	Sent  string
}

// attrs returns the row's attributes.
func (r Row) attrs() table.Map {
	attrs := table.Map{"epoch": table.N(r.Epoch), "state": table.S(r.State), "published": table.N(r.Published)}
	if r.Format != 0 {
		attrs["format"], attrs["writes"] = table.N(r.Format), table.N(r.Writes)
	}
	switch {
	case r.State == Draining:
		attrs["began"], attrs["pass"], attrs["sent"] = table.N(r.Began.UnixMicro()), table.N(r.Pass), table.S(r.Sent)
	case r.Address != "":
		attrs["address"], attrs["secret"] = table.S(r.Address), table.S(r.Secret)
	}
	return attrs
}

func parseRow(row table.Row) Row {
	a := row.Attrs
	r := Row{
		ID: row.SK, Epoch: a.Number("epoch"), State: a.Text("state"), Published: a.Number("published"),
		Format: int(a.Number("format")), Writes: int(a.Number("writes")),
		Address: a.Text("address"), Secret: a.Text("secret"), Pass: int(a.Number("pass")), Sent: a.Text("sent"),
	}
	if began, ok := a["began"].(table.N); ok {
		r.Began = time.UnixMicro(int64(began))
	}
	return r
}

// List reads the rows of all writers.
func List(ctx context.Context, t table.Table) ([]Row, error) {
	var rows []Row
	for row, err := range control.Writers(t).List(ctx) {
		if err != nil {
			return nil, fmt.Errorf("read writers: %w", err)
		}
		rows = append(rows, parseRow(row))
	}
	return rows, nil
}

// Save writes a row over the one of its epoch and raises the epoch. It fails with
// table.ErrConditionFailed when another process has written the row.
func (r *Row) Save(ctx context.Context, t table.Table) error {
	next := *r
	next.Epoch++
	if err := control.Writers(t).Put(ctx, r.ID, next.attrs(), table.N(r.Epoch)); err != nil {
		return err
	}
	r.Epoch = next.Epoch
	return nil
}

// Delete removes a row. It fails with table.ErrConditionFailed when another process has written it.
func (r *Row) Delete(ctx context.Context, t table.Table) error {
	return control.Writers(t).Delete(ctx, r.ID, table.N(r.Epoch))
}
