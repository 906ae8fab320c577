package credit

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// BenchmarkCredit serves credits to one account, from the request's header to the durable entry,
// one after the other. The store is in memory.
func BenchmarkCredit(b *testing.B) {
	c, server, _ := serve(b)
	c.Post("/v1/accounts", "open", `{"account_id":"A-1","currency":"EUR"}`)
	body := []byte(`{"amount":5000,"currency":"EUR","reference":"rent of May"}`)
	reader := bytes.NewReader(body)
	r := httptest.NewRequest(http.MethodPost, "/v1/accounts/A-1/credits", io.NopCloser(reader))
	r.ContentLength = int64(len(body))
	r.Header.Set("Content-Type", "application/json")
	w, key, n := statusOf{header: http.Header{}}, []string{""}, 0
	r.Header["Idempotency-Key"] = key
	b.ReportAllocs()
	for b.Loop() {
		reader.Reset(body)
		clear(w.header)
		n++
		key[0] = fmt.Sprint("key-", n)
		if server.Handler().ServeHTTP(&w, r); w.status != http.StatusCreated {
			b.Fatal(w.status)
		}
	}
}

// statusOf is a ResponseWriter that keeps the status.
type statusOf struct {
	header http.Header
	status int
}

func (w *statusOf) Header() http.Header         { return w.header }
func (w *statusOf) Write(p []byte) (int, error) { return len(p), nil }
func (w *statusOf) WriteHeader(status int)      { w.status = status }
