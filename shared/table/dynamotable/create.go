package dynamotable

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"passbook/shared/backoff"
	"passbook/shared/table"
)

const (
	// createDeadline bounds one CreateTable, which answers before the table exists, and
	// readyDeadline all of CreateTables: DynamoDB takes about ten seconds for a table.
	createDeadline = 30 * time.Second
	readyDeadline  = 5 * time.Minute
	// pollFirst and pollMost are the first and the longest pause between two looks at a table that
	// is being created.
	pollFirst = 50 * time.Millisecond
	pollMost  = 2 * time.Second
)

// CreateTables creates each missing table with on-demand billing, waits until it and its indexes
// are active, and then calls Check. It may be repeated and run concurrently, also by several
// processes. It does not change an existing table.
func (t *Table) CreateTables(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyDeadline)
	defer cancel()
	// One after the other: DynamoDB bounds how many tables with indexes it creates at a time.
	for _, s := range t.schemas {
		if err := t.ensure(ctx, s); err != nil {
			return err
		}
	}
	return t.Check(ctx)
}

// ensure creates the table if it is missing and waits until it is active. It may have to create it
// again: a new table may not be visible yet, a table of that name may still be being deleted, and
// DynamoDB refuses to create more than a number of tables at a time.
func (t *Table) ensure(ctx context.Context, s table.Schema) error {
	for pause := pollFirst; ; pause = min(2*pause, pollMost) {
		var busy error // why the table cannot be created yet
		d, err := t.describe(ctx, s.Name)
		switch {
		case errors.Is(err, ErrNoTable):
			if busy = t.create(ctx, s); busy != nil && !tooMany(busy) {
				return busy
			}
		case err != nil:
			return err
		case active(d):
			return nil
		}
		if err := backoff.Sleep(ctx, pause); err != nil {
			return cmp.Or(busy, t.failed("create table", err, s.Name))
		}
	}
}

// active reports whether a table and its indexes take reads and writes, which they also do while
// the settings of the table are updated.
func active(d *types.TableDescription) bool {
	if d.TableStatus != types.TableStatusActive && d.TableStatus != types.TableStatusUpdating {
		return false
	}
	return !slices.ContainsFunc(d.GlobalSecondaryIndexes, func(g types.GlobalSecondaryIndexDescription) bool {
		return g.IndexStatus == types.IndexStatusCreating || g.IndexStatus == types.IndexStatusDeleting
	})
}

// create sends CreateTable. It does not fail if another process is creating the table.
func (t *Table) create(ctx context.Context, s table.Schema) error {
	ctx, cancel := context.WithTimeout(ctx, createDeadline)
	defer cancel()
	in := &dynamodb.CreateTableInput{TableName: t.name(s.Name), BillingMode: types.BillingModePayPerRequest}
	in.KeySchema = keySchema(in, primary)
	for _, x := range s.Indexes {
		in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{
			IndexName: &x.Name, KeySchema: keySchema(in, x), Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly},
		})
	}
	_, err := t.client.CreateTable(ctx, in)
	var inUse *types.ResourceInUseException
	if err != nil && !errors.As(err, &inUse) {
		return t.failed("create table", err, s.Name)
	}
	return nil
}

// tooMany reports whether DynamoDB is creating as many tables as it does at a time, 500, and 250
// with indexes, or whether the AWS account has as many tables as its quota allows.
func tooMany(err error) bool {
	var limit *types.LimitExceededException
	return errors.As(err, &limit)
}

// keySchema returns the key of an index for CreateTable, and adds the definitions of its
// attributes.
func keySchema(in *dynamodb.CreateTableInput, x table.Index) []types.KeySchemaElement {
	var key []types.KeySchemaElement
	for _, p := range keyOf(x) {
		key = append(key, types.KeySchemaElement{AttributeName: &p.name, KeyType: p.role})
		if kindIn(in.AttributeDefinitions, p.name) != p.kind {
			defined := types.AttributeDefinition{AttributeName: &p.name, AttributeType: p.kind}
			in.AttributeDefinitions = append(in.AttributeDefinitions, defined)
		}
	}
	return key
}
