package devclock

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"pgregory.net/rapid"

	"passbook/shared/api"
	"passbook/shared/web"
)

// open opens the clock of a directory and marks it.
func open(t testing.TB, dir string) *Clock {
	t.Helper()
	c, err := Open(dir)
	if err == nil {
		err = c.Mark()
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A clock never goes back, and is as far ahead after a restart as before, whatever moves it.
func TestAClockGoesForwardAndIsKept(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(r *rapid.T) {
		c := open(t, dir)
		for range rapid.IntRange(0, 4).Draw(r, "moves") {
			by := time.Duration(rapid.Int64Range(-int64(time.Hour), int64(300*time.Hour)).Draw(r, "by"))
			before := c.Now()
			after, err := c.Move(func(now time.Time) time.Time { return now.Add(by) })
			if (err != nil) != (by < 0) || c.Now().Before(before) || err == nil && after.Sub(before) < by {
				r.Fatalf("by %v: from %v to %v: %v", by, before, after, err)
			}
		}
		ahead, marked, err := Ahead(dir)
		if err != nil || !marked || int64(ahead) != c.ahead.Load() {
			r.Fatalf("%v %v %v, not %v", ahead, marked, err, time.Duration(c.ahead.Load()))
		}
	})
	c := open(t, dir)
	if _, err := c.Move(func(time.Time) time.Time { return latest.Add(time.Second) }); !errors.Is(err, ErrTooFar) {
		t.Errorf("beyond the end: %v", err)
	}
	for range 3 {
		_, err := c.Move(func(now time.Time) time.Time { return now.AddDate(140, 0, 0) })
		if err != nil && !errors.Is(err, ErrTooFar) || c.Now().Before(time.Now()) {
			t.Errorf("further ahead than a duration can say: %v, at %v", err, c.Now())
		}
	}
	select {
	case <-c.Moved():
	default:
		t.Error("no move was reported")
	}
}

// A directory whose clock cannot be known, or that has a bank without one, is not opened.
func TestDirectoriesThatAreNotOpened(t *testing.T) {
	dir := t.TempDir()
	if c, err := Open(filepath.Join(dir, "new")); err != nil || time.Until(c.Now()).Abs() > time.Minute {
		t.Errorf("a directory that does not exist: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "FORMAT"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); !errors.Is(err, ErrHasBank) {
		t.Errorf("a bank without a clock: %v", err)
	}
	if _, marked, err := Ahead(dir); marked || err != nil {
		t.Errorf("a bank without a clock: %v %v", marked, err)
	}
	for _, text := range []string{"", "{", `{"format":2,"ahead":"1h"}`, `{"format":1,"ahead":"soon"}`} {
		if err := os.WriteFile(filepath.Join(dir, fileName), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}

func TestTheClockOverHTTP(t *testing.T) {
	c := open(t, t.TempDir())
	server := api.New(api.Config{Web: web.Config{Service: "bank", Logger: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry()}})
	server.Mount(c.Routes()...)
	call := func(method, body string) (int, string) {
		r := httptest.NewRequest(method, Path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		server.Handler().ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	for body, want := range map[string]string{
		``: "one of advance", `{}`: "one of advance", `{"advance":"1h","set":"2030-01-01T00:00:00Z"}`: "one of advance", `{"advance":"soon"}`: "a duration", `{"advance":"-1h"}`: "only goes forward",
		`{"set":"tomorrow"}`: "/set", `{"set":"2001-01-01T00:00:00Z"}`: "only goes forward", `{"set":"9999-01-01T00:00:00Z"}`: "9000-01-01", `{"by":"1h"}`: "/by", `{"advance":5}`: "/advance",
	} {
		if status, text := call(http.MethodPost, body); status != http.StatusBadRequest || !strings.Contains(text, want) {
			t.Errorf("%s: %d %s, want %s", body, status, text, want)
		}
	}
	if status, text := call(http.MethodPost, `{"advance":"36h"}`); status != http.StatusOK || !strings.Contains(text, `"ahead":"36h0m0s"`) {
		t.Errorf("%d %s", status, text)
	}
	at := time.Now().UTC().AddDate(1, 0, 0).Truncate(24 * time.Hour)
	if status, text := call(http.MethodPost, `{"set":"`+at.Format(time.RFC3339)+`"}`); status != http.StatusOK || !strings.Contains(text, at.Format(`"now":"2006-01-02T00:00`)) {
		t.Errorf("%d %s", status, text)
	}
	if status, text := call(http.MethodGet, ""); status != http.StatusOK || !strings.Contains(text, at.Format(`"now":"2006-01-02T00:00`)) {
		t.Errorf("%d %s", status, text)
	}
}
