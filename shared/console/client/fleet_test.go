package client_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"passbook/shared/console/client"
	"passbook/shared/discovery"
)

// inside answers the calls of this process.
type inside struct{}

func (inside) RoundTrip(*http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	_, err := w.WriteString(`"inside"`)
	return w.Result(), err
}

// fleetOf returns a client of withdraw's processes at some addresses, for this machine.
func fleetOf(err error, addresses ...string) *client.Client {
	return client.New(client.NewFleet(&client.Fleet{
		Inside: inside{}, Host: "here",
		Services: func(_, path string) []string {
			if strings.HasPrefix(path, "/v1/accounts") {
				return []string{"withdraw"}
			}
			return nil
		},
		Processes: func(context.Context, string) (list []discovery.Process, _ error) {
			for _, a := range addresses {
				list = append(list, discovery.Process{Service: "withdraw", Instance: a, Host: "here", API: a})
			}
			return list, err
		},
	}))
}

// withdraw starts a process that counts the bodies that it gets with the right credential, and
// breaks off the connection instead of answering where it is told to.
func withdraw(t *testing.T, got *atomic.Int64, breaks bool) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil && string(body) == `{"amount":1}` && r.Header.Get("Authorization") == "Bearer pb_mine" && strings.HasPrefix(r.Host, "127.0.0.1:") {
			got.Add(1)
		}
		if breaks {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(http.StatusCreated)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// A call goes to a process of its service, with the caller's credential. One that cannot be
// connected to is passed over; all are taken in turn.
func TestCallsGoToAProcessOfTheirService(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	var a, b atomic.Int64
	c := fleetOf(nil, withdraw(t, &a, false), gone.URL, withdraw(t, &b, false)).As("pb_mine")
	for range 12 {
		if answer, err := c.Do(t.Context(), http.MethodPost, "/v1/accounts/A-1/withdrawals?dry_run=true", nil, []byte(`{"amount":1}`)); err != nil || answer.Status != http.StatusCreated {
			t.Fatalf("%+v, %v", answer, err)
		}
	}
	if a.Load() < 3 || b.Load() < 3 || a.Load()+b.Load() != 12 {
		t.Errorf("%d and %d calls arrived", a.Load(), b.Load())
	}
	if answer, err := c.Get(t.Context(), "/v1/totals", nil); err != nil || string(answer.Body) != `"inside"` {
		t.Errorf("of this process: %+v, %v", answer, err)
	}
}

// A command that may have reached a process is not sent to another one.
func TestCallsThatMayHaveArrivedAreNotRepeated(t *testing.T) {
	var a, b atomic.Int64
	c := fleetOf(nil, withdraw(t, &a, true), withdraw(t, &b, true)).As("pb_mine")
	if answer, err := c.Do(t.Context(), http.MethodPost, "/v1/accounts/A-1/withdrawals", nil, []byte(`{"amount":1}`)); err == nil {
		t.Fatalf("%+v", answer)
	}
	if n := a.Load() + b.Load(); n != 1 {
		t.Errorf("%d calls arrived", n)
	}
}

// Without a process that can be reached the refusal names the service, what was tried, and what to
// do.
func TestMissingProcessesAreNamed(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	for _, tt := range []struct {
		c    *client.Client
		says string
	}{
		{fleetOf(nil), "start one"}, {fleetOf(errors.New("no table")), "no table"}, {fleetOf(nil, gone.URL), "connection refused"},
	} {
		_, err := tt.c.Get(t.Context(), "/v1/accounts/A-1", nil)
		var p *client.Problem
		if !errors.As(err, &p) || p.Status != http.StatusServiceUnavailable || p.Title != "No process of withdraw answers" || !strings.Contains(p.Detail, tt.says) {
			t.Errorf("%v, want %q", err, tt.says)
		}
	}
}
