package dynamotable_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/smithy-go"

	"passbook/shared/table"
	"passbook/shared/table/dynamotable"
)

var key = table.Key{PK: "a", SK: "b"}

func absent(name string) table.Put {
	return table.Put{Table: name, Row: table.Row{Key: key, Attrs: table.Map{"v": table.N(1)}}, If: table.Absent()}
}

// writes and reads list the calls of the port.
func writes(tab *dynamotable.Table) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"put": func(ctx context.Context) error { return tab.Put(ctx, absent("suite-rows")) },
		"delete": func(ctx context.Context) error {
			return tab.Delete(ctx, "suite-rows", key, table.Equals("v", table.N(1)))
		},
		"transact": func(ctx context.Context) error { return tab.Transact(ctx, []table.Put{absent("suite-rows")}) },
	}
}

func reads(tab *dynamotable.Table) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"get": func(ctx context.Context) error {
			_, err := tab.Get(ctx, "suite-rows", key, true)
			return err
		},
		"query": func(ctx context.Context) error {
			_, err := tab.Query(ctx, table.Query{Table: "suite-rows", PK: "a"})
			return err
		},
		"scan": func(ctx context.Context) error {
			_, err := tab.Scan(ctx, table.Scan{Table: "suite-rows", Of: 1})
			return err
		},
		"check": tab.Check,
	}
}

// portErrors are the errors that callers distinguish.
var portErrors = []error{
	table.ErrNotFound, table.ErrConditionFailed, table.ErrConflict, table.ErrThrottled, table.ErrInvalid, table.ErrRefused, dynamotable.ErrNoTable,
}

// wantKind checks that the error matches one error of the port and no other, names the table, and
// wraps the error of the SDK.
func wantKind(t *testing.T, err, want error, code string) {
	t.Helper()
	for _, kind := range portErrors {
		if errors.Is(err, kind) != (kind == want || kind == table.ErrRefused && want == dynamotable.ErrNoTable) {
			t.Errorf("%v: is %v: %v", err, kind, errors.Is(err, kind))
		}
	}
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != code || !strings.Contains(err.Error(), "p-suite-rows") {
		t.Errorf("%v: no %s in it, or no table", err, code)
	}
}

func TestErrorsOfDynamoDB(t *testing.T) {
	for _, c := range []struct {
		status int
		code   string
		want   error
	}{
		{400, "ConditionalCheckFailedException", table.ErrConditionFailed},
		{400, "TransactionConflictException", table.ErrConflict},
		{400, "TransactionInProgressException", table.ErrConflict},
		{400, "ReplicatedWriteConflictException", table.ErrConflict},
		{400, "ProvisionedThroughputExceededException", table.ErrThrottled},
		{400, "RequestLimitExceeded", table.ErrThrottled},
		{400, "ThrottlingException", table.ErrThrottled},
		{400, "LimitExceededException", table.ErrThrottled},
		{400, "ValidationException", table.ErrInvalid},
		{400, "ResourceNotFoundException", dynamotable.ErrNoTable},
		{400, "AccessDeniedException", table.ErrRefused},
		{400, "ExpiredTokenException", table.ErrRefused}, // a role's credentials are renewed, and yet nothing was written
		{400, "InvalidSignatureException", table.ErrRefused},
		{400, "UnrecognizedClientException", table.ErrRefused},
		{500, "InternalServerError", nil},
		{503, "ServiceUnavailable", nil},
		{400, "TransactionCanceledException", nil},
	} {
		t.Run(c.code, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tab, _ := openFake(t, fails(c.status, c.code, ""))
				for _, call := range writes(tab) {
					wantKind(t, call(t.Context()), c.want, c.code)
				}
				wantKind(t, reads(tab)["get"](t.Context()), c.want, c.code)
				wantKind(t, reads(tab)["query"](t.Context()), c.want, c.code)
			})
		})
	}
}

