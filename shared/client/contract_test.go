package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"passbook/shared/api"
	"passbook/shared/client"
)

// contracted answers each request with the example of the contract, and fails the test at one that
// violates it.
type contracted struct {
	t      *testing.T
	router routers.Router
	asked  map[string]bool
}

// newContracted reads the contract.
func newContracted(t *testing.T) *contracted {
	t.Helper()
	text, err := api.Contract(func(string, string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	contract, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		t.Fatal(err)
	}
	contract.Servers = nil
	router, err := gorillamux.NewRouter(contract)
	if err != nil {
		t.Fatal(err)
	}
	return &contracted{t: t, router: router, asked: map[string]bool{}}
}

// RoundTrip implements http.RoundTripper.
func (c *contracted) RoundTrip(r *http.Request) (*http.Response, error) {
	r.URL.Scheme, r.URL.Host = "", ""
	route, params, err := c.router.FindRoute(r)
	if err != nil {
		c.t.Errorf("%s %s: %v", r.Method, r.URL, err)
		return nil, err
	}
	c.asked[route.Operation.OperationID] = true
	input := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route, Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}}
	if err := openapi3filter.ValidateRequest(r.Context(), input); err != nil {
		c.t.Errorf("%s %s: %v", r.Method, r.URL, err)
	}
	for name := range r.URL.Query() {
		if route.Operation.Parameters.GetByInAndName("query", name) == nil {
			c.t.Errorf("%s %s: the operation has no parameter %s", r.Method, r.URL, name)
		}
	}
	w := httptest.NewRecorder()
	status, example := exampleOf(route.Operation)
	w.WriteHeader(status)
	if example == "" {
		return w.Result(), nil
	}
	_, err = io.WriteString(w, example)
	return w.Result(), err
}

// exampleOf returns an answer to an operation that is well.
func exampleOf(o *openapi3.Operation) (status int, body string) {
	for _, status := range []int{http.StatusCreated, http.StatusOK} {
		response := o.Responses.Status(status)
		if response == nil || status == http.StatusOK && o.Responses.Status(http.StatusCreated) != nil {
			continue
		}
		for name, media := range response.Value.Content {
			example := media.Example
			for _, one := range media.Examples {
				if example == nil || strings.Contains(fmt.Sprint(one.Value.Value), "events:") {
					example = one.Value.Value
				}
			}
			text, err := json.Marshal(example)
			if err != nil || name == "text/plain" {
				continue
			}
			// A list ends with its example, and a feed with a bye.
			return status, strings.ReplaceAll(string(text), `"has_more":true`, `"has_more":false`)
		}
	}
	return http.StatusNoContent, ""
}

// taken takes a list to its end.
func taken[T any](items iter.Seq2[T, error]) error {
	for _, err := range items {
		if err != nil {
			return err
		}
	}
	return nil
}

