package e2e

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"passbook/cmd/internal/programtest"
)

// raw sends bytes to the bank on a new connection, and returns its answers until it closes the
// connection. It fails where the bank keeps the connection open.
func (b *bank) raw(t *testing.T, request string) (answers []answer) {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(b.Base, "http://"))
	if err == nil {
		defer func() { _ = c.Close() }()
		err = c.SetDeadline(time.Now().Add(programtest.Patience))
	}
	if err != nil {
		t.Error(err)
		return nil
	}
	_, _ = io.WriteString(c, request) // the bank may have closed it already
	in := bufio.NewReader(c)
	for {
		response, err := http.ReadResponse(in, nil)
		if err != nil {
			var late net.Error
			if errors.As(err, &late) && late.Timeout() {
				t.Errorf("after %d answers the connection is open: %.200q", len(answers), request)
			}
			return answers
		}
		text, err := io.ReadAll(response.Body)
		if err != nil {
			return answers
		}
		if response.StatusCode == http.StatusContinue {
			continue // the handler reads the body, and answers after it
		}
		a := answer{status: response.StatusCode, header: response.Header, text: string(text)}
		_ = json.Unmarshal(text, &a.body) // a problem document is checked by its members
		answers = append(answers, a)
	}
}

// isProblem reports whether an answer is a problem document with a code.
func (a answer) isProblem() bool {
	return a.header.Get("Content-Type") == "application/problem+json" && a.code() != "" && strings.Contains(a.text, fmt.Sprintf(`"status":%d`, a.status)) &&
		strings.Contains(a.text, a.header.Get("X-Request-Id"))
}

// hostile are requests that are no well-formed HTTP, or that net/http refuses by itself. Each is
// made of a method and a path; after each, another request is sent that must not be answered.
var hostile = map[string]string{
	"no Host":                 "%s %s HTTP/1.1\r\nIdempotency-Key: h\r\n\r\n",
	"two Hosts":               "%s %s HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
	"two lengths":             "%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
	"a list of lengths":       "%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2, 2\r\n\r\n{}",
	"a negative length":       "%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: -2\r\n\r\n{}",
	"another transfer coding": "%s %s HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n{}",
	"two transfer codings":    "%s %s HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"another expectation":     "%s %s HTTP/1.1\r\nHost: localhost\r\nExpect: something\r\nContent-Length: 2\r\n\r\n{}",
	"a large header":          "%s %s HTTP/1.1\r\nHost: localhost\r\nA: " + strings.Repeat("a", 64<<10) + "\r\n\r\n",
	"a header without name":   "%s %s HTTP/1.1\r\nHost: localhost\r\n: x\r\n\r\n",
	"a space before a colon":  "%s %s HTTP/1.1\r\nHost: localhost\r\nA : x\r\n\r\n",
	"a bare CR":               "%s %s HTTP/1.1\r\nHost: localhost\r\nA: a\rb\r\n\r\n",
	"a NUL":                   "%s %s HTTP/1.1\r\nHost: localhost\r\nA: a\x00\r\n\r\n",
	"a version that is none":  "%s %s HTTP/9.9\r\nHost: localhost\r\n\r\n",
	"no version":              "%s %s\r\nHost: localhost\r\n\r\n",
	"a space in the path":     "%s %s x HTTP/1.1\r\nHost: localhost\r\n\r\n",
}

// odd are requests that a handler sees.
var odd = map[string]string{
	"a length and chunks":    "%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
	"a chunk that is none":   "%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
	"bare LF":                "%s %s HTTP/1.1\nHost: localhost\nConnection: close\nContent-Length: 0\n\n",
	"100-continue":           "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
	"HTTP/1.0 without Host":  "%s %s HTTP/1.0\r\nContent-Length: 0\r\n\r\n",
	"a whole URL of another": "%s http://evil.example%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
	"a body that is cut off": "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
}

