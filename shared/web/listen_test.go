package web

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
)

// listening serves a server until the test ends, and returns its address.
func listening(t *testing.T, s *Server) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

// exchange sends bytes on a new connection and returns all answers until the server closes it. The
// requests do not ask for that, so a connection that the server keeps fails the test.
func exchange(t *testing.T, address, request string, more ...string) (answers []*http.Response) {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	for _, part := range append([]string{request}, more...) {
		if _, err := io.WriteString(c, part); err != nil { // it may be closed already
			break
		}
	}
	in := bufio.NewReader(c)
	for {
		answer, err := http.ReadResponse(in, nil)
		if err != nil {
			var timeout net.Error
			if errors.As(err, &timeout) && timeout.Timeout() {
				t.Fatalf("after %d answers the connection is still open: %q", len(answers), request)
			}
			return answers
		}
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			return answers
		}
		answer.Body = io.NopCloser(strings.NewReader(string(body)))
		answers = append(answers, answer)
	}
}

// problemIn checks that an answer is a whole problem document, and returns its code.
func problemIn(t *testing.T, answer *http.Response) string {
	t.Helper()
	var problem struct {
		Type, Title, Detail string
		Status              int
		CorrelationID       string `json:"correlation_id"`
	}
	text, err := io.ReadAll(answer.Body)
	if err == nil {
		err = json.Unmarshal(text, &problem)
	}
	if err != nil || answer.Header.Get("Content-Type") != "application/problem+json" || problem.Status != answer.StatusCode || problem.Detail == "" ||
		problem.CorrelationID == "" || answer.Header.Get("X-Request-Id") != problem.CorrelationID || answer.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("no problem document: %v %v %s, %v", answer.Status, answer.Header, text, err)
	}
	return strings.TrimPrefix(problem.Type, "/problems/")
}