func TestReasonsOfACancelledTransaction(t *testing.T) {
	for _, c := range []struct {
		reasons string
		want    error
		index   int
	}{
		{"ConditionalCheckFailed", table.ErrConditionFailed, 0},
		{"None ConditionalCheckFailed ConditionalCheckFailed", table.ErrConditionFailed, 1},
		{"TransactionConflict ThrottlingError ConditionalCheckFailed", table.ErrConditionFailed, 2},
		{"None TransactionConflict", table.ErrConflict, 0},
		{"ThrottlingError TransactionConflict", table.ErrConflict, 0},
		{"None ThrottlingError", table.ErrThrottled, 0},
		{"ProvisionedThroughputExceeded None", table.ErrThrottled, 0},
		{"TransactionConflict ValidationError", table.ErrInvalid, 0},
		{"SomethingNew", nil, 0},
		{"", nil, 0},
	} {
		t.Run(c.reasons, func(t *testing.T) {
			var reasons []string
			for code := range strings.FieldsSeq(c.reasons) {
				reasons = append(reasons, fmt.Sprintf(`{"Code":%q,"Message":"m"}`, code))
			}
			tab, _ := openFake(t, fails(400, "TransactionCanceledException", `,"CancellationReasons":[`+strings.Join(reasons, ",")+`]`))
			err := tab.Transact(t.Context(), []table.Put{absent("suite-rows"), absent("suite-other")})
			wantKind(t, err, c.want, "TransactionCanceledException")
			var failed *table.TransactError
			if errors.As(err, &failed) != (c.want == table.ErrConditionFailed) || failed != nil && failed.Index != c.index {
				t.Errorf("%v, want index %d", err, c.index)
			}
		})
	}
}

// TestAttempts counts how often each call is sent when DynamoDB fails or throttles, for each
// configuration of the SDK.
func TestAttempts(t *testing.T) {
	for _, answer := range []http.HandlerFunc{fails(500, "InternalServerError", ""), fails(400, "ThrottlingException", "")} {
		synctest.Test(t, func(t *testing.T) {
			tab, f := openFake(t, answer)
			sent := func(call func(context.Context) error) int {
				f.calls = nil
				if err := call(t.Context()); err == nil {
					t.Error("no error")
				}
				return len(f.calls)
			}
			for name, call := range writes(tab) {
				if n := sent(call); n != 1 {
					t.Errorf("%s was sent %d times", name, n)
				}
			}
			for name, call := range reads(tab) {
				if n := sent(call); n != 3 {
					t.Errorf("%s was sent %d times", name, n)
				}
			}
		})
	}
}

// TestCutConnection writes to a server that reads the request and closes the connection, which
// served an earlier call: the HTTP client must not send the write again.
func TestCutConnection(t *testing.T) {
	var puts atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.Header.Get("X-Amz-Target"), "PutItem") {
			says(200, "{}")(w, r)
			return
		}
		puts.Add(1)
		if conn, _, err := http.NewResponseController(w).Hijack(); err != nil || conn.(*net.TCPConn).SetLinger(0) != nil || conn.Close() != nil {
			t.Errorf("cannot hang up: %v", err)
		}
	}))
	defer server.Close()
	tab := open(t, fakeConfig(nil, server.URL), "p-")
	if _, err := tab.Get(t.Context(), "suite-rows", key, true); !errors.Is(err, table.ErrNotFound) {
		t.Fatal(err)
	}
	err := tab.Put(t.Context(), absent("suite-rows"))
	for _, kind := range portErrors {
		if err == nil || errors.Is(err, kind) {
			t.Errorf("put: %v", err)
		}
	}
	if n := puts.Load(); n != 1 {
		t.Errorf("the put was sent %d times", n)
	}
}

// TestDeadlines calls an endpoint that never answers.
func TestDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tab, _ := openFake(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		all := writes(tab)
		for name, call := range reads(tab) {
			all[name] = call
		}
		for name, call := range all {
			began := time.Now()
			if err := call(context.Background()); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 5*time.Second {
				t.Errorf("%s: after %v: %v", name, time.Since(began), err)
			}
			began = time.Now()
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			if err := call(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
				t.Errorf("%s in a second: after %v: %v", name, time.Since(began), err)
			}
			cancel()
		}
	})
}

func TestErrorNamesTheTablesOfATransaction(t *testing.T) {
	tab, _ := openFake(t, fails(400, "AccessDeniedException", ""))
	err := tab.Transact(t.Context(), []table.Put{absent("suite-other"), absent("suite-rows")})
	if !strings.Contains(err.Error(), "p-suite-other, p-suite-rows") {
		t.Error(err)
	}
}