// TestEveryRouteAnswersBrokenHTTPWithAProblemOrNotAtAll asks each route of the contract with each
// broken request. Whatever the framework refuses is a problem document, and ends the connection;
// what reaches a handler is answered by it, and nothing that is smuggled behind is.
func TestEveryRouteAnswersBrokenHTTPWithAProblemOrNotAtAll(t *testing.T) {
	t.Parallel()
	b := serve(t, t.TempDir())
	b.open(t, "A-1", 100)
	fill := strings.NewReplacer("{account_id}", "A-1", "{transaction_id}", "t2", "{hold_id}", "h4", "{version}", "4", "{job_id}", "1",
		"/v1/feed", "/v1/feed?until=now") // a feed has no end otherwise
	routes := [][2]string{{"FROB", "/v1/accounts"}, {"TRACE", "/livez"}, {"OPTIONS", "*"}, {"GET", "/nothing"}, {"DELETE", "/v1/accounts/A-1"}}
	for path, methods := range b.contract(t) {
		for method := range methods {
			routes = append(routes, [2]string{strings.ToUpper(method), fill.Replace(path)}, [2]string{"HEAD", fill.Replace(path)})
		}
	}
	if len(routes) < 60 {
		t.Fatalf("%d routes", len(routes))
	}
	const smuggled = "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
	var clients sync.WaitGroup
	next := make(chan [2]string)
	for range 16 {
		clients.Go(func() {
			for route := range next {
				for name, request := range hostile {
					answers := b.raw(t, fmt.Sprintf(request, route[0], route[1])+smuggled)
					if len(answers) > 1 || len(answers) == 1 && !answers[0].isProblem() {
						t.Errorf("%s %s with %s: %d answers, %+v", route[0], route[1], name, len(answers), answers)
					}
				}
				for name, request := range odd {
					for i, a := range b.raw(t, fmt.Sprintf(request, route[0], route[1])+smuggled) {
						if i > 0 || a.status >= 300 && route[0] != "HEAD" && !a.isProblem() {
							t.Errorf("%s %s with %s: answer %d: %d %v %s", route[0], route[1], name, i, a.status, a.header, a.text)
						}
					}
				}
			}
		})
	}
	for _, route := range routes {
		next <- route
	}
	close(next)
	clients.Wait()
	if a := b.get(t, "/v1/accounts/A-1/balance?min_version=2&wait=5s").must(t, 200); a.body.Posted != 100 || a.body.Version != 2 {
		t.Errorf("something was done: %s", a.text)
	}
}

// contract returns the paths of the contract that the bank serves.
func (b *bank) contract(t *testing.T) map[string]map[string]json.RawMessage {
	t.Helper()
	response, err := httpClient.Get(b.Base + "/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var contract struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	if err := json.NewDecoder(response.Body).Decode(&contract); err != nil {
		t.Fatal(err)
	}
	for path, operations := range contract.Paths {
		delete(operations, "parameters")
		delete(operations, "servers")
		if strings.HasPrefix(path, "/ops/") && path != "/ops/log" { // on another listener
			delete(contract.Paths, path)
		}
	}
	return contract.Paths
}

// TestWithoutCredentialsPagesOfOthersReachNothing sends what a page in a browser can: to a name
// that it owns and that resolves to this machine, or from another origin. Nothing is read, and no
// money moves.
func TestWithoutCredentialsPagesOfOthersReachNothing(t *testing.T) {
	t.Parallel()
	b := serve(t, t.TempDir(), "--hosts", "bank.internal")
	b.open(t, "A-1", 100_000)
	at := strings.TrimPrefix(b.Base, "http://")
	_, port, err := net.SplitHostPort(at)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	send := func(method, path, host string, headers string) answer {
		t.Helper()
		n++
		body := ""
		if method == http.MethodPost {
			body = money(1)
			headers += fmt.Sprintf("Content-Type: application/json\r\nIdempotency-Key: o-%d\r\n", n)
		}
		answers := b.raw(t, fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\n%sContent-Length: %d\r\nConnection: close\r\n\r\n%s", method, path, host, headers, len(body), body))
		if len(answers) != 1 {
			t.Fatalf("%d answers to %s %s", len(answers), method, path)
		}
		return answers[0]
	}
	for _, c := range []struct {
		why, host, headers string
		read, write        bool
	}{
		{"by its address", at, "", true, true},
		{"by its name, with a dot at the end", "LocalHost.:" + port, "", true, true},
		{"by IPv6", "[::1]:" + port, "", true, true},
		{"by another address of the loopback", "127.3.2.1", "", true, true},
		{"by a configured name", "Bank.Internal", "", true, true},
		{"its own page", at, "Origin: http://" + at + "\r\nSec-Fetch-Site: same-origin\r\n", true, true},
		{"typed into a browser", at, "Sec-Fetch-Site: none\r\n", true, true},
		{"DNS rebinding", "evil.example:" + port, "Origin: http://evil.example:" + port + "\r\nSec-Fetch-Site: same-origin\r\n", false, false},
		{"a name that begins like ours", "localhost.evil.example", "", false, false},
		{"a name that begins like an address", "127.0.0.1.evil.example", "", false, false},
		{"an address that is not the loopback", "192.0.2.7:" + port, "", false, false},
		{"an IPv6 address that is not the loopback", "[2001:db8::1]:" + port, "", false, false},
		{"all addresses", "0.0.0.0:" + port, "", false, false},
		{"all IPv6 addresses", "[::]:" + port, "", false, false},
		{"an empty host", "", "", false, false},
		{"a forwarded host", "evil.example", "X-Forwarded-Host: localhost\r\nForwarded: host=localhost\r\n", false, false},
		{"a host before the forwarded one", at, "X-Forwarded-Host: evil.example\r\n", true, true},
		{"another origin", at, "Origin: http://evil.example\r\nSec-Fetch-Site: cross-site\r\n", false, false},
		{"another origin of an old browser", at, "Origin: http://evil.example\r\n", false, false},
		{"another port of this machine", at, "Origin: http://localhost:3000\r\nSec-Fetch-Site: same-site\r\n", false, false},
		{"the same name with another scheme", at, "Origin: https://" + at + "\r\n", false, false},
		{"no origin, as from a file or a sandbox", at, "Origin: null\r\n", false, false},
		{"a link from another page", at, "Sec-Fetch-Site: cross-site\r\n", false, false},
		{"a link from another port", at, "Sec-Fetch-Site: same-site\r\n", false, false},
	} {
		for method, path := range map[string]string{"GET": "/v1/accounts", "POST": "/v1/accounts/A-1/withdrawals"} {
			a := send(method, path, c.host, c.headers)
			if want := method == "GET" && c.read || method == "POST" && c.write; want != (a.status < 300) || !want && (a.status != 403 || a.code() != "origin-refused") {
				t.Errorf("%s: %s: %d %s", c.why, method, a.status, a.text)
			}
		}
		if a := send("GET", "/livez", c.host, c.headers); a.status != 200 {
			t.Errorf("%s: a probe: %d %s", c.why, a.status, a.text)
		}
	}
	if got := len(b.history(t, "A-1")); got != 2+8 {
		t.Errorf("%d events", got)
	}
	for _, path := range []string{"/v1/bulk", "/withdraw"} {
		if a := send("POST", path, "evil.example", ""); a.code() != "origin-refused" {
			t.Errorf("%s: %d %s", path, a.status, a.text)
		}
	}
}

// TestABankWithoutCredentialsIsNotExposed checks that it is refused before anything is made, with
// the two ways out.
func TestABankWithoutCredentialsIsNotExposed(t *testing.T) {
	t.Parallel()
	for _, listen := range []string{"0.0.0.0:0", "[::]:0", ":0"} {
		got := command(t, "bank", "serve", "--listen", listen)
		if got.Code != 2 || !strings.Contains(got.ErrOut, "127.0.0.1") || !strings.Contains(got.ErrOut, "--auth apikey") || !strings.Contains(got.ErrOut, "--listen (PASSBOOK_LISTEN)") {
			t.Errorf("%s: %d %s", listen, got.Code, got.ErrOut)
		}
	}
}

// newCertificate writes a certificate for localhost with its key to a directory, and returns the
// pool that trusts it.
func newCertificate(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	of := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotAfter: time.Now().AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, of, of, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(leaf)
	return pool
}

// trusting returns a client that trusts a certificate.
func trusting(pool *x509.CertPool) *http.Client {
	return &http.Client{Timeout: programtest.Patience, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}}
}

