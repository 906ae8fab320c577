package dynamotable_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/table"
	"passbook/shared/table/dynamotable"
)

const (
	defined  = `{"AttributeName":%q,"AttributeType":%q}`
	hash     = `{"AttributeName":%q,"KeyType":"HASH"},{"AttributeName":%q,"KeyType":"RANGE"}`
	keysOnly = `"KEYS_ONLY"`
)

// description returns the answer of DescribeTable for the tables of the suite.
func description(indexes string) string {
	attributes := []string{}
	for _, a := range [][2]string{{"pk", "S"}, {"sk", "S"}, {"tk", "S"}, {"ts", "S"}, {"nk", "S"}, {"nn", "N"}, {"ak", "S"}, {"n", "S"}} {
		attributes = append(attributes, fmt.Sprintf(defined, a[0], a[1]))
	}
	return fmt.Sprintf(`{"Table":{"TableName":"p-suite-rows","TableArn":"arn:aws:dynamodb:eu-central-1:123456789012:table/p-suite-rows","TableStatus":"ACTIVE",
		"AttributeDefinitions":[%s],"KeySchema":[%s],"GlobalSecondaryIndexes":[%s]}}`,
		strings.Join(attributes, ","), fmt.Sprintf(hash, "pk", "sk"), indexes)
}

func index(name, partition, sort, projection string) string {
	return fmt.Sprintf(`{"IndexName":%q,"IndexStatus":"ACTIVE","KeySchema":[%s],"Projection":{"ProjectionType":%s}}`,
		name, fmt.Sprintf(hash, partition, sort), projection)
}

// The suite's indexes.
var (
	byText   = index("by-text", "tk", "ts", keysOnly)
	byNumber = index("by-number", "nk", "nn", keysOnly)
	byPK     = index("by-pk", "ak", "pk", keysOnly)
)

func TestLayout(t *testing.T) {
	right := description(byText + "," + byNumber + "," + byPK + "," + index("of-others", "x", "y", `"ALL"`))
	for name, c := range map[string]struct{ answer, want string }{
		"right":         {right, ""},
		"no index":      {description(byText + "," + byPK), "no index by-number"},
		"sort key":      {strings.Replace(right, `"nn","KeyType"`, `"n","KeyType"`, 1), "index by-number: sort key is n (S), want nn (N)"},
		"partition key": {strings.Replace(right, `"ak","KeyType"`, `"tk","KeyType"`, 1), "index by-pk: partition key is tk (S), want ak (S)"},
		"type": {
			strings.Replace(right, `"nn","AttributeType":"N"`, `"nn","AttributeType":"S"`, 1), "index by-number: sort key is nn (S), want nn (N)",
		},
		"projection": {
			strings.Replace(right, keysOnly, `"ALL"`, 2),
			"index by-text: projection is ALL, want KEYS_ONLY, index by-number: projection is ALL, want KEYS_ONLY",
		},
		"no sort key": {strings.Replace(right, `,{"AttributeName":"sk","KeyType":"RANGE"}`, "", 1), "sort key is none, want sk (S)"},
	} {
		t.Run(name, func(t *testing.T) {
			tab, _ := openFake(t, says(200, c.answer))
			if before := tab.Account(); before != "" {
				t.Errorf("account %q before a look", before)
			}
			err := tab.Check(t.Context())
			if after := tab.Account(); after != "123456789012" {
				t.Errorf("account %q", after)
			}
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if !errors.Is(err, dynamotable.ErrLayout) || !strings.Contains(err.Error(), "table p-suite-rows: "+c.want) {
				t.Fatalf("%v, want %s", err, c.want)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %v", err)
			}
		})
	}
}

// TestCheckTellsAll checks a missing table and one of another layout.
func TestCheckTellsAll(t *testing.T) {
	first := true
	tab, _ := openFake(t, func(w http.ResponseWriter, r *http.Request) {
		if first {
			first = false
			says(200, description(""))(w, r)
			return
		}
		fails(400, "ResourceNotFoundException", "")(w, r)
	})
	err := tab.Check(t.Context())
	if !errors.Is(err, dynamotable.ErrLayout) || !errors.Is(err, dynamotable.ErrNoTable) || !strings.HasSuffix(err.Error(), "no table p-suite-other") {
		t.Errorf("check: %v", err)
	}
	broken, _ := openFake(t, fails(400, "AccessDeniedException", ""))
	wantKind(t, broken.Check(t.Context()), table.ErrRefused, "AccessDeniedException")
}

// TestCreateWaits creates tables that become visible after a while and active later.
func TestCreateWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		active := description(byText + "," + byNumber + "," + byPK)
		answers := []http.HandlerFunc{
			fails(400, "ResourceNotFoundException", ""),
			fails(400, "LimitExceededException", ""), // too many others are being made, say all tries of a call
			fails(400, "LimitExceededException", ""),
			fails(400, "LimitExceededException", ""),
			fails(400, "ResourceNotFoundException", ""),
			says(200, "{}"), // created
			fails(400, "ResourceNotFoundException", ""),
			fails(400, "ResourceInUseException", ""), // created again
			says(200, strings.Replace(active, `"TableStatus":"ACTIVE"`, `"TableStatus":"CREATING"`, 1)),
			says(200, strings.Replace(active, `"IndexStatus":"ACTIVE"`, `"IndexStatus":"CREATING"`, 1)),
			says(200, active),
			says(200, active), // the other table
			says(200, active), // and the check of both
			says(200, active),
		}
		tab, f := openFake(t, nil)
		f.answer = func(w http.ResponseWriter, r *http.Request) { answers[len(f.calls)-1](w, r) }
		if err := tab.CreateTables(t.Context()); err != nil || len(f.calls) != len(answers) {
			t.Fatalf("%d calls: %v", len(f.calls), err)
		}
		if f.calls[5].op != "CreateTable" || f.calls[5].body["BillingMode"] != "PAY_PER_REQUEST" {
			t.Errorf("created by %v", f.calls[5])
		}
		f.answer = says(200, strings.ReplaceAll(active, `"ACTIVE"`, `"CREATING"`))
		if err := tab.CreateTables(context.Background()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a table that is never active: %v", err)
		}
		refuse := func(code string) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				fails(400, map[string]string{"DescribeTable": "ResourceNotFoundException", "CreateTable": code}[f.calls[len(f.calls)-1].op], "")(w, r)
			}
		}
		f.answer = refuse("LimitExceededException")
		began := time.Now()
		wantKind(t, tab.CreateTables(t.Context()), table.ErrThrottled, "LimitExceededException")
		if waited := time.Since(began); waited < time.Minute {
			t.Errorf("gave up after %v", waited)
		}
		f.answer, began = refuse("ValidationException"), time.Now()
		wantKind(t, tab.CreateTables(t.Context()), table.ErrInvalid, "ValidationException")
		if waited := time.Since(began); waited != 0 {
			t.Errorf("waited %v for what no wait helps", waited)
		}
	})
}
