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
	// createDeadline bounds one CreateTable, which answers before the table is made, and
	// readyDeadline all of CreateTables: DynamoDB takes some ten seconds a table.
	createDeadline = 30 * time.Second
	readyDeadline  = 5 * time.Minute
	// pollFirst to pollMost are the pauses between two looks at a table that is being made.
	pollFirst = 50 * time.Millisecond
	pollMost  = 2 * time.Second
)

// CreateTables makes each table that is missing, on demand, waits until it and its indexes are
// active, and ends with Check. It may be repeated, and run beside another one. It changes no table
// that is there.
func (t *Table) CreateTables(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyDeadline)
	defer cancel()
	// One after the other: DynamoDB bounds how many tables with indexes are made at a time.
	for _, s := range t.schemas {
		if err := t.ensure(ctx, s); err != nil {
			return err
		}
	}
	return t.Check(ctx)
}

// ensure looks at the table until it is active. One that is not there is made, again if it must be:
// a table that was just made may not show yet, one that is being deleted goes first, and so do
// others while as many are made as DynamoDB makes at a time.
func (t *Table) ensure(ctx context.Context, s table.Schema) error {
	for pause := pollFirst; ; pause = min(2*pause, pollMost) {
		var busy error // why the table cannot be made yet
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

// active says that a table takes reads and writes, and so do its indexes. An update of its settings
// is no hindrance.
func active(d *types.TableDescription) bool {
	if d.TableStatus != types.TableStatusActive && d.TableStatus != types.TableStatusUpdating {
		return false
	}
	return !slices.ContainsFunc(d.GlobalSecondaryIndexes, func(g types.GlobalSecondaryIndexDescription) bool {
		return g.IndexStatus == types.IndexStatusCreating || g.IndexStatus == types.IndexStatusDeleting
	})
}

// create asks for a table. That somebody else is making it is no failure.
func (t *Table) create(ctx context.Context, s table.Schema) error {
	ctx, cancel := context.WithTimeout(ctx, createDeadline)
	defer cancel()
	in := &dynamodb.CreateTableInput{TableName: t.name(s.Name), BillingMode: types.BillingModePayPerRequest}
	in.KeySchema = define(in, primary)
	for _, x := range s.Indexes {
		in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{
			IndexName: &x.Name, KeySchema: define(in, x), Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly},
		})
	}
	_, err := t.client.CreateTable(ctx, in)
	var inUse *types.ResourceInUseException
	if err != nil && !errors.As(err, &inUse) {
		return t.failed("create table", err, s.Name)
	}
	return nil
}

// tooMany says that as many tables are being made as DynamoDB makes at a time, by whomever: 500,
// and 250 with indexes. The account may also have all the tables that it is granted.
func tooMany(err error) bool {
	var limit *types.LimitExceededException
	return errors.As(err, &limit)
}

// define is an index's key for CreateTable. The attributes that are new to the table are defined
// with it.
func define(in *dynamodb.CreateTableInput, x table.Index) []types.KeySchemaElement {
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