// TestEveryMethodIsACallOfTheContract makes each call with all that it can have. The contract takes
// the request, and the client takes the contract's example of an answer.
func TestEveryMethodIsACallOfTheContract(t *testing.T) {
	c := newContracted(t)
	bank, err := client.New(client.Options{URL: "http://bank.test", HTTP: &http.Client{Transport: c}, Attempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	const hook = "wh_xupy6e7x7twvibsv"
	ctx, day := t.Context(), time.Date(2026, 11, 30, 9, 0, 0, 123_456_000, time.UTC)
	only := func(_ any, err error) error { return err }
	calls := map[string]func() error{
		"openAccount": func() error {
			return only(bank.OpenAccount(ctx, client.Open{AccountID: "A-1", Currency: "EUR", HolderRef: "H-1", Product: "current", CreditLimit: 1}, client.Key("k"), client.RequestID("r")))
		},
		"credit": func() error {
			return only(bank.Credit(ctx, "A-1", client.Credit{Amount: 1, Currency: "EUR", Kind: client.CreditKindDeposit, Reference: "r", Contra: "c", EffectiveAt: "2026-11-30"}, client.IfMatch(3)))
		},
		"withdraw": func() error {
			return only(bank.Withdraw(ctx, "A-1", client.Withdraw{Amount: 1, Currency: "EUR", Kind: client.WithdrawKindCard, Reference: "r"}))
		},
		"transfer": func() error {
			return only(bank.Transfer(ctx, client.Transfer{From: "A-1", To: "A-2", Amount: 1, Currency: "EUR", Reference: "r"}))
		},
		"placeHold": func() error {
			return only(bank.PlaceHold(ctx, "A-1", client.Hold{Amount: 1, Currency: "EUR", ExpiresAt: day}))
		},
		"captureHold": func() error {
			return only(bank.CaptureHold(ctx, "A-1", "h4", client.Capture{Amount: 1, Final: new(bool)}))
		},
		"releaseHold": func() error { return only(bank.ReleaseHold(ctx, "A-1", "h4")) },
		"reverseCredit": func() error {
			return only(bank.ReverseCredit(ctx, "A-1", "t2", client.ReverseCredit{Reason: "r", Force: true}))
		},
		"reverseWithdrawal": func() error {
			return only(bank.ReverseWithdrawal(ctx, "A-1", "t2", client.ReverseWithdrawal{Reason: "r"}))
		},
		"setCreditLimit": func() error {
			return only(bank.SetCreditLimit(ctx, "A-1", client.SetLimit{Limit: 1, Reason: "r", DecidedBy: "d", DecisionRef: "x", ExpiresAt: day, Force: true}))
		},
		"freeze": func() error {
			return only(bank.Freeze(ctx, "A-1", client.Freeze{Scope: client.FreezeScopeAll, ReasonCode: "r"}))
		},
		"unfreeze":              func() error { return only(bank.Unfreeze(ctx, "A-1", client.Unfreeze{})) },
		"close":                 func() error { return only(bank.CloseAccount(ctx, "A-1", client.Close{})) },
		"getBalance":            func() error { return only(bank.Balance(ctx, "A-1", client.MinVersion(3), client.Wait(time.Second))) },
		"getCreditLimit":        func() error { return only(bank.CreditLimit(ctx, "A-1", client.At(day))) },
		"getAccount":            func() error { return only(bank.Account(ctx, "A-1")) },
		"listHolds":             func() error { return only(bank.Holds(ctx, "A-1")) },
		"getCreditLimitHistory": func() error { return only(bank.LimitHistory(ctx, "A-1")) },
		"explainCreditLimit":    func() error { return only(bank.ExplainLimit(ctx, "A-1", 5, client.AtVersion(2))) },
		"getJourney":            func() error { return only(bank.Journey(ctx, "A-1", 2)) },
		"getHolderTotals":       func() error { return only(bank.HolderTotals(ctx, "H-1")) },
		"listConsumers":         func() error { return only(bank.Consumers(ctx)) },
		"getPipeline":           func() error { return only(bank.Pipeline(ctx)) },
		"version":               func() error { return only(bank.Version(ctx)) },
		"readyz":                func() error { return only(bank.Ready(ctx)) },
		"listAccounts": func() error {
			return taken(bank.Accounts(ctx, client.AccountQuery{Holder: "H-1", Status: "open", OverLimit: true}))
		},
		"listEvents": func() error {
			return taken(bank.Events(ctx, "A-1", client.EventQuery{From: 2, Type: client.EventTypeMoneyCredited}))
		},
		"listAllEvents": func() error {
			return taken(bank.AllEvents(ctx, client.AllEventQuery{Type: client.EventTypeHoldPlaced, Actor: "dev", CorrelationID: "c", From: day, To: day.Add(time.Hour)}))
		},
		"createWebhook": func() error {
			return only(bank.CreateWebhook(ctx, client.NewWebhook{URL: "https://example.com/passbook", Types: []string{"MoneyCredited"}, Accounts: []string{"A-1"}}))
		},
		"listWebhooks": func() error { return only(bank.Webhooks(ctx)) },
		"getWebhook":   func() error { return only(bank.Webhook(ctx, hook)) },
		"changeWebhook": func() error {
			return only(bank.ChangeWebhook(ctx, hook, client.WebhookChange{Paused: new(bool), Types: &[]string{}, Accounts: &[]string{}}))
		},
		"removeWebhook": func() error { return bank.RemoveWebhook(ctx, hook) },
		"rotateWebhookSecret": func() error {
			return only(bank.RotateWebhookSecret(ctx, hook, client.SecretRotation{KeepSeconds: new(60)}))
		},
		"testWebhook": func() error { return only(bank.TestWebhook(ctx, hook)) },
		"replayWebhook": func() error {
			return only(bank.ReplayWebhook(ctx, hook, client.WebhookReplay{AccountID: "A-1", FromVersion: 1}))
		},
		"listDeliveries": func() error { return taken(bank.Deliveries(ctx, hook, client.DeliveryStateDead)) },
		"getStatement": func() error {
			return taken(bank.StatementPages(ctx, "A-1", client.Period{From: day, To: day.Add(time.Hour)}))
		},
	}
	for operation, call := range calls {
		if err := call(); err != nil {
			t.Errorf("%s: %v", operation, err)
		}
		if !c.asked[operation] {
			t.Errorf("%s was not called", operation)
		}
	}
	// The feed, bulk and files are streams; Do and the rest ask nothing.
	other := map[string]bool{"Feed": true, "StatementFile": true, "Bulk": true, "Do": true, "URL": true, "Close": true, "Seen": true}
	methods := reflect.TypeFor[*client.Client]()
	if got := methods.NumMethod() - len(other); got != len(calls) {
		t.Errorf("%d methods make calls, and %d are called here", got, len(calls))
	}
}

// TestTheFeedIsACallOfTheContract asks for a feed with every filter.
func TestTheFeedIsACallOfTheContract(t *testing.T) {
	c := newContracted(t)
	ctx, cancel := context.WithCancel(t.Context())
	bank, err := client.New(client.Options{URL: "http://bank.test", Attempts: 1, HTTP: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		cancel() // one request is enough
		return c.RoundTrip(r)
	})}})
	if err != nil {
		t.Fatal(err)
	}
	q := client.FeedQuery{From: "earliest", UntilNow: true, Types: []client.EventType{client.EventTypeMoneyCredited}, Account: "A-1", Holder: "H-1", Currency: "EUR", MinAmount: 5}
	for range bank.Feed(ctx, q) {
	}
	if !c.asked["readFeed"] {
		t.Error("the feed was not asked for")
	}
}
