package affinity

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// NewSecret returns a new writer's secret.
func NewSecret() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // it never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// errWrongSecret: the other end of a connection does not know the secret.
var errWrongSecret = errors.New("affinity: the other end does not know this writer's secret")

// sharedSecretTLS returns the TLS configuration of both ends of a connection between processes that
// know the secret. Each end has the key that is derived from the secret, and accepts only that key.
// Names, times and authorities of certificates do not count.
func sharedSecretTLS(secret string) (*tls.Config, error) {
	seed := sha256.Sum256([]byte("passbook writer\n" + secret))
	key := ed25519.NewKeyFromSeed(seed[:])
	public := key.Public().(ed25519.PublicKey)
	form := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "passbook writer"},
		NotBefore: time.Unix(0, 0), NotAfter: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), KeyUsage: x509.KeyUsageDigitalSignature,
	}
	certificate, err := x509.CreateCertificate(rand.Reader, form, form, public, key)
	if err != nil {
		return nil, fmt.Errorf("make a writer's certificate: %w", err)
	}
	return &tls.Config{
		Certificates:       []tls.Certificate{{Certificate: [][]byte{certificate}, PrivateKey: key}},
		MinVersion:         tls.VersionTLS13,
		ClientAuth:         tls.RequireAnyClientCert,
		InsecureSkipVerify: true, //nolint:gosec // VerifyConnection verifies, against the secret
		VerifyConnection: func(c tls.ConnectionState) error {
			if len(c.PeerCertificates) == 1 {
				if shown, ok := c.PeerCertificates[0].PublicKey.(ed25519.PublicKey); ok && shown.Equal(public) {
					return nil
				}
			}
			return errWrongSecret
		},
	}, nil
}
