package floor

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// exchange is a request of Check and what it must be answered.
type exchange struct {
	key, path, body string
	status          int
	replayed        bool
	// version and more are of an answer of 2xx: the account's version, and how much more it has
	// than at first.
	version, more int64
}

// Check asks a service that was just prepared, with account B-000000 never moved, whether it keeps
// what this package promises: a floor that does not would be too fast.
func Check(ctx context.Context, address string, funds int64, lean bool) error {
	const of = "/v1/accounts/B-000000"
	steps := []exchange{
		{"c1", of + "/credits", `{"amount":7,"currency":"EUR"}`, http.StatusCreated, false, 1, 7},
		{"w1", of + "/withdrawals", `{"amount":3,"currency":"EUR","reference":"atm"}`, http.StatusCreated, false, 2, 4},
		{"w2", of + "/withdrawals", fmt.Sprintf(`{"amount":%d,"currency":"EUR"}`, funds+5), http.StatusUnprocessableEntity, false, 0, 0},
		{"c2", "/v1/accounts/NOBODY/credits", `{"amount":7,"currency":"EUR"}`, http.StatusUnprocessableEntity, false, 0, 0},
		{"", of + "/credits", `{"amount":7,"currency":"EUR"}`, http.StatusBadRequest, false, 0, 0},
		{"c3", of + "/credits", `{"amount":0,"currency":"EUR"}`, http.StatusBadRequest, false, 0, 0},
		{"", of + "/balance", "", http.StatusOK, false, 2, 4},
	}
	if !lean {
		steps = append(steps, exchange{"c1", of + "/credits", `{"amount":7,"currency":"EUR"}`, http.StatusCreated, true, 1, 7})
		steps = append(steps, exchange{"", of + "/balance", "", http.StatusOK, false, 2, 4})
	}
	for _, step := range steps {
		if err := step.make(ctx, address, funds); err != nil {
			return fmt.Errorf("the service on PostgreSQL is no floor: %s with key %q: %w", step.path, step.key, err)
		}
	}
	return nil
}

// make sends the request and returns how its answer differs from what it must be.
func (x exchange) make(ctx context.Context, address string, funds int64) error {
	method, body := http.MethodGet, io.Reader(nil)
	if x.body != "" {
		method, body = http.MethodPost, strings.NewReader(x.body)
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, "http://"+address+x.path, body)
	if err != nil {
		return err
	}
	r.Header.Set("Idempotency-Key", x.key)
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer got.Body.Close()
	if replayed := got.Header.Get("Idempotency-Replayed") == "true"; got.StatusCode != x.status || replayed != x.replayed {
		return fmt.Errorf("status %d, replayed %t; want %d, %t", got.StatusCode, replayed, x.status, x.replayed)
	}
	if x.status >= http.StatusMultipleChoices {
		return nil
	}
	var is answer
	if err := json.NewDecoder(got.Body).Decode(&is); err != nil {
		return err
	}
	if want := (answer{AccountID: "B-000000", Version: x.version, Balance: funds + x.more}); is != want {
		return fmt.Errorf("%+v; want %+v", is, want)
	}
	return nil
}
