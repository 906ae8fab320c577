package listener

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"passbook/shared/admission"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait in these tests.
const patience = 20 * time.Second

// answer returns what these tests send in place of net/http's refusals.
func answer(status int) []byte {
	return fmt.Appendf(nil, "HTTP/1.1 %d no\r\nConnection: close\r\nContent-Length: 4\r\n\r\nours", max(status, 400))
}

// served serves a handler until the test ends.
func served(t *testing.T, c Config, handler http.HandlerFunc) *Listener {
	t.Helper()
	raw, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.Log, c.Refusal = slog.New(slog.DiscardHandler), answer
	l := New(raw, c)
	server := &http.Server{Handler: handler, ConnContext: Context, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	t.Cleanup(func() {
		_ = server.Close()
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return l
}

// client is one connection.
type client struct {
	net.Conn
	in *bufio.Reader
}

func dialed(t *testing.T, l *Listener) client {
	t.Helper()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return client{c, bufio.NewReader(c)}
}

// ask sends a request as a caller and returns the status, or 0 where the connection is closed.
func (c client) ask(who string) int {
	if _, err := fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: x\r\nWho: %s\r\n\r\n", who); err != nil {
		return 0
	}
	answer, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return 0
	}
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return 0
	}
	return answer.StatusCode
}

// claiming serves what a caller in the header Who may have; who sends none shows no credentials.
func claiming(w http.ResponseWriter, r *http.Request) {
	if who := r.Header.Get("Who"); who != "" && !Claim(r.Context(), admission.Caller{Actor: who}) {
		w.WriteHeader(http.StatusTooManyRequests)
	}
}

// Connections of nobody make room, the oldest first; those of callers stay, and each caller has at
// most half.
func TestConnectionsOfNobodyMakeRoom(t *testing.T) {
	l := served(t, Config{Most: 4}, claiming)
	a1, a2 := dialed(t, l), dialed(t, l)
	if got := []int{a1.ask("a"), a2.ask("a"), a1.ask("a")}; got[0]+got[1]+got[2] != 600 {
		t.Fatalf("within the share: %v", got)
	}
	stranger := dialed(t, l)
	if got := stranger.ask(""); got != 200 {
		t.Fatalf("without credentials: %d", got)
	}
	a3 := dialed(t, l)
	if got := a3.ask("a"); got != http.StatusTooManyRequests {
		t.Errorf("more than the half: %d", got)
	}
	b1 := dialed(t, l) // for which the stranger has to go
	if got := b1.ask("b"); got != 200 {
		t.Errorf("another caller: %d", got)
	}
	if got := stranger.ask(""); got != 0 {
		t.Errorf("the oldest of nobody: %d", got)
	}
	b2 := dialed(t, l) // likewise a3
	if got := b2.ask("b"); got != 200 {
		t.Errorf("the second of another caller: %d", got)
	}
	if got := dialed(t, l).ask("c"); got != 0 {
		t.Errorf("all are taken by callers: %d", got)
	}
	if err := l.Ready(t.Context()); !errors.Is(err, errCrowded) {
		t.Errorf("ready: %v", err)
	}
	if s := l.State(); s.Open != 4 || s.Strangers != 0 || s.Shed != 4 {
		t.Errorf("%+v", s)
	}
	_ = b1.Close()
	for { // until the server has seen it
		c := dialed(t, l)
		if c.ask("a") == http.StatusTooManyRequests && c.ask("c") == 200 {
			break
		}
	}
	if got := []int{a1.ask("a"), a2.ask("a"), b2.ask("b")}; got[0]+got[1]+got[2] != 600 {
		t.Errorf("those that were there: %v", got)
	}
}

// A connection may change hands, behind a proxy, and counts for the last caller.
func TestAConnectionCountsForItsLastCaller(t *testing.T) {
	l := served(t, Config{Most: 2}, claiming)
	shared := dialed(t, l)
	for _, who := range []string{"a", "b", "a"} {
		if got := shared.ask(who); got != 200 {
			t.Errorf("%s: %d", who, got)
		}
	}
	if got := dialed(t, l).ask("b"); got != 200 {
		t.Errorf("b has given its connection up: %d", got)
	}
	l.crowd.mu.Lock()
	defer l.crowd.mu.Unlock()
	if len(l.crowd.held) > 2 || l.crowd.held[admission.Caller{Actor: "a"}] != 1 {
		t.Errorf("%v", l.crowd.held)
	}
}

// Bytes in an answer of ours that look like a refusal of net/http are left alone.
func TestOnlyRefusalsOfTheFrameworkAreReplaced(t *testing.T) {
	for text, want := range map[string]int{
		"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request":             400,
		"HTTP/1.1 505 HTTP Version Not Supported: x\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n505":       505,
		"HTTP/1.1 417 Expectation Failed\r\nConnection: close\r\nContent-Length: 0\r\n\r\n":                                           417,
		"HTTP/1.1 400 Bad Request\r\nCache-Control: no-store\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n": 0,
		"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n":                                     0,
		"HTTP/1.1 100 Continue\r\n\r\n": 0, "HTTP/1.1 4": 0, "": 0, "HTTP/1.1 400 Bad Request": 0,
	} {
		if status, own := refusal([]byte(text)); status != want || own != (want != 0) {
			t.Errorf("%q: %d, %t", text, status, own)
		}
	}
}

// secure returns the configurations of a server and of its client.
func secure(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	of := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"bank"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, of, of, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
		&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, ServerName: "bank"}
}

// Over TLS the handler sees the connection's state, refusals of net/http are ours, and a request
// without TLS is refused, whatever its length.
func TestTLS(t *testing.T) {
	server, trusting := secure(t)
	l := served(t, Config{TLS: server}, func(w http.ResponseWriter, r *http.Request) {
		if r.TLS == nil || !r.TLS.HandshakeComplete || !Claim(r.Context(), admission.Caller{Actor: "a"}) {
			w.WriteHeader(http.StatusTeapot)
		}
	})
	for request, want := range map[string]string{
		"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n": "200 OK",
		"GET / HTTP/1.1\r\n\r\n":                                 "400 no",
	} {
		c, err := tls.Dial("tcp", l.Addr().String(), trusting)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, request); err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(c)
		if err != nil || !bytes.Contains(text, []byte("HTTP/1.1 "+want)) {
			t.Errorf("%q: %s, %v", request, text, err)
		}
		_ = c.Close()
	}
	for _, request := range []string{"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("x", 100_000), "\x00\x01 no TLS"} {
		c := dialed(t, l)
		if _, err := io.WriteString(c, request); err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(c); err != nil || strings.HasSuffix(string(text), "ours") != (request[0] != 0) {
			t.Errorf("%.40q: %q, %v", request, text, err)
		}
	}
	if _, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{MaxVersion: tls.VersionTLS11, InsecureSkipVerify: true}); err == nil {
		t.Error("TLS 1.1")
	}
}

func TestAClaimWithoutAListenerIsGranted(t *testing.T) {
	if !Claim(context.Background(), admission.Caller{Actor: "a"}) {
		t.Error("refused")
	}
}