// TestTLSFollowsItsFiles serves with a certificate, replaces it while the bank runs, first by one
// that is broken, and asks without TLS.
func TestTLSFollowsItsFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := newCertificate(t, dir)
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	b := serve(t, t.TempDir(), "--tls-cert", cert, "--tls-key", key)
	if !strings.HasPrefix(b.Base, "https://127.0.0.1:") {
		t.Fatalf("the bank says %s", b.Base)
	}
	get := func(pool *x509.CertPool) (*http.Response, error) {
		response, err := trusting(pool).Get(b.Base + "/v1/accounts")
		if err == nil {
			_ = response.Body.Close()
		}
		return response, err
	}
	response, err := get(first)
	if err != nil || response.StatusCode != 200 || response.Header.Get("Strict-Transport-Security") == "" || response.ProtoMajor != 1 || response.TLS.Version != tls.VersionTLS13 {
		t.Fatalf("%+v, %v", response, err)
	}
	plain, err := http.Get("http" + strings.TrimPrefix(b.Base, "https") + "/v1/accounts")
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(plain.Body)
	_ = plain.Body.Close()
	if err != nil || plain.StatusCode != 400 || !strings.Contains(string(text), "/problems/https-required") {
		t.Errorf("without TLS: %s %s, %v", plain.Status, text, err)
	}
	if err := os.WriteFile(key, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	programtest.Every(t, 200*time.Millisecond, "the bank reports the broken pair", func() error {
		if !strings.Contains(b.Log.String(), "cannot be used") {
			return errors.New("nothing is in the log")
		}
		return nil
	})
	if _, err := get(first); err != nil {
		t.Errorf("with a broken pair beside it: %v", err)
	}
	second := newCertificate(t, dir)
	programtest.Every(t, 200*time.Millisecond, "the new certificate is presented", func() error {
		_, err := get(second)
		return err
	})
	if _, err := get(first); err == nil {
		t.Error("the old certificate is still presented")
	}
	address, err := url.Parse(b.Base)
	if err != nil {
		t.Fatal(err)
	}
	if old, err := tls.Dial("tcp", address.Host, &tls.Config{MaxVersion: tls.VersionTLS11, InsecureSkipVerify: true}); err == nil {
		_ = old.Close()
		t.Error("TLS 1.1 is spoken")
	}
	b.Terminate()
	if got := command(t, "bank", "serve", "--listen", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", cert); got.Code != 2 || !strings.Contains(got.ErrOut, "--tls-cert") || !strings.Contains(got.ErrOut, cert) {
		t.Errorf("a pair that cannot be used: %d %s", got.Code, got.ErrOut)
	}
}
