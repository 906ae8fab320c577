package session_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"passbook/shared/access"
	"passbook/shared/session"
)

// Forms that never arrive, of callers that nobody knows, take no place of the API's nor of pages.
func TestFormsThatDoNotArriveKeepNobodyOut(t *testing.T) {
	pages := serve(session.Config{Auth: newKeys()})
	var begun atomic.Int64
	all := make(chan struct{})
	const slow = 100
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && begun.Add(1) == slow {
			close(all)
		}
		pages.ServeHTTP(w, r)
	}))
	defer server.Close()
	for range slow {
		connection, err := new(net.Dialer).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		if _, err := fmt.Fprint(connection, "POST /ui/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\nkey"); err != nil {
			t.Fatal(err)
		}
	}
	<-all
	for path, want := range map[string]int{"/v1/read": 204, "/ui/login": 200, "/readyz": 200} {
		for range 20 {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			answer, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			_ = answer.Body.Close()
			if answer.StatusCode != want {
				t.Fatalf("%s: %d", path, answer.StatusCode)
			}
		}
	}
}

// slowKeys are keys whose check begins with entered and ends with leave.
type slowKeys struct {
	*keys
	slow           atomic.Bool
	entered, leave chan struct{}
}

func (k *slowKeys) Authenticate(ctx context.Context, bearer string) (*access.Principal, error) {
	if k.slow.Load() {
		k.entered <- struct{}{}
		<-k.leave
	}
	return k.keys.Authenticate(ctx, bearer)
}

// More pages than there are places for are refused, and the API is not.
func TestPagesHaveFewPlaces(t *testing.T) {
	k := &slowKeys{keys: newKeys(), entered: make(chan struct{}), leave: make(chan struct{})}
	b := newBrowser(t, serve(session.Config{Auth: k}), ways[0])
	b.signIn(goodKey)
	cookie := b.cookies["__Host-passbook"]
	k.slow.Store(true)
	var pages sync.WaitGroup
	for range 64 {
		pages.Go(func() {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, ways[0]+"/ui/me", nil)
			r.AddCookie(&http.Cookie{Name: cookie.Name, Value: cookie.Value})
			recorder := httptest.NewRecorder()
			b.server.ServeHTTP(recorder, r)
			if recorder.Code != 200 {
				t.Errorf("a page: %d", recorder.Code)
			}
		})
		<-k.entered
	}
	k.slow.Store(false)
	b.must("one page more", b.get("/ui/login"), 503, "overloaded")
	b.must("the API", b.get("/v1/read"), 204, "")
	close(k.leave)
	pages.Wait()
	b.must("afterwards", b.get("/ui/me"), 200, "key:AAAAAAAAAAAA")
}
