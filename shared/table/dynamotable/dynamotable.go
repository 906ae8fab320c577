package dynamotable

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/semaphore"

	"passbook/shared/table"
)

const (
	// readDeadline and writeDeadline bound each call, including the repetitions of a read. DynamoDB
	// answers within milliseconds.
	readDeadline  = 5 * time.Second
	writeDeadline = 5 * time.Second
	// readAttempts is how often a read is sent at most, and retryDelay the first delay of the SDK's
	// backoff, which it doubles. Both are the SDK's own defaults for DynamoDB.
	readAttempts = 3
	retryDelay   = 25 * time.Millisecond
	// eachAtOnce is how many puts of all PutEach are under way at once, each a call, as
	// BatchWriteItem takes no conditions: at 5 ms a call, 12,800 a second, and fewer than the 200
	// threads of DynamoDB Local, which answers nothing any more when all of them wait.
	eachAtOnce = 64
)

// Table implements table.Table. Several may be open on the same tables, in one process or many.
type Table struct {
	client  *dynamodb.Client
	prefix  string
	schemas []table.Schema
	catalog *table.Catalog
	skew    atomic.Int64
	// each bounds the puts of PutEach.
	each *semaphore.Weighted
	// account is the AWS account of the tables, once one was described.
	account atomic.Pointer[string]
}

var _ table.Table = (*Table)(nil)

// New opens the tables of a deployment, whose names are prefix + schema name, and calls no service.
// It fails with table.ErrInvalid for a bad schema or prefix.
func New(c aws.Config, prefix string, schemas ...table.Schema) (*Table, error) {
	t := &Table{prefix: prefix, schemas: slices.Clone(schemas), each: semaphore.NewWeighted(eachAtOnce)}
	full := slices.Clone(schemas)
	for i := range full {
		full[i].Name = prefix + full[i].Name
	}
	if _, err := table.NewCatalog(full...); err != nil {
		return nil, fmt.Errorf("open tables: %w", err)
	}
	var err error
	if t.catalog, err = table.NewCatalog(schemas...); err != nil {
		return nil, fmt.Errorf("open tables: %w", err)
	}
	t.client = dynamodb.NewFromConfig(c, func(o *dynamodb.Options) {
		o.Retryer = retry.NewStandard(func(r *retry.StandardOptions) { r.MaxAttempts, r.BaseDelay = readAttempts, retryDelay })
		o.RetryMaxAttempts = 0 // otherwise AWS_MAX_ATTEMPTS would win
		o.APIOptions = append(o.APIOptions, t.measureSkew)
	})
	return t, nil
}

// once makes the SDK send a call only once.
func once(o *dynamodb.Options) { o.Retryer = aws.NopRetryer{} }

// Endpoint returns the endpoint that the configuration names, "" for that of AWS.
func (t *Table) Endpoint() string { return aws.ToString(t.client.Options().BaseEndpoint) }

// Account returns the AWS account of the tables, "" before CheckLayout has looked at one.
func (t *Table) Account() string { return aws.ToString(t.account.Load()) }

// name returns the name of a table on AWS.
func (t *Table) name(table string) *string { return aws.String(t.prefix + table) }

// Get implements table.Table.
func (t *Table) Get(ctx context.Context, name string, key table.Key, consistent bool) (table.Row, error) {
	if err := t.catalog.CheckKey(name, key); err != nil {
		return table.Row{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, readDeadline)
	defer cancel()
	out, err := t.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: t.name(name), Key: encodeKey(key), ConsistentRead: &consistent})
	if err != nil {
		return table.Row{}, t.failed("get row of", err, name)
	}
	if out.Item == nil {
		return table.Row{}, table.ErrNotFound
	}
	row, err := decodeRow(out.Item)
	if err != nil {
		return table.Row{}, t.failed("get row of", err, name)
	}
	return row, nil
}

// Put implements table.Table.
func (t *Table) Put(ctx context.Context, p table.Put) error {
	if err := t.catalog.CheckPut(p); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, writeDeadline)
	defer cancel()
	c := expression(p.If)
	_, err := t.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: t.name(p.Table), Item: encodeRow(p.Row),
		ConditionExpression: c.text, ExpressionAttributeNames: c.names, ExpressionAttributeValues: c.values,
	}, once)
	if err != nil {
		return t.failed("put row of", err, p.Table)
	}
	return nil
}

// PutEach implements table.Table by a PutItem for each row.
func (t *Table) PutEach(ctx context.Context, puts []table.Put) []error {
	return table.PutApart(ctx, puts, eachAtOnce, func(ctx context.Context, p table.Put) error {
		if err := t.each.Acquire(ctx, 1); err != nil {
			return t.failed("put row of", err, p.Table)
		}
		defer t.each.Release(1)
		return t.Put(ctx, p)
	})
}

// Together implements table.Table: each row is a separate call.
func (t *Table) Together() int { return 1 }

// Delete implements table.Table.
func (t *Table) Delete(ctx context.Context, name string, key table.Key, cond table.Condition) error {
	if err := t.catalog.CheckDelete(name, key, cond); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, writeDeadline)
	defer cancel()
	c := expression(cond)
	_, err := t.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: t.name(name), Key: encodeKey(key),
		ConditionExpression: c.text, ExpressionAttributeNames: c.names, ExpressionAttributeValues: c.values,
	}, once)
	if err != nil {
		return t.failed("delete row of", err, name)
	}
	return nil
}

// Transact implements table.Table. The SDK gives each call a new idempotency token: DynamoDB knows
// a token for 10 minutes only, and callers may repeat a call later.
func (t *Table) Transact(ctx context.Context, puts []table.Put) error {
	if err := t.catalog.CheckTransact(puts); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, writeDeadline)
	defer cancel()
	items := make([]types.TransactWriteItem, len(puts))
	for i, p := range puts {
		c := expression(p.If)
		items[i].Put = &types.Put{
			TableName: t.name(p.Table), Item: encodeRow(p.Row),
			ConditionExpression: c.text, ExpressionAttributeNames: c.names, ExpressionAttributeValues: c.values,
		}
	}
	if _, err := t.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: items}, once); err != nil {
		tables := make([]string, len(puts))
		for i, p := range puts {
			tables[i] = p.Table
		}
		return t.failed("transact rows of", err, tables...)
	}
	return nil
}

// condition is a condition as an expression of DynamoDB.
type condition struct {
	text   *string
	names  map[string]string
	values map[string]types.AttributeValue
}

// expression returns a condition as an expression. It names every attribute by a placeholder:
// hundreds of words are reserved, such as owner, state and version. Once needs none.
func expression(c table.Condition) condition {
	if c.IsOnce() {
		return condition{}
	}
	absent, attr, value := c.Parts()
	if absent {
		return condition{text: aws.String("attribute_not_exists(#a)"), names: map[string]string{"#a": pk}}
	}
	return condition{
		text: aws.String("#a = :v"), names: map[string]string{"#a": attr}, values: map[string]types.AttributeValue{":v": encode(value)},
	}
}
