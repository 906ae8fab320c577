package api

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/access"
	"passbook/shared/journal"
	"passbook/shared/web"
)

// pipes is a listener whose connections are in memory, so that a server runs in a bubble of
// synctest with its clock. They have no buffer: a write waits until the other side has read it.
type pipes struct {
	connections chan net.Conn
	closed      chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.connections:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// connect returns the client's side of a new connection.
func (p *pipes) connect() net.Conn {
	client, server := net.Pipe()
	p.connections <- server
	return client
}

// inVirtualTime runs a test against a server that listens on pipes and whose commands run executes.
func inVirtualTime(t *testing.T, run func(context.Context, journal.Command) (journal.Receipt, error), test func(*testing.T, *Server, *pipes)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, doing("credit", run))
		serveOn(t, s, func(p *pipes) { test(t, s, p) })
	})
}

func accept(_ context.Context, to journal.Command) (journal.Receipt, error) { return receipt(to), nil }

// bulkHead returns the head of a bulk request whose body has length bytes.
func bulkHead(length int, further string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: bank\r\nContent-Type: application/x-ndjson\r\n%sContent-Length: %d\r\n\r\n", bulkPath, further, length)
}

func sendAll(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Error(err)
	}
}

// results reads the lines of an answer, and returns their number and the last one.
func results(t *testing.T, c net.Conn) (n int, last string) {
	t.Helper()
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("status %d", answer.StatusCode)
	}
	lines := bufio.NewScanner(answer.Body)
	for lines.Scan() {
		last = lines.Text()
		if n++; !strings.HasPrefix(last, fmt.Sprintf(`{"line":%d,`, n)) {
			t.Fatalf("result %d is %s", n, last)
		}
	}
	if lines.Err() != nil {
		t.Error(lines.Err())
	}
	return n, last
}

// revocable is an authenticator of one principal, until it is revoked.
type revocable struct{ revoked atomic.Bool }

func (a *revocable) Authenticate(context.Context, string) (*access.Principal, error) {
	if a.revoked.Load() {
		return nil, access.ErrInvalid
	}
	return access.Dev, nil
}

// A request that lasts ends when the key of its caller does: the lines before are answered, the
// next one is refused, and no later one is executed.
func TestBulkEndsWithTheCallersKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var executed atomic.Int64
		keys := &revocable{}
		s := configured(t, Config{Web: web.Config{Auth: keys}}, doing("credit", func(_ context.Context, to journal.Command) (journal.Receipt, error) {
			executed.Add(1)
			return receipt(to), nil
		}))
		serveOn(t, s, func(p *pipes) {
			lines := strings.SplitAfter(creditLines(4), "\n")[:4]
			c := p.connect()
			go func() {
				sendAll(t, c, bulkHead(len(strings.Join(lines, "")), "Authorization: Bearer k\r\n")+lines[0])
				time.Sleep(5 * time.Second)
				sendAll(t, c, lines[1])
				keys.revoked.Store(true)
				time.Sleep(5 * time.Second)
				sendAll(t, c, lines[2]+lines[3])
			}()
			n, last := results(t, c)
			if n != 3 || !strings.Contains(last, "credentials-invalid") || executed.Load() != 2 {
				t.Errorf("%d results, %d executed, the last %s", n, executed.Load(), last)
			}
		})
	})
}

// creditLines returns n credits on a few accounts.
func creditLines(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(command("credit", fmt.Sprint("A-", i%7), fmt.Sprint("k", i)) + "\n")
	}
	return b.String()
}

// A client that waits for "100 Continue" gets it, or a final answer that is not a success: after a
// 200 it would send nothing.
func TestBulkAnswersContinue(t *testing.T) {
	inVirtualTime(t, accept, func(t *testing.T, s *Server, p *pipes) {
		body := creditLines(2)
		c := p.connect()
		sendAll(t, c, bulkHead(len(body), "Expect: 100-continue\r\n"))
		leave, err := http.ReadResponse(bufio.NewReader(io.LimitReader(c, 25)), nil)
		if err != nil || leave.StatusCode != http.StatusContinue {
			t.Fatalf("%v, %v", leave, err)
		}
		sendAll(t, c, body)
		if n, last := results(t, c); n != 2 {
			t.Errorf("%d results, the last %s", n, last)
		}
		_ = c.Close()

		s.Drain()
		c = p.connect()
		sendAll(t, c, bulkHead(len(body), "Expect: 100-continue\r\n"))
		if refused, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || refused.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("%v, %v", refused, err)
		}
		_ = c.Close()
	})
}

// A client that sends everything before it reads gets every answer, however many there are.
func TestBulkAnswersACallerThatReadsAfterwards(t *testing.T) {
	inVirtualTime(t, accept, func(t *testing.T, _ *Server, p *pipes) {
		const lines = 8000
		body := creditLines(lines)
		c := p.connect()
		sendAll(t, c, bulkHead(len(body), "")+body)
		if n, last := results(t, c); n != lines {
			t.Errorf("%d results, the last %s", n, last)
		}
		_ = c.Close()
	})
}

