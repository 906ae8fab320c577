package api

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/labstack/echo/v4"

	"passbook/shared/journal"
	"passbook/shared/web"
)

// Bounds of package web that these tests wait for.
const (
	readTimeout         = 30 * time.Second
	gateStuck           = 2 * time.Second
	closingQuiet        = 100 * time.Millisecond
	acceptFailureCounts = 3 * time.Second
)

// tight runs a test in virtual time against a server that has four places of each kind, a command
// that ends when letGo is closed, and a read that waits.
func tight(t *testing.T, test func(t *testing.T, s *Server, p *pipes, letGo chan struct{})) {
	t.Helper()
	letGo := make(chan struct{})
	run := func(_ context.Context, to journal.Command) (journal.Receipt, error) {
		if strings.HasPrefix(to.Key, "held") {
			<-letGo
		}
		return receipt(to), nil
	}
	synctest.Test(t, func(t *testing.T) {
		letGo = make(chan struct{})
		s := configured(t, Config{Web: web.Config{MaxInFlight: 4, DrainDelay: time.Second}}, doing("credit", run))
		s.Mount(web.Route{Method: http.MethodGet, Path: "/read", Open: true, Handler: func(c echo.Context) error {
			if c.QueryParam("wait") != "" {
				<-c.Request().Context().Done()
			}
			web.Reply(c, http.StatusOK, []byte(`{}`))
			return nil
		}})
		serveOn(t, s, func(p *pipes) { test(t, s, p, letGo) })
	})
}

// serveOn serves on pipes while a test runs.
func serveOn(t *testing.T, s *Server, test func(*pipes)) {
	t.Helper()
	p := &pipes{make(chan net.Conn), make(chan struct{})}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, p) }()
	test(p)
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// caller is one connection of a client.
type caller struct {
	t  *testing.T
	c  net.Conn
	in *bufio.Reader
}

func call(t *testing.T, p *pipes) *caller {
	c := p.connect()
	t.Cleanup(func() { _ = c.Close() })
	return &caller{t, c, bufio.NewReader(c)}
}

// commandHead returns the head of a command whose body has length bytes.
func commandHead(key string, length int) string {
	return fmt.Sprintf("POST /test/credit HTTP/1.1\r\nHost: bank\r\nContent-Type: application/json\r\nIdempotency-Key: %s\r\nContent-Length: %d\r\n\r\n", key, length)
}

const commandBody = `{"account_id":"A-1"}`

func (c *caller) command(key string) *caller {
	sendAll(c.t, c.c, commandHead(key, len(commandBody))+commandBody)
	return c
}

func (c *caller) get(path string) *caller {
	sendAll(c.t, c.c, "GET "+path+" HTTP/1.1\r\nHost: bank\r\n\r\n")
	return c
}

// status reads an answer: its status, its problem's code, and "close" if the connection must not be
// reused.
func (c *caller) status() string {
	c.t.Helper()
	answer, err := http.ReadResponse(c.in, nil)
	if err != nil {
		c.t.Error(err)
		return "nothing"
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		c.t.Error(err)
	}
	text := fmt.Sprint(answer.StatusCode)
	if answer.StatusCode >= 400 {
		text += " " + between(string(body), `"type":"/problems/`, `"`)
	}
	if answer.Close {
		text += " close"
	}
	return text
}

func (c *caller) expect(want string) {
	c.t.Helper()
	if got := c.status(); got != want {
		c.t.Errorf("%s, not %s", got, want)
	}
}

// A client that sends its body slowly takes no place: others are served, however many such clients
// there are.
func TestSlowBodiesTakeNoPlace(t *testing.T) {
	tight(t, func(t *testing.T, _ *Server, p *pipes, _ chan struct{}) {
		var slow []*caller
		for range 50 {
			c := call(t, p)
			sendAll(t, c.c, commandHead("slow", 1000)+"{")
			slow = append(slow, c)
		}
		synctest.Wait()
		call(t, p).command("k").expect("201")
		call(t, p).get("/read").expect("200")
		time.Sleep(readTimeout)
		slow[0].expect("408 request-incomplete close")
		for _, c := range slow {
			_ = c.c.Close()
		}
	})
}

