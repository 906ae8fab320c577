package dynamotable

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"passbook/shared/table"
)

// Check compares every table with its schema. It reports all missing and different tables in one
// error of one line, which matches ErrNoTable, ErrLayout or both. Additional indexes are allowed,
// and optional tables are passed over.
func (t *Table) Check(ctx context.Context) error {
	var wrong error
	for _, s := range t.schemas {
		if s.Optional {
			continue
		}
		d, err := t.describe(ctx, s.Name)
		switch {
		case errors.Is(err, ErrNoTable):
			err = fmt.Errorf("%w %s", ErrNoTable, t.prefix+s.Name)
		case err != nil:
			return err
		default:
			err = compare(s, d)
		}
		switch {
		case wrong == nil:
			wrong = err
		case err != nil:
			wrong = fmt.Errorf("%w; %w", wrong, err)
		}
	}
	return wrong
}

func (t *Table) describe(ctx context.Context, name string) (*types.TableDescription, error) {
	ctx, cancel := context.WithTimeout(ctx, readDeadline)
	defer cancel()
	out, err := t.client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: t.name(name)})
	if err != nil {
		return nil, t.failed("describe table", err, name)
	}
	if named, err := arn.Parse(aws.ToString(out.Table.TableArn)); err == nil {
		t.account.Store(&named.AccountID)
	}
	return out.Table, nil
}

// compare returns an ErrLayout that lists how a table differs from its schema, nil if it does not.
func compare(s table.Schema, d *types.TableDescription) error {
	wrong := compareKeys("", primary, d.KeySchema, d.AttributeDefinitions)
	for _, x := range s.Indexes {
		i := slices.IndexFunc(d.GlobalSecondaryIndexes, func(g types.GlobalSecondaryIndexDescription) bool {
			return aws.ToString(g.IndexName) == x.Name
		})
		if i < 0 {
			wrong = append(wrong, "no index "+x.Name)
			continue
		}
		where, there := "index "+x.Name+": ", d.GlobalSecondaryIndexes[i]
		wrong = append(wrong, compareKeys(where, x, there.KeySchema, d.AttributeDefinitions)...)
		if p := there.Projection; p == nil || p.ProjectionType != types.ProjectionTypeKeysOnly {
			wrong = append(wrong, fmt.Sprintf("%sprojection is %s, want %s", where, projection(p), types.ProjectionTypeKeysOnly))
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return fmt.Errorf("%w: table %s: %s", ErrLayout, aws.ToString(d.TableName), strings.Join(wrong, ", "))
}

func projection(p *types.Projection) types.ProjectionType {
	if p == nil {
		return "none"
	}
	return p.ProjectionType
}

// keyPart is an attribute of a key.
type keyPart struct {
	role types.KeyType
	name string
	kind types.ScalarAttributeType
}

func (p keyPart) String() string { return fmt.Sprintf("%s (%s)", p.name, p.kind) }

// keyOf returns the key that an index, or the table itself, should have.
func keyOf(x table.Index) []keyPart {
	sort := keyPart{types.KeyTypeRange, x.SK, types.ScalarAttributeTypeS}
	if x.Numeric {
		sort.kind = types.ScalarAttributeTypeN
	}
	return []keyPart{{types.KeyTypeHash, x.PK, types.ScalarAttributeTypeS}, sort}
}

func compareKeys(where string, x table.Index, there []types.KeySchemaElement, defined []types.AttributeDefinition) (wrong []string) {
	for i, want := range keyOf(x) {
		got := "none"
		for _, e := range there {
			if e.KeyType == want.role {
				got = keyPart{e.KeyType, aws.ToString(e.AttributeName), kindIn(defined, aws.ToString(e.AttributeName))}.String()
			}
		}
		if got != want.String() {
			wrong = append(wrong, fmt.Sprintf("%s%s is %s, want %s", where, []string{"partition key", "sort key"}[i], got, want))
		}
	}
	return wrong
}

func kindIn(defined []types.AttributeDefinition, name string) types.ScalarAttributeType {
	for _, d := range defined {
		if aws.ToString(d.AttributeName) == name {
			return d.AttributeType
		}
	}
	return "undefined"
}
