package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	"go.yaml.in/yaml/v3"

	"passbook/shared/account"
	"passbook/shared/journal"
	"passbook/shared/readmodel"
	"passbook/shared/web"
)

func TestEveryCodeOfTheContractHasAProblemType(t *testing.T) {
	var contract struct {
		Components struct {
			Schemas struct {
				Code struct{ Enum []string } `yaml:"Code"`
			}
		}
	}
	if err := yaml.Unmarshal(contractYAML, &contract); err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, code := range contract.Components.Schemas.Code.Enum {
		listed[code] = true
		if _, ok := ProblemTypes[code]; !ok {
			t.Errorf("%s is in the contract, but has no problem type", code)
		}
	}
	for code, a := range ProblemTypes {
		if !listed[code] {
			t.Errorf("%s is not in the contract", code)
		}
		if a.Title == "" || !strings.HasSuffix(a.Detail, ".") || a.Status < 400 || http.StatusText(a.Status) == "" {
			t.Errorf("%s: %+v", code, a)
		}
		if a.RetryAfter > 0 && !a.Retryable || a.Status == http.StatusServiceUnavailable && a.RetryAfter == 0 {
			t.Errorf("%s: Retry-After %d, retryable %t", code, a.RetryAfter, a.Retryable)
		}
	}
}

func TestCodesOfTheRulesHaveProblemTypes(t *testing.T) {
	for _, code := range []string{
		account.CodeValidationFailed, account.CodeAccountNotFound, account.CodeHoldNotFound, account.CodeTransactionNotFound, account.CodeAccountExists,
		account.CodeAccountFrozen, account.CodeAccountClosed, account.CodeAccountNotEmpty, account.CodeHoldNotActive, account.CodeAlreadyReversed,
		account.CodeLimitBelowUsage, account.CodeTooManyHolds, account.CodeCurrencyMismatch, account.CodeUnsupportedCurrency,
		account.CodeHoldAmountExceeded, account.CodeNotReversible, account.CodeSameAccount, account.CodeBalanceOverflow,
		"insufficient-funds", "idempotency-key-reused", VersionMismatch.Code,
	} {
		if _, ok := ProblemTypes[code]; !ok {
			t.Errorf("%s has no problem type", code)
		}
	}
}

func TestErrorsBecomeProblems(t *testing.T) {
	for err, want := range map[error]string{
		journal.ErrContention:                     "409 write-contention",
		journal.ErrOutcomeUnknown:                 "504 outcome-unknown",
		journal.ErrUnavailable:                    "503 journal-unavailable",
		RowsUnavailable(io.ErrUnexpectedEOF):      "503 projection-unavailable",
		RowsUnavailable(context.DeadlineExceeded): "503 projection-unavailable",
		RowsUnavailable(readmodel.ErrNoRow):       "404 account-not-found",
		journal.ErrClockSkew:                      "503 clock-skew",
		journal.ErrStorageFull:                    "503 storage-full",
		journal.ErrOverloaded:                     "503 overloaded",
		journal.ErrShuttingDown:                   "503 shutting-down",
		journal.ErrRateLimited:                    "429 rate-limited",
		echo.ErrNotFound:                          "404 route-not-found",
		echo.ErrMethodNotAllowed:                  "405 method-not-allowed",
		errors.New("CANARY"):                      "500 internal-error",
		web.Invalid("limit", account.FieldSyntax): "400 validation-failed",
	} {
		p := problemOf(fmt.Errorf("on the way: %w", err))
		if got := fmt.Sprint(p.Status, " ", p.Code); got != want {
			t.Errorf("%v: %s, not %s", err, got, want)
		}
	}
	if err := outcome(fmt.Errorf("put: %w", http.ErrHandlerTimeout)); errors.Is(err, journal.ErrOutcomeUnknown) {
		t.Error("not every error leaves the outcome open")
	}
}

func TestProblemDocument(t *testing.T) {
	p := web.Refuse(problemType("insufficient-funds")).Of("A-1", 4).With("available", 15000).With("limit", 10000).With("shortfall", 100)
	want := `{"type":"/problems/insufficient-funds","title":"Insufficient funds","status":422,"detail":"The amount is greater than what is available, the line of credit included.",` +
		`"account_id":"A-1","account_version":4,"available":15000,"limit":10000,"shortfall":100,"retryable":false,"correlation_id":"c-1"}`
	if got := string(p.Append(nil, "c-1")); got != want {
		t.Errorf("%s", got)
	}
	p.CorrelationID = "first"
	if got := string(p.Append(nil, "c-1")); !strings.Contains(got, `"correlation_id":"first"`) {
		t.Errorf("%s", got)
	}
	unknown := web.Refuse(problemType("CANARY")).Append(nil, "c")
	if !regexp.MustCompile(`internal-error.*"status":500`).Match(unknown) || strings.Contains(string(unknown), "CANARY") {
		t.Errorf("%s", unknown)
	}
	rejected := refusal(journal.Receipt{Version: 3, Rejection: &account.Rejection{Code: "account-frozen", Details: map[string]any{
		"scope": "all", "leg": "to", "errors": []account.FieldError{{Pointer: "/a", Code: "b"}}, "odd": 1.5,
	}}}, "A-1")
	var document map[string]any
	if err := json.Unmarshal(rejected.Append(nil, "c"), &document); err != nil || document["scope"] != "all" || document["odd"] != "1.5" || document["errors"] == nil {
		t.Errorf("%v %v", document, err)
	}
}
