package dynamotable_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"passbook/shared/awstest"
	"passbook/shared/table"
	"passbook/shared/table/dynamotable"
	"passbook/shared/table/tabletest"
)

func open(t testing.TB, c aws.Config, prefix string) *dynamotable.Table {
	t.Helper()
	tab, err := dynamotable.New(c, prefix, tabletest.Schemas()...)
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

// prefix returns a new prefix and deletes its tables at the end of the test.
func prefix(t testing.TB, c aws.Config) string {
	t.Helper()
	prefix := awstest.Prefix(t)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		for _, s := range tabletest.Schemas() {
			_, err := dynamodb.NewFromConfig(c).DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: aws.String(prefix + s.Name)})
			if missing := (*types.ResourceNotFoundException)(nil); err != nil && !errors.As(err, &missing) {
				t.Errorf("delete table: %v", err)
			}
		}
	})
	return prefix
}

func TestContractOnAWS(t *testing.T) {
	c := awstest.Config(t)
	tabletest.Run(t, func(t testing.TB) (first, second table.Table) {
		prefix := prefix(t, c)
		a, b := open(t, c, prefix), open(t, c, prefix)
		if err := a.CreateTables(t.Context()); err != nil {
			t.Fatal(err)
		}
		return a, b
	})
}

func TestCreateTwiceOnAWS(t *testing.T) {
	c := awstest.Config(t)
	prefix := prefix(t, c)
	tab := open(t, c, prefix)
	err := tab.Check(t.Context())
	if !errors.Is(err, dynamotable.ErrNoTable) || strings.Count(err.Error(), prefix) != 2 {
		t.Fatalf("check of no tables: %v", err)
	}
	if _, err := tab.Get(t.Context(), "suite-rows", table.Key{PK: "a", SK: "b"}, true); !errors.Is(err, dynamotable.ErrNoTable) {
		t.Errorf("get from no table: %v", err)
	}
	both := make(chan error)
	for range 2 {
		go func() { both <- open(t, c, prefix).CreateTables(t.Context()) }()
	}
	for range 2 {
		if err := <-both; err != nil {
			t.Errorf("two at once: %v", err)
		}
	}
	if err := tab.CreateTables(t.Context()); err != nil {
		t.Errorf("again: %v", err)
	}
	if err := tab.Check(t.Context()); err != nil {
		t.Errorf("check: %v", err)
	}
}

// TestOtherLayoutOnAWS checks a table that another program created.
func TestOtherLayoutOnAWS(t *testing.T) {
	c := awstest.Config(t)
	prefix := prefix(t, c)
	_, err := dynamodb.NewFromConfig(c).CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: aws.String(prefix + "suite-rows"), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String("pk"), AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: aws.String("n"), AttributeType: types.ScalarAttributeTypeN},
		},
		KeySchema: []types.KeySchemaElement{
			{AttributeName: aws.String("pk"), KeyType: types.KeyTypeHash}, {AttributeName: aws.String("n"), KeyType: types.KeyTypeRange},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	err = open(t, c, prefix).CreateTables(t.Context())
	want := "table " + prefix + "suite-rows: sort key is n (N), want sk (S), no index by-text, no index by-number, no index by-pk"
	if !errors.Is(err, dynamotable.ErrLayout) || errors.Is(err, dynamotable.ErrNoTable) || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("another layout: %v, want %s", err, want)
	}
}