// Reads that wait have separate places. More of them are refused at once, other work is served, and
// they do not delay the end of the process.
func TestWaitingReadsTakeNoPlaceOfOthers(t *testing.T) {
	tight(t, func(t *testing.T, s *Server, p *pipes, _ chan struct{}) {
		var waiting []*caller
		for range 4 {
			waiting = append(waiting, call(t, p).get("/read?wait=30s"))
		}
		synctest.Wait()
		call(t, p).get("/read?wait=30s").expect("503 overloaded")
		call(t, p).command("k").expect("201")
		call(t, p).get("/read").expect("200")
		call(t, p).get("/readyz").expect("200")
		began := time.Now()
		s.Drain()
		for _, c := range waiting {
			c.expect("200 close")
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("the end waited %v for reads that wait", took)
		}
	})
}

// Without a place, a command is refused before its body is read, and its connection can be used for
// the next one; reads have separate places. A process of which no command ends for seconds is not
// ready.
func TestCommandsAreRefusedBeforeTheirBody(t *testing.T) {
	tight(t, func(t *testing.T, s *Server, p *pipes, letGo chan struct{}) {
		var held []*caller
		for i := range 4 {
			held = append(held, call(t, p).command(fmt.Sprint("held-", i)))
		}
		synctest.Wait()
		c, began := call(t, p), time.Now()
		sendAll(t, c.c, commandHead("k", len(commandBody)))
		c.expect("503 overloaded")
		if took := time.Since(began); took != 0 {
			t.Errorf("refused after %v", took)
		}
		sendAll(t, c.c, commandBody)
		c.get("/read").expect("200")
		for _, further := range []string{"Expect: 100-continue\r\nContent-Length: 20", "Transfer-Encoding: chunked", "Content-Length: 99999999"} {
			unknown := call(t, p)
			sendAll(t, unknown.c, "POST /test/credit HTTP/1.1\r\nHost: bank\r\nIdempotency-Key: k\r\n"+further+"\r\n\r\n")
			unknown.expect("503 overloaded close")
			_ = unknown.c.Close()
		}
		c.get("/readyz").expect("200")
		time.Sleep(gateStuck + time.Second)
		c.get("/readyz").expect("503 overloaded")
		close(letGo)
		for _, h := range held {
			h.expect("201")
		}
		c.command("k").expect("201")
		c.get("/readyz").expect("200")
		metrics := ask(s, "GET", "/metrics", "").Body.String()
		for _, want := range []string{
			`passbook_http_shed_total{reason="commands"} 4`, `passbook_http_shed_total{reason="reads"} 0`, `passbook_http_shed_total{reason="waits"} 0`,
			`passbook_http_shed_total{reason="journal"} 0`, `passbook_http_in_flight{kind="commands"} 0`, `passbook_http_queued{kind="commands"} 0`,
			`passbook_http_in_flight_limit{kind="reads"} 4`,
		} {
			if !strings.Contains(metrics, want+"\n") {
				t.Errorf("no %s", want)
			}
		}
	})
}

// While it drains, the server still serves, and every answer asks to use another connection. Then
// it refuses requests, and only when none come does it close its listener.
func TestDrainCutsOffNoRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := configured(t, Config{Web: web.Config{DrainDelay: time.Second}}, doing("credit", accept))
		p := &pipes{make(chan net.Conn), make(chan struct{})}
		ctx, stop := context.WithCancel(context.Background())
		served := make(chan error, 1)
		go func() { served <- s.Serve(ctx, p) }()
		call(t, p).command("k").expect("201")
		kept := call(t, p).get("/readyz")
		kept.expect("200")
		stop()
		synctest.Wait()
		kept.command("k").expect("201 close")
		call(t, p).get("/readyz").expect("503 shutting-down close")
		time.Sleep(time.Second)
		for range 5 { // none of those that come again and again finds the listener closed
			time.Sleep(closingQuiet / 2)
			call(t, p).command("k").expect("503 shutting-down close")
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
		<-p.closed
	})
}

