package replay

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"passbook/shared/event"
	"passbook/shared/readmodel"
	"passbook/shared/table"
)

// scanSegments is how many parts of a table are scanned concurrently.
const scanSegments = 8

// modelRow is a read model's row, in what all models have.
type modelRow struct {
	generation int64
	account    event.Account
	version    int64
	hash       string
	blocked    int64
	attrs      table.Map
}

func parseRow(row table.Row) (modelRow, bool) {
	generation, a, ok := readmodel.ParseRowKey(row.PK)
	attrs := row.Attrs
	return modelRow{
		generation: generation, account: a, version: attrs.Number("version"), hash: attrs.Text("hash"),
		blocked: attrs.Number("blocked_at_version"), attrs: row.Attrs,
	}, ok
}

// eachRow visits the rows of one generation of a model, several at once.
func eachRow(ctx context.Context, t table.Table, model string, generation int64, visit func(context.Context, modelRow) error) error {
	group, ctx := errgroup.WithContext(ctx)
	for segment := range scanSegments {
		group.Go(func() error {
			scan := table.Scan{Table: model, Segment: segment, Of: scanSegments}
			for raw, err := range table.ScanRows(ctx, t, scan) {
				if err != nil {
					return fmt.Errorf("scan %s: %w", model, err)
				}
				row, ok := parseRow(raw)
				if !ok || row.generation != generation {
					continue
				}
				err = visit(ctx, row)
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

func eachLiveRow(ctx context.Context, t table.Table, model string, visit func(context.Context, modelRow) error) error {
	live, _, err := readmodel.Generations(ctx, t, model)
	if err != nil {
		return err
	}
	return eachRow(ctx, t, model, live, visit)
}

// getRow reads a row of a generation. A missing row has version 0.
func getRow(ctx context.Context, t table.Table, model string, generation int64, a event.Account) (modelRow, error) {
	raw, err := t.Get(ctx, model, readmodel.RowKey(generation, a), true)
	if errors.Is(err, table.ErrNotFound) {
		return modelRow{generation: generation, account: a}, nil
	}
	if err != nil {
		return modelRow{}, fmt.Errorf("read %s of %s: %w", model, a, err)
	}
	row, _ := parseRow(raw)
	return row, nil
}
