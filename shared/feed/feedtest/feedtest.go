package feedtest

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"passbook/shared/access"
	"passbook/shared/feed"
)

// Server is the server of a feed. The zero Server serves.
type Server struct {
	stop    atomic.Pointer[context.CancelFunc]
	once    sync.Once
	life    context.Context
	refused atomic.Pointer[error]
}

func (s *Server) begin() {
	s.once.Do(func() {
		life, stop := context.WithCancel(context.Background())
		s.life = life
		s.stop.Store(&stop)
	})
}

// Draining implements feed.Server.
func (s *Server) Draining() context.Context {
	s.begin()
	return s.life
}

// Drain begins to stop the server.
func (s *Server) Drain() {
	s.begin()
	(*s.stop.Load())()
}

// Refuse makes Identify fail from now on, with nil not any more.
func (s *Server) Refuse(err error) {
	s.refused.Store(&err)
}

// Identify implements feed.Server.
func (s *Server) Identify(c echo.Context) (*access.Principal, error) {
	if err := s.refused.Load(); err != nil && *err != nil {
		return nil, *err
	}
	return access.From(c.Request().Context()), nil
}

// Item is a line of a feed.
type Item struct {
	EventID   string `json:"event_id"`
	AccountID string `json:"account_id"`
	Version   int64  `json:"version"`
	Type      string `json:"type"`
	Currency  string `json:"currency"`
	Amount    int64  `json:"amount"`
	Heartbeat string `json:"heartbeat"`
	Source    string `json:"source"`
	Bye       string `json:"bye"`
	Cursor    string `json:"cursor"`
	// At is when the line came.
	At time.Time `json:"-"`
}

// Reader is the caller of a feed. Its methods may be called concurrently.
type Reader struct {
	// Err is why the feed was refused, once Done is closed.
	Err  error
	Done chan struct{}

	t      testing.TB
	cancel context.CancelFunc
	slow   time.Duration
	mu     sync.Mutex
	header http.Header
	rest   []byte
	items  []Item
	more   chan struct{}
}

// Open begins to read a feed of the tenant "main" as NDJSON. The feed ends with the test at the
// latest.
func Open(t testing.TB, f *feed.Feed, query string) *Reader { return OpenSlow(t, f, query, 0) }

// OpenSlow does what Open does with a reader that takes a while for each piece.
func OpenSlow(t testing.TB, f *feed.Feed, query string, slow time.Duration) *Reader {
	ctx, cancel := context.WithCancel(access.With(context.Background(), &access.Principal{Tenant: "main", Actor: "reader", Scopes: access.FeedRead}))
	r := &Reader{t: t, cancel: cancel, slow: slow, Done: make(chan struct{}), header: http.Header{}, more: make(chan struct{})}
	request := httptest.NewRequestWithContext(ctx, http.MethodGet, feed.Path+"?"+query, nil)
	request.Header.Set("Accept", feed.MediaLines)
	c := echo.New().NewContext(request, r)
	go func() {
		defer close(r.Done)
		r.Err = f.Routes()[0].Handler(c)
	}()
	t.Cleanup(r.Close)
	return r
}

// Close ends the feed as a caller does that is gone.
func (r *Reader) Close() {
	r.cancel()
	<-r.Done
}

// Header implements http.ResponseWriter.
func (r *Reader) Header() http.Header { return r.header }

// WriteHeader implements http.ResponseWriter.
func (r *Reader) WriteHeader(int) {}

// Flush implements http.Flusher.
func (r *Reader) Flush() {}

// Write implements http.ResponseWriter.
func (r *Reader) Write(piece []byte) (int, error) {
	time.Sleep(r.slow)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rest = append(r.rest, piece...)
	for {
		line, rest, whole := bytes.Cut(r.rest, []byte("\n"))
		if !whole {
			break
		}
		var item Item
		if err := json.Unmarshal(line, &item); err != nil {
			r.t.Errorf("a line of the feed: %v: %s", err, line)
		}
		item.At = time.Now()
		r.items, r.rest = append(r.items, item), rest
	}
	close(r.more)
	r.more = make(chan struct{})
	return len(piece), nil
}

// Items returns what has come so far.
func (r *Reader) Items() []Item {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Item(nil), r.items...)
}

// Events returns the ids of the events that have come so far.
func (r *Reader) Events() (ids []string) {
	for _, item := range r.Items() {
		if item.EventID != "" {
			ids = append(ids, item.EventID)
		}
	}
	return ids
}

// Bye returns why the feed has ended, empty if it has not.
func (r *Reader) Bye() string {
	items := r.Items()
	if len(items) == 0 {
		return ""
	}
	return items[len(items)-1].Bye
}

// Cursor returns the newest cursor.
func (r *Reader) Cursor() (cursor string) {
	for _, item := range r.Items() {
		if item.Cursor != "" {
			cursor = item.Cursor
		}
	}
	return cursor
}

// Until waits until what has come is enough, or the feed has ended; it fails the test after a time.
func (r *Reader) Until(most time.Duration, what string, enough func(items []Item) bool) {
	r.t.Helper()
	timer := time.NewTimer(most)
	defer timer.Stop()
	for {
		r.mu.Lock()
		more := r.more
		r.mu.Unlock()
		if enough(r.Items()) {
			return
		}
		select {
		case <-more:
		case <-r.Done:
			if !enough(r.Items()) {
				r.t.Fatalf("the feed ended before %s: %v, %s", what, r.Err, r.Bye())
			}
			return
		case <-timer.C:
			r.t.Fatalf("not within %v: %s", most, what)
		}
	}
}