// shut is a listener that fails to accept while it has an error.
type shut struct {
	*pipes
	why atomic.Pointer[error]
}

func (l *shut) Accept() (net.Conn, error) {
	if why := l.why.Load(); why != nil {
		return nil, *why
	}
	return l.pipes.Accept()
}

// A process without a file descriptor for another connection reports it: in its log, at growing
// intervals, and by /readyz on a connection that exists.
func TestConnectionsThatCannotBeAcceptedAreReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s := configured(t, Config{Web: web.Config{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))}})
		l := &shut{pipes: &pipes{make(chan net.Conn), make(chan struct{})}}
		ctx, stop := context.WithCancel(context.Background())
		served := make(chan error, 1)
		go func() { served <- s.Serve(ctx, l) }()
		c := call(t, l.pipes)
		c.get("/readyz").expect("200")
		var full error = &net.OpError{Op: "accept", Err: syscall.EMFILE}
		l.why.Store(&full)
		second := call(t, l.pipes) // the one that Accept waited for already
		second.get("/readyz").expect("503 overloaded")
		time.Sleep(100 * time.Second)
		c.get("/readyz").expect("503 overloaded")
		l.why.Store(nil)
		time.Sleep(2 * acceptFailureCounts)
		c.get("/readyz").expect("200")
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
		logged := strings.Count(log.String(), `level=WARN msg="no connection can be accepted`)
		if logged < 5 || logged > 8 {
			t.Errorf("logged %d times in 100 s:\n%s", logged, log.String())
		}
	})
}

// The contract takes no place: who reads it slowly, without credentials, takes none from those who
// have some.
func TestTheContractTakesNoPlaceOfReads(t *testing.T) {
	tight(t, func(t *testing.T, s *Server, _ *pipes, _ chan struct{}) {
		ctx, stop := context.WithCancel(t.Context())
		var readers sync.WaitGroup
		for range 4 {
			readers.Go(func() {
				r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/openapi.json", nil)
				s.Handler().ServeHTTP(&slowReader{ResponseRecorder: httptest.NewRecorder(), until: ctx.Done()}, r)
			})
		}
		synctest.Wait()
		if r := ask(s, http.MethodGet, "/read", ""); r.Code != http.StatusOK {
			t.Errorf("%d %s", r.Code, r.Body)
		}
		stop()
		readers.Wait()
	})
}

// slowReader takes no answer until its channel is closed.
type slowReader struct {
	*httptest.ResponseRecorder
	until <-chan struct{}
}

func (r *slowReader) Write(b []byte) (int, error) {
	<-r.until
	return r.ResponseRecorder.Write(b)
}

// A request that is refused before its body is read keeps its connection, unless the body does not
// come: then what comes later is no request.
func TestTheBodyOfARefusedRequestIsNoRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys := &revocable{}
		keys.revoked.Store(true)
		serveOn(t, configured(t, Config{Web: web.Config{Auth: keys}}, doing("credit", accept)), func(p *pipes) {
			c := call(t, p).command("k1")
			c.expect("401 credentials-missing")
			c.command("k2").expect("401 credentials-missing")
			sendAll(t, c.c, commandHead("k3", len(commandBody)))
			c.expect("401 credentials-missing")
			time.Sleep(readTimeout + time.Second)
			_, _ = io.WriteString(c.c, "GET /livez HTTP/1.1\r\nHost: bank\r\n\r\n") // it may find the connection closed
			if next, err := c.in.ReadByte(); err == nil {
				t.Errorf("what came instead of a body was answered: %q", next)
			}
		})
	})
}
