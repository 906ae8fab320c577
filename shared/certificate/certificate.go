package certificate

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/telemetry"
)

const (
	// reloadEvery is how often the files are read.
	reloadEvery = 5 * time.Second
	// maxFile bounds a file: a chain of certificates has a few KB.
	maxFile = 1 << 20
	// expiresSoon is how long before its end a certificate that is loaded causes a warning.
	expiresSoon = 14 * 24 * time.Hour
)

// Pair is a certificate and its key, in two PEM files. It is safe for concurrent use, except that
// only one goroutine may Run it.
type Pair struct {
	certFile, keyFile string
	log               *slog.Logger
	current           atomic.Pointer[tls.Certificate]
	// used is what the current pair was made of. tried is what was read last and cannot be used,
	// told says that the log has its reason.
	used, tried content
	told        bool
}

// content is what is in the two files, or why they cannot be read.
type content struct {
	cert, key []byte
	err       error
}

// equal reports whether nothing has changed.
func (c content) equal(other content) bool {
	return bytes.Equal(c.cert, other.cert) && bytes.Equal(c.key, other.key) && (c.err == nil) == (other.err == nil)
}

// Open reads a pair. certFile has the certificate and those of its issuers, in PEM, the server's
// own first.
func Open(certFile, keyFile string, log *slog.Logger) (*Pair, error) {
	p := &Pair{certFile: certFile, keyFile: keyFile, log: log}
	found := p.read()
	if err := p.use(found); err != nil {
		return nil, err
	}
	return p, nil
}

// read returns what is in the files now.
func (p *Pair) read() (c content) {
	if c.cert, c.err = readFile(p.certFile); c.err == nil {
		c.key, c.err = readFile(p.keyFile)
	}
	return c
}

// readFile reads a small file.
func readFile(name string) ([]byte, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular() || info.Size() > maxFile:
		return nil, fmt.Errorf("%s is no file of at most %d bytes", name, maxFile)
	}
	return os.ReadFile(name)
}

// use makes a pair the current one, or returns why it cannot be used.
func (p *Pair) use(c content) error {
	if c.err != nil {
		return fmt.Errorf("read the TLS certificate: %w", c.err)
	}
	pair, err := tls.X509KeyPair(c.cert, c.key)
	if err != nil {
		return fmt.Errorf("certificate %s with key %s: %w", p.certFile, p.keyFile, err)
	}
	p.current.Store(&pair)
	p.used = c
	leaf := pair.Leaf
	level, note := slog.LevelInfo, "TLS certificate loaded"
	if time.Until(leaf.NotAfter) < expiresSoon {
		level, note = slog.LevelWarn, "TLS certificate loaded that ends soon; replace both files, no restart is needed"
	}
	p.log.Log(context.Background(), level, note, "file", p.certFile, "names", names(leaf), "ends", leaf.NotAfter.UTC().Format(time.RFC3339))
	return nil
}

// names returns what a certificate is for.
func names(leaf *x509.Certificate) []string {
	all := append([]string{}, leaf.DNSNames...)
	for _, ip := range leaf.IPAddresses {
		all = append(all, ip.String())
	}
	return all
}

// Config returns the configuration of a listener that presents the current certificate.
func (p *Pair) Config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return p.current.Load(), nil },
	}
}

// Expires returns when the current certificate ends.
func (p *Pair) Expires() time.Time { return p.current.Load().Leaf.NotAfter }

// Report registers the metric.
func (p *Pair) Report(r prometheus.Registerer) {
	telemetry.Gauge(r, "tls_certificate_expires_seconds", "Time when the certificate of the API ends, as a Unix time.",
		func() float64 { return float64(p.Expires().Unix()) })
}

// Run follows the files until ctx ends.
func (p *Pair) Run(ctx context.Context) error {
	tick := time.NewTicker(reloadEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			p.reload()
		}
	}
}

// reload uses what is in the files, if that has changed. A pair that cannot be used is reported the
// second time that it is found: the first may be between the writing of two files.
func (p *Pair) reload() {
	found := p.read()
	if found.equal(p.used) {
		p.tried, p.told = content{}, false
		return
	}
	again := found.equal(p.tried)
	if again && p.told {
		return
	}
	err := p.use(found)
	if err == nil {
		p.tried, p.told = content{}, false
		return
	}
	p.tried, p.told = found, again
	if again {
		p.log.Warn("the TLS certificate was replaced by one that cannot be used, so the one before it is served on; correct the files, no restart is needed",
			"error", err, "ends", p.Expires().UTC().Format(time.RFC3339))
	}
}
