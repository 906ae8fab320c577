package view

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"testing"
)

// A part that failed says what happened, and not always that the bank did not answer.
func TestAFailureSaysWhatHappened(t *testing.T) {
	call := func(err error) error {
		return fmt.Errorf("GET /v1/accounts: %w", &url.Error{Op: "Get", URL: "/", Err: err})
	}
	for _, c := range []struct {
		err    error
		status int
	}{
		{call(context.DeadlineExceeded), http.StatusGatewayTimeout},
		{call(context.Canceled), http.StatusServiceUnavailable},
		{call(errors.New("connection reset")), http.StatusBadGateway},
		{errors.New("the account has no version 9"), http.StatusInternalServerError},
	} {
		if p := unanswered(c.err, "c-1"); p.Status != c.status || p.Title == "" || p.Detail == "" || p.CorrelationID != "c-1" {
			t.Errorf("%v: %+v, want %d", c.err, p, c.status)
		}
	}
}
