package certificate

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// files are the two files of a test.
type files struct{ dir, cert, key string }

func newFiles(t *testing.T) files {
	dir := t.TempDir()
	return files{dir, filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")}
}

// make returns a new pair for a name, in PEM.
func newPair(t *testing.T, name string, ends time.Time) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	of := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: time.Unix(0, 0), NotAfter: ends}
	der, err := x509.CreateCertificate(rand.Reader, of, of, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
}

func (f files) write(t *testing.T, cert, key []byte) {
	t.Helper()
	for name, text := range map[string][]byte{f.cert: cert, f.key: key} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// presented returns the name in the certificate that the next connection gets.
func presented(t *testing.T, p *Pair) string {
	t.Helper()
	pair, err := p.Config().GetCertificate(&tls.ClientHelloInfo{})
	if err != nil {
		t.Fatal(err)
	}
	return pair.Leaf.DNSNames[0]
}

// lines is a log that may be read while it is written.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// far is an end that causes no warning.
var far = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)

func TestReplacedFilesAreUsedWithoutARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFiles(t)
		cert, key := newPair(t, "one", far)
		f.write(t, cert, key)
		var log lines
		p, err := Open(f.cert, f.key, slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		registry := prometheus.NewRegistry()
		p.Report(registry)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- p.Run(ctx) }()
		step := func(why, want string, warnings int) {
			t.Helper()
			time.Sleep(3 * reloadEvery)
			synctest.Wait()
			if got := presented(t, p); got != want {
				t.Errorf("%s: %s is presented", why, got)
			}
			if n := strings.Count(log.String(), "level=WARN"); n != warnings {
				t.Errorf("%s: %d warnings: %s", why, n, log.String())
			}
		}
		step("at first", "one", 0)
		cert2, key2 := newPair(t, "two", far.AddDate(1, 0, 0))
		f.write(t, cert2, key)
		step("only the certificate is replaced", "one", 1)
		f.write(t, cert2, key2)
		step("both", "two", 1)
		if err := testutil.CollectAndCompare(registry, strings.NewReader("# HELP passbook_tls_certificate_expires_seconds Time when the certificate of the API ends, as a Unix time.\n# TYPE passbook_tls_certificate_expires_seconds gauge\npassbook_tls_certificate_expires_seconds 4.1339808e+09\n")); err != nil {
			t.Error(err)
		}
		f.write(t, []byte("junk"), key2)
		step("a file is damaged", "two", 2)
		if err := os.Remove(f.key); err != nil {
			t.Fatal(err)
		}
		step("a file is gone", "two", 3)
		f.write(t, cert2, key2)
		step("as it was", "two", 3)
		cert3, key3 := newPair(t, "three", time.Now().Add(expiresSoon/2))
		f.write(t, cert3, key3)
		step("one that ends soon", "three", 4)
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// While both files are being written, nothing is wrong yet.
func TestAHalfReplacedPairIsNotReportedAtOnce(t *testing.T) {
	f := newFiles(t)
	cert, key := newPair(t, "one", far)
	f.write(t, cert, key)
	var log bytes.Buffer
	p, err := Open(f.cert, f.key, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	cert2, key2 := newPair(t, "two", far)
	f.write(t, cert2, key)
	p.reload()
	f.write(t, cert2, key2)
	p.reload()
	if strings.Contains(log.String(), "level=WARN") || presented(t, p) != "two" {
		t.Errorf("%s is presented: %s", presented(t, p), log.String())
	}
}

func TestAPairThatCannotBeUsedIsRefusedByFile(t *testing.T) {
	cert, key := newPair(t, "one", far)
	_, other := newPair(t, "two", far)
	for name, pair := range map[string][2][]byte{"another key": {cert, other}, "no certificate": {key, key}, "empty": {nil, nil}, "too large": {bytes.Repeat([]byte("x"), maxFile+1), key}} {
		f := newFiles(t)
		f.write(t, pair[0], pair[1])
		if _, err := Open(f.cert, f.key, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), f.cert) {
			t.Errorf("%s: %v", name, err)
		}
	}
	f := newFiles(t)
	if _, err := Open(f.cert, f.key, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), f.cert) {
		t.Errorf("no file: %v", err)
	}
	if _, err := Open(f.dir, f.key, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), f.dir) {
		t.Errorf("a directory: %v", err)
	}
}