// Answers that the caller does not read are kept up to a bound. Then the request ends at a line
// that it names, and the answers before that line can be read.
func TestBulkBoundsUnreadAnswers(t *testing.T) {
	var ran atomic.Int64
	run := func(ctx context.Context, to journal.Command) (journal.Receipt, error) {
		ran.Add(1)
		return accept(ctx, to)
	}
	inVirtualTime(t, run, func(t *testing.T, s *Server, p *pipes) {
		s.maxBacklog = 1
		const lines = 8000
		body := creditLines(lines)
		c := p.connect()
		sendAll(t, c, bulkHead(len(body), "")+body)
		n, last := results(t, c)
		if n == lines || int64(n) != ran.Load()+1 || !strings.Contains(last, AnswersNotTaken.Code) {
			t.Errorf("%d results of %d that ran, the last %s", n, ran.Load(), last)
		}
		if kept := s.backlog.Load(); kept != 0 {
			t.Errorf("%d bytes are still kept", kept)
		}
		_ = c.Close()
	})
}

// A client may send slowly, even if half a line is always in the reader's buffer.
func TestBulkSenderMayBeSlow(t *testing.T) {
	inVirtualTime(t, accept, func(t *testing.T, _ *Server, p *pipes) {
		const lines = 60
		body := creditLines(lines)
		c := p.connect()
		sendAll(t, c, bulkHead(len(body), ""))
		go func() {
			for piece := range (len(body) + 99) / 100 {
				time.Sleep(bulkIdle / 4)
				sendAll(t, c, body[100*piece:min(100*piece+100, len(body))])
			}
		}()
		if n, last := results(t, c); n != lines || !strings.Contains(last, `"status":201`) {
			t.Errorf("%d results, the last %s", n, last)
		}
		_ = c.Close()
	})
}

// The answer to a body that ends early names the line from which on nothing was executed.
func TestBulkThatEndsEarlyNamesTheLine(t *testing.T) {
	inVirtualTime(t, accept, func(t *testing.T, _ *Server, p *pipes) {
		c := p.connect()
		sendAll(t, c, bulkHead(1000, "")+creditLines(2)+`{"op":"credit",`)
		began := time.Now()
		if n, last := results(t, c); n != 3 || !strings.Contains(last, web.RequestIncomplete.Code) || time.Since(began) != bulkIdle {
			t.Errorf("%d results after %v, the last %s", n, time.Since(began), last)
		}
		_ = c.Close()
	})
	r := httptest.NewRequest(http.MethodPost, bulkPath, io.MultiReader(strings.NewReader(creditLines(2)+command("credit", "A", "k")), failingReader{}))
	r.Header.Set("Content-Type", "application/x-ndjson")
	recorder := httptest.NewRecorder()
	newServer(t, doing("credit", accept)).Handler().ServeHTTP(recorder, r)
	if got := recorder.Body.String(); strings.Count(got, "\n") != 3 || !strings.Contains(got, `{"line":3,"status":408,"problem":{"type":"/problems/request-incomplete"`) {
		t.Errorf("a body that breaks off: %s", got)
	}
}

// A body that its caller did not finish in time is no part of the next request: what comes after
// the last answer is neither executed nor answered, and the connection ends.
func TestWhatFollowsAnUnfinishedBodyIsNoRequest(t *testing.T) {
	for _, late := range []time.Duration{time.Second, 2 * bulkIdle} {
		synctest.Test(t, func(t *testing.T) {
			var log strings.Builder
			s := configured(t, Config{Web: web.Config{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}}, doing("credit", accept))
			serveOn(t, s, func(p *pipes) {
				lines := strings.SplitAfter(creditLines(2), "\n")
				rest := "GET " + bulkPath + " HTTP/1.1\r\nHost: bank\r\n\r\n"
				c := p.connect()
				defer func() { _ = c.Close() }()
				sendAll(t, c, bulkHead(len(lines[0])+len(rest), "")+lines[0])
				in := bufio.NewReader(c)
				answer, err := http.ReadResponse(in, nil)
				if err != nil {
					t.Fatal(err)
				}
				text, err := io.ReadAll(answer.Body)
				if err != nil || !strings.Contains(string(text), "request-incomplete") {
					t.Errorf("%s, %v", text, err)
				}
				time.Sleep(late)
				_, _ = io.WriteString(c, rest) // it may find the connection closed
				if next, err := in.ReadByte(); err == nil {
					t.Errorf("the rest of a body was answered: %q", next)
				}
			})
			if strings.Contains(log.String(), "panic") {
				t.Errorf("after %v: %s", late, log.String())
			}
		})
	}
}
