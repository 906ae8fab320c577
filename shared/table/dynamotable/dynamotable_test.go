package dynamotable_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/table"
	"passbook/shared/table/dynamotable"
	"passbook/shared/table/tabletest"
)

func TestNew(t *testing.T) {
	for name, open := range map[string]func() error{
		"a strange prefix": func() error {
			_, err := dynamotable.New(fakeConfig(nil, ""), "p#", tabletest.Schemas()...)
			return err
		},
		"too long a prefix": func() error {
			_, err := dynamotable.New(fakeConfig(nil, ""), strings.Repeat("p", 250), tabletest.Schemas()...)
			return err
		},
		"a strange schema": func() error {
			_, err := dynamotable.New(fakeConfig(nil, ""), "p-", table.Schema{Name: "x"})
			return err
		},
	} {
		if err := open(); !errors.Is(err, table.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEndpoint(t *testing.T) {
	if got := open(t, fakeConfig(nil, "http://there:1"), "p-").Endpoint(); got != "http://there:1" {
		t.Errorf("endpoint %q", got)
	}
	c := fakeConfig(nil, "")
	c.BaseEndpoint = nil
	if got := open(t, c, "p-").Endpoint(); got != "" {
		t.Errorf("AWS's own endpoint is %q", got)
	}
}

// TestForeignAttributes reads rows that no Passbook program can have written.
func TestForeignAttributes(t *testing.T) {
	for name, attr := range map[string]string{
		"NULL":                 `{"NULL":true}`,
		"NS":                   `{"NS":["1","2"]}`,
		"SS":                   `{"SS":["a"]}`,
		"BS":                   `{"BS":["YQ=="]}`,
		"1.5":                  `{"N":"1.5"}`,
		"9223372036854775808":  `{"N":"9223372036854775808"}`,
		"-9223372036854775809": `{"N":"-9223372036854775809"}`,
		"SS in a list":         `{"L":[{"S":"a"},{"SS":["a"]}]}`,
		"NULL in a map":        `{"M":{"x":{"NULL":true}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			item := fmt.Sprintf(`{"pk":{"S":"the-pk"},"sk":{"S":"the-sk"},"odd":%s}`, attr)
			tab, _ := openFake(t, says(200, fmt.Sprintf(`{"Item":%s,"Items":[%s]}`, item, item)))
			for call, err := range map[string]error{
				"get": reads(tab)["get"](t.Context()), "query": reads(tab)["query"](t.Context()), "scan": reads(tab)["scan"](t.Context()),
			} {
				if err == nil {
					t.Fatalf("%s: no error", call)
				}
				for _, part := range []string{"p-suite-rows", "the-pk", "the-sk", "odd", strings.Fields(name)[0]} {
					if !strings.Contains(err.Error(), part) {
						t.Errorf("%s: %v: does not name %s", call, err, part)
					}
				}
			}
		})
	}
	tab, _ := openFake(t, says(200, `{"Item":{"pk":{"S":"a"},"sk":{"N":"1"}}}`))
	if err := reads(tab)["get"](t.Context()); err == nil || errors.Is(err, table.ErrNotFound) {
		t.Errorf("a key of another type: %v", err)
	}
}

// TestExpressions checks the requests: attributes by placeholders, and consistent reads only where
// DynamoDB allows them.
func TestExpressions(t *testing.T) {
	for name, c := range map[string]struct {
		call func(*dynamotable.Table) error
		want string
	}{
		"put if absent": {
			func(tab *dynamotable.Table) error { return tab.Put(t.Context(), absent("suite-rows")) },
			`{"TableName":"p-suite-rows","Item":{"pk":{"S":"a"},"sk":{"S":"b"},"v":{"N":"1"}},
			  "ConditionExpression":"attribute_not_exists(#a)","ExpressionAttributeNames":{"#a":"pk"}}`,
		},
		"put if equal": {
			func(tab *dynamotable.Table) error {
				return tab.Put(t.Context(), table.Put{
					Table: "suite-rows", If: table.Equals("state", table.Bool(true)),
					Row: table.Row{Key: key, Attrs: table.Map{"b": table.B(nil), "l": table.List(nil), "m": table.Map(nil)}},
				})
			},
			`{"TableName":"p-suite-rows","Item":{"pk":{"S":"a"},"sk":{"S":"b"},"b":{"B":""},"l":{"L":[]},"m":{"M":{}}},
			  "ConditionExpression":"#a = :v","ExpressionAttributeNames":{"#a":"state"},"ExpressionAttributeValues":{":v":{"BOOL":true}}}`,
		},
		"delete": {
			func(tab *dynamotable.Table) error { return writes(tab)["delete"](t.Context()) },
			`{"TableName":"p-suite-rows","Key":{"pk":{"S":"a"},"sk":{"S":"b"}},
			  "ConditionExpression":"#a = :v","ExpressionAttributeNames":{"#a":"v"},"ExpressionAttributeValues":{":v":{"N":"1"}}}`,
		},
		"query of the table": {
			query(t, table.Query{PK: "a", From: table.S("x"), To: table.S("y"), Limit: 7, Consistent: true}),
			`{"TableName":"p-suite-rows","ConsistentRead":true,"Limit":7,"ScanIndexForward":true,
			  "KeyConditionExpression":"#p = :p AND #s BETWEEN :from AND :to","ExpressionAttributeNames":{"#p":"pk","#s":"sk"},
			  "ExpressionAttributeValues":{":p":{"S":"a"},":from":{"S":"x"},":to":{"S":"y"}}}`,
		},
		"query of an index": {
			query(t, table.Query{Index: "by-number", PK: "a", From: table.N(-1), Desc: true, Consistent: true}),
			`{"TableName":"p-suite-rows","IndexName":"by-number","ScanIndexForward":false,
			  "KeyConditionExpression":"#p = :p AND #s >= :from","ExpressionAttributeNames":{"#p":"nk","#s":"nn"},
			  "ExpressionAttributeValues":{":p":{"S":"a"},":from":{"N":"-1"}}}`,
		},
		"query of all": {
			query(t, table.Query{PK: "a"}),
			`{"TableName":"p-suite-rows","ConsistentRead":false,"ScanIndexForward":true,"KeyConditionExpression":"#p = :p",
			  "ExpressionAttributeNames":{"#p":"pk"},"ExpressionAttributeValues":{":p":{"S":"a"}}}`,
		},
		"scan": {
			func(tab *dynamotable.Table) error {
				_, err := tab.Scan(t.Context(), table.Scan{Table: "suite-rows", Segment: 2, Of: 3})
				return err
			},
			`{"TableName":"p-suite-rows","Segment":2,"TotalSegments":3}`,
		},
	} {
		tab, f := openFake(t, says(200, "{}"))
		if err := c.call(tab); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var want map[string]any
		if err := json.Unmarshal([]byte(c.want), &want); err != nil {
			t.Fatal(err)
		}
		if len(f.calls) != 1 || !reflect.DeepEqual(f.calls[0].body, want) {
			t.Errorf("%s: sent %v, want %v", name, f.calls, want)
		}
	}
}

func query(t *testing.T, q table.Query) func(*dynamotable.Table) error {
	return func(tab *dynamotable.Table) error {
		q.Table = "suite-rows"
		_, err := tab.Query(t.Context(), q)
		return err
	}
}

// TestEmptyRange checks that an empty range, which DynamoDB refuses, makes no call.
func TestEmptyRange(t *testing.T) {
	tab, f := openFake(t, fails(400, "ValidationException", ""))
	for _, q := range []table.Query{
		{PK: "a", From: table.S("b"), To: table.S("a")}, {Index: "by-number", PK: "a", From: table.N(1), To: table.N(-1)},
	} {
		q.Table = "suite-rows"
		if page, err := tab.Query(t.Context(), q); err != nil || len(page.Rows) > 0 || page.After != "" {
			t.Errorf("%+v: %v, %v", q, page, err)
		}
	}
	if len(f.calls) > 0 {
		t.Errorf("calls: %v", f.calls)
	}
}

// TestAfter checks that a query continues from the key of DynamoDB, with its types, and from no
// other.
func TestAfter(t *testing.T) {
	last := `{"pk":{"S":"a"},"sk":{"S":"ü<"},"nk":{"S":"n"},"nn":{"N":"-12"}}`
	tab, f := openFake(t, says(200, `{"LastEvaluatedKey":`+last+`}`))
	q := table.Query{Table: "suite-rows", Index: "by-number", PK: "n"}
	page, err := tab.Query(t.Context(), q)
	if err != nil || page.After == "" {
		t.Fatal(page, err)
	}
	q.After = page.After
	if _, err := tab.Query(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	var want map[string]any
	if err := json.Unmarshal([]byte(last), &want); err != nil {
		t.Fatal(err)
	}
	if got := f.calls[1].body["ExclusiveStartKey"]; !reflect.DeepEqual(got, want) {
		t.Errorf("continues from %v, want %v", got, want)
	}
	raw, err := base64.RawURLEncoding.DecodeString(page.After)
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range [][2]string{
		{`"-12"`, `"1.5"`}, {`"-12"`, `"x"`}, {`"nn"`, `"mm"`}, {`"sk":`, `"tk":`}, {`{`, `[`}, {`"q":`, `"q":1`},
	} {
		q.After = base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(raw), change[0], change[1], 1)))
		if _, err := tab.Query(t.Context(), q); !errors.Is(err, table.ErrInvalid) {
			t.Errorf("%s for %s: %v", change[1], change[0], err)
		}
	}
	if len(f.calls) != 2 {
		t.Errorf("a bad token was sent: %v", f.calls)
	}
	odd, _ := openFake(t, says(200, `{"LastEvaluatedKey":{"pk":{"S":"a"},"sk":{"B":"YQ=="}}}`))
	if err := reads(odd)["scan"](t.Context()); err == nil {
		t.Error("a page that ends at a binary key: no error")
	}
}

// TestSkew measures the clock by answers of successes and failures, and by a slow one.
func TestSkew(t *testing.T) {
	for name, c := range map[string]struct {
		ahead, takes, want time.Duration
	}{
		"ahead":              {10 * time.Second, 0, 10 * time.Second},
		"behind":             {-10 * time.Second, 0, -9 * time.Second}, // a Date has no part of a second
		"the same":           {0, 0, 0},
		"slow":               {0, 3 * time.Second, 0},
		"slow and far ahead": {10 * time.Second, 3 * time.Second, 10 * time.Second},
	} {
		for _, answer := range []http.HandlerFunc{says(200, "{}"), fails(400, "ConditionalCheckFailedException", "")} {
			synctest.Test(t, func(t *testing.T) {
				tab, _ := openFake(t, func(w http.ResponseWriter, r *http.Request) {
					time.Sleep(c.takes / 2)
					now := time.Now()
					time.Sleep(c.takes - c.takes/2)
					w.Header().Set("Date", now.Add(c.ahead).UTC().Format(http.TimeFormat))
					answer(w, r)
				})
				if tab.Skew() != 0 {
					t.Errorf("%s: a skew of %v before any call", name, tab.Skew())
				}
				// The skew is told by failures, too.
				_ = tab.Put(context.Background(), absent("suite-rows"))
				least, most := c.want-c.takes, c.want
				if c.ahead == 0 {
					least = 0
				}
				if got := tab.Skew(); got < least || got > most {
					t.Errorf("%s: skew %v, want %v to %v", name, got, least, most)
				}
			})
		}
	}
}

// However many callers put rows, no more than 64 puts are under way, all are made, and a caller
// whose time is over does not wait.
func TestPutsOfAllCallersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const callers, rows = 20, 30
		var under, most, made atomic.Int64
		tab, _ := openFake(t, func(w http.ResponseWriter, r *http.Request) {
			if n := under.Add(1); n > most.Load() {
				most.Store(n)
			}
			time.Sleep(time.Second)
			under.Add(-1)
			made.Add(1)
			says(200, "{}")(w, r)
		})
		puts := func(caller int) (all []table.Put) {
			for i := range rows {
				p := absent("suite-rows")
				p.Row.Key = table.Key{PK: fmt.Sprint(caller), SK: fmt.Sprint(i)}
				all = append(all, p)
			}
			return all
		}
		var work sync.WaitGroup
		for caller := range callers {
			work.Go(func() {
				if outcomes := tab.PutEach(t.Context(), puts(caller)); errors.Join(outcomes...) != nil {
					t.Error(outcomes[0])
				}
			})
		}
		synctest.Wait()
		late, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		for _, err := range tab.PutEach(late, puts(callers)) {
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("a put whose time is over: %v", err)
			}
		}
		work.Wait()
		if most.Load() != 64 || made.Load() != callers*rows {
			t.Errorf("at most %d puts at once, %d made", most.Load(), made.Load())
		}
	})
}
