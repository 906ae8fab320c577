package dynamotable

import (
	"context"
	"math"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"passbook/shared/table"
)

// primary is the key of the table itself, in the form of an index.
var primary = table.Index{PK: pk, SK: sk}

// Query implements table.Table.
func (t *Table) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if err := t.catalog.CheckQuery(q); err != nil {
		return table.Page{}, err
	}
	x := primary
	if q.Index != "" {
		var err error
		if x, err = t.catalog.Index(q.Table, q.Index); err != nil {
			return table.Page{}, err
		}
	}
	id := fingerprint(q.Table, q.Index, q.PK, q.From, q.To, q.Desc)
	from, err := decodeToken(q.After, id, x)
	if err != nil || emptyRange(q.From, q.To) {
		return table.Page{}, err
	}
	in := &dynamodb.QueryInput{TableName: t.name(q.Table), ScanIndexForward: aws.Bool(!q.Desc), ExclusiveStartKey: from}
	if q.Index == "" {
		in.ConsistentRead = &q.Consistent
	} else {
		in.IndexName = &q.Index
	}
	if q.Limit > 0 {
		in.Limit = aws.Int32(int32(min(q.Limit, math.MaxInt32)))
	}
	keyCondition(in, q, x)
	ctx, cancel := context.WithTimeout(ctx, readDeadline)
	defer cancel()
	out, err := t.client.Query(ctx, in)
	if err != nil {
		return table.Page{}, t.failed("query rows of", err, q.Table)
	}
	page, err := newPage(id, out.Items, out.LastEvaluatedKey)
	if err != nil {
		return table.Page{}, t.failed("query rows of", err, q.Table)
	}
	return page, nil
}

// keyCondition sets the partition and the range of a query.
func keyCondition(in *dynamodb.QueryInput, q table.Query, x table.Index) {
	expression := "#p = :p"
	in.ExpressionAttributeNames = map[string]string{"#p": x.PK}
	in.ExpressionAttributeValues = map[string]types.AttributeValue{":p": text(q.PK)}
	if q.From != nil || q.To != nil {
		in.ExpressionAttributeNames["#s"] = x.SK
	}
	if q.From != nil {
		in.ExpressionAttributeValues[":from"] = encode(q.From)
	}
	if q.To != nil {
		in.ExpressionAttributeValues[":to"] = encode(q.To)
	}
	switch {
	case q.From != nil && q.To != nil:
		expression += " AND #s BETWEEN :from AND :to"
	case q.From != nil:
		expression += " AND #s >= :from"
	case q.To != nil:
		expression += " AND #s <= :to"
	}
	in.KeyConditionExpression = &expression
}

// emptyRange reports whether a range is empty, which DynamoDB would refuse. Strings are in the
// order of their bytes, as on DynamoDB.
func emptyRange(from, to table.Value) bool {
	switch from := from.(type) {
	case table.S:
		to, bounded := to.(table.S)
		return bounded && from > to
	case table.N:
		to, bounded := to.(table.N)
		return bounded && from > to
	}
	return false
}

// Scan implements table.Table. It is eventually consistent.
func (t *Table) Scan(ctx context.Context, s table.Scan) (table.Page, error) {
	if err := t.catalog.CheckScan(s); err != nil {
		return table.Page{}, err
	}
	id := fingerprint("scan", s.Table, s.Segment, s.Of)
	from, err := decodeToken(s.After, id, primary)
	if err != nil {
		return table.Page{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, readDeadline)
	defer cancel()
	out, err := t.client.Scan(ctx, &dynamodb.ScanInput{
		TableName: t.name(s.Table), Segment: aws.Int32(int32(s.Segment)), TotalSegments: aws.Int32(int32(s.Of)), ExclusiveStartKey: from,
	})
	if err != nil {
		return table.Page{}, t.failed("scan rows of", err, s.Table)
	}
	page, err := newPage(id, out.Items, out.LastEvaluatedKey)
	if err != nil {
		return table.Page{}, t.failed("scan rows of", err, s.Table)
	}
	return page, nil
}

// newPage returns a page of DynamoDB as a page of the port.
func newPage(id uint64, items []map[string]types.AttributeValue, last map[string]types.AttributeValue) (page table.Page, err error) {
	for _, item := range items {
		row, err := decodeRow(item)
		if err != nil {
			return table.Page{}, err
		}
		page.Rows = append(page.Rows, row)
	}
	page.After, err = encodeToken(id, last)
	return page, err
}
