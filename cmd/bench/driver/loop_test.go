package driver

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// server answers every third command with a refusal and counts those that it did.
func server(t *testing.T, did *atomic.Int64) string {
	t.Helper()
	var seen atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if seen.Add(1)%3 == 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		did.Add(1)
		w.WriteHeader(http.StatusCreated)
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

func TestEveryAnswerIsCounted(t *testing.T) {
	for name, rate := range map[string]float64{"closed": 0, "open": 400} {
		var did, sent atomic.Int64
		step := func(c *Conn) (int, error) {
			status, _, err := c.Post("/", "k", sent.Add(1), []byte("{}"))
			if status == http.StatusServiceUnavailable {
				return 0, fmt.Errorf("%w: %d", ErrRefused, status)
			}
			return 1, err
		}
		l := Loop{Conns: 3, For: 100 * time.Millisecond, Rate: rate}
		got, err := l.Run(t.Context(), server(t, &did), "", func(int) Step { return step })
		switch {
		case rate == 0 && err != nil && strings.Contains(err.Error(), "more than 100 refusals"):
		case err != nil || got.Done != did.Load() || got.Done+got.Refused != sent.Load() || got.Latency.TotalCount() != got.Done:
			t.Errorf("%s: %d done, %d refused, %d latencies of %d sent and %d done, %v", name, got.Done, got.Refused, got.Latency.TotalCount(), sent.Load(), did.Load(), err)
		}
	}
}

// TestACountEndsTheLoad checks that a load ends soon after so many commands: each connection may
// have one request under way.
func TestACountEndsTheLoad(t *testing.T) {
	var did atomic.Int64
	step := func(c *Conn) (int, error) {
		status, _, err := c.Post("/", "k", did.Load(), []byte("{}"))
		return max(0, status-http.StatusOK), err // a 201 is one command
	}
	l := Loop{Conns: 3, For: time.Hour, Count: 40}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		did.Add(1)
		w.WriteHeader(http.StatusCreated)
	}))
	t.Cleanup(s.Close)
	got, err := l.Run(t.Context(), strings.TrimPrefix(s.URL, "http://"), "", func(int) Step { return step })
	if err != nil || got.Done < l.Count || got.Done >= l.Count+int64(l.Conns) {
		t.Errorf("%d done of %d, %v", got.Done, l.Count, err)
	}
}

// TestDueWhenLate checks that steps of an open loop stay due at their times however late they are
// sent.
func TestDueWhenLate(t *testing.T) {
	began := time.Now().Add(-time.Hour)
	l := Loop{Conns: 2, Rate: 100}
	for conn, first := range []time.Duration{0, 10 * time.Millisecond} {
		next := l.pace(conn, began)
		for n := range 5 {
			if due, want := next(), began.Add(first+time.Duration(n)*20*time.Millisecond); !due.Equal(want) {
				t.Errorf("connection %d, step %d: due %v after the beginning, want %v", conn, n, due.Sub(began), want.Sub(began))
			}
		}
	}
}

// TestBulkAnswersInPieces checks that each line of a streamed answer arrives whole, however many
// come, and that the connection can be used again.
func TestBulkAnswersInPieces(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			t.Error(err)
		}
		for i := range 2000 {
			fmt.Fprintf(w, `{"line":%d,`, i+1)
			if i%500 == 0 {
				w.(http.Flusher).Flush()
			}
			fmt.Fprintf(w, "\"status\":201}\n")
		}
	}))
	t.Cleanup(s.Close)
	c, err := Dial(t.Context(), strings.TrimPrefix(s.URL, "http://"), "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range 2 {
		n := 0
		err := c.Bulk([]byte("{}\n"), func(answer []byte) error {
			if n++; string(answer) != fmt.Sprintf(`{"line":%d,"status":201}`, n) {
				t.Errorf("line %d is %s", n, answer)
			}
			return nil
		})
		if err != nil || n != 2000 {
			t.Errorf("%d lines, %v", n, err)
		}
	}
}