// What net/http refuses before a handler sees it is a problem document too, and ends the
// connection: a request smuggled behind it is not served.
func TestWhatTheFrameworkRefusesIsAProblemDocument(t *testing.T) {
	s := configured(t, Config{})
	s.Mount(Route{Method: http.MethodPost, Path: "/command", Kind: Write, Open: true, Handler: func(c echo.Context) error {
		if _, problem := ReadBody(nil, c.Request()); problem != nil {
			return problem
		}
		return ReplyJSON(c, 200, 1)
	}})
	address := listening(t, s)
	const smuggled = "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
	json := "Content-Type: application/json\r\n"
	for name, row := range map[string]struct {
		request string
		code    string // empty: served
	}{
		"no Host":                        {"POST /command HTTP/1.1\r\n\r\n" + smuggled, UnreadableRequest.Code},
		"two Hosts":                      {"POST /command HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + smuggled, UnreadableRequest.Code},
		"a Host that is none":            {"POST /command HTTP/1.1\r\nHost: a/b\r\n\r\n" + smuggled, UnreadableRequest.Code},
		"two lengths":                    {"POST /command HTTP/1.1\r\nHost: x\r\n" + json + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}" + smuggled, UnreadableRequest.Code},
		"a list of lengths":              {"POST /command HTTP/1.1\r\nHost: x\r\n" + json + "Content-Length: 2, 2\r\n\r\n{}" + smuggled, UnreadableRequest.Code},
		"a signed length":                {"POST /command HTTP/1.1\r\nHost: x\r\n" + json + "Content-Length: +2\r\n\r\n{}" + smuggled, UnreadableRequest.Code},
		"a length and chunks":            {"POST /command HTTP/1.1\r\nHost: x\r\n" + json + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n" + smuggled, ""},
		"chunks":                         {"POST /command HTTP/1.1\r\nHost: x\r\n" + json + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n" + smuggled, ""},
		"a size of a chunk that is none": {"POST /command HTTP/1.1\r\nHost: x\r\n" + json + "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n" + smuggled, RequestIncomplete.Code},
		"another transfer coding":        {"POST /command HTTP/1.1\r\nHost: x\r\n" + json + "Transfer-Encoding: gzip\r\n\r\n" + smuggled, TransferCodingUnknown.Code},
		"two transfer codings":           {"POST /command HTTP/1.1\r\nHost: x\r\n" + json + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n" + smuggled, TransferCodingUnknown.Code},
		"a large header":                 {"GET /livez HTTP/1.1\r\nHost: x\r\nA: " + strings.Repeat("a", 64<<10) + "\r\n\r\n", HeaderTooLarge.Code},
		"a long path":                    {"GET /" + strings.Repeat("a", 64<<10) + " HTTP/1.1\r\nHost: x\r\n\r\n", HeaderTooLarge.Code},
		"another expectation":            {"POST /command HTTP/1.1\r\nHost: x\r\nExpect: 200-ok\r\n" + json + "Content-Length: 2\r\n\r\n{}" + smuggled, ExpectationFailed.Code},
		"a space before a colon":         {"GET /livez HTTP/1.1\r\nHost : x\r\n\r\n" + smuggled, UnreadableRequest.Code},
		"a bare CR":                      {"GET /livez HTTP/1.1\r\nHost: x\r\nA: a\rb\r\n\r\n" + smuggled, UnreadableRequest.Code},
		"a NUL":                          {"GET /livez HTTP/1.1\r\nHost: x\r\nA: a\x00b\r\n\r\n" + smuggled, UnreadableRequest.Code},
		"a header without a name":        {"GET /livez HTTP/1.1\r\nHost: x\r\n: a\r\n\r\n" + smuggled, UnreadableRequest.Code},
		"no version":                     {"GET /livez\r\n\r\n" + smuggled, UnreadableRequest.Code},
		"version 3":                      {"GET /livez HTTP/3.0\r\nHost: x\r\n\r\n" + smuggled, HTTPVersionUnknown.Code},
		"a method that is none":          {"GE(T /livez HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled, UnreadableRequest.Code},
		"a space in the path":            {"GET /li vez HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled, UnreadableRequest.Code},
		"an escape that is none":         {"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled, UnreadableRequest.Code},
		"no HTTP":                        {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", UnreadableRequest.Code},
		"HTTP/2":                         {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", RouteNotFound.Code},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answers := exchange(t, address, row.request)
			if len(answers) != 1 {
				t.Fatalf("%d answers", len(answers))
			}
			if row.code == "" && answers[0].StatusCode == 200 {
				return
			}
			if got := problemIn(t, answers[0]); got != row.code {
				t.Errorf("%s", got)
			}
		})
	}
}

// What is unusual and well-formed reaches the routes, and their refusals.
func TestUnusualRequestsReachTheRoutes(t *testing.T) {
	address := listening(t, configured(t, Config{}))
	for request, want := range map[string]int{
		"GET /livez HTTP/1.0\r\n\r\n":                                                            200,
		"GET /livez HTTP/1.1\nHost: x\nConnection: close\n\n":                                    200,
		"GET http://elsewhere/livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n":            200,
		"FROB /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n":                           405,
		"TRACE /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n":                          405,
		"CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\nConnection: close\r\n\r\n":                         404,
		"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n":                             404,
		"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n":                          404,
		"GET //livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n":                           404,
		"POST /livez HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}": 405,
	} {
		answers := exchange(t, address, request)
		if len(answers) != 1 || answers[0].StatusCode != want {
			t.Errorf("%q: %d answers %v", request, len(answers), answers)
			continue
		}
		if want != 200 {
			problemIn(t, answers[0])
		}
	}
}

// The metrics show the connections.
func TestConnectionsAreCounted(t *testing.T) {
	s := configured(t, Config{})
	address := listening(t, s)
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := fmt.Fprint(c, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(c)
	if err != nil || !strings.Contains(string(text), "passbook_http_connections 1") || strings.Contains(string(text), "passbook_http_connections_limit 0") {
		t.Errorf("%v %s", err, between(string(text), "# HELP passbook_http_conn", "# HELP passbook_http_i"))
	}
}
