package oidc

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"passbook/shared/access"
)

const (
	// keysFor is how long keys are used that could not be read again.
	keysFor = time.Hour
	// rereadAfter is the least time between two readings for tokens under unknown keys.
	rereadAfter = 5 * time.Second
	// maxWaiting is the most tokens that wait for such a reading.
	maxWaiting = 64
	// maxKeys is the most keys of a provider that are used.
	maxKeys = 64
	// minRSABits is the size below which an RSA key is not used, as RFC 7518 section 3.3 demands.
	minRSABits = 2048
)

// algorithms are those that a token may be signed with.
var algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.ES256}

// keySet is the keys that a provider published when it was read. It does not change.
type keySet struct {
	read time.Time
	keys []jose.JSONWebKey
}

// with returns the keys of an id and an algorithm, all of the algorithm for a token that names
// none.
func (s *keySet) with(id, algorithm string) (found []jose.JSONWebKey) {
	for _, k := range s.keys {
		if (id == "" || k.KeyID == id) && k.Algorithm == algorithm {
			found = append(found, k)
		}
	}
	return found
}

// same reports whether two readings have the same keys.
func (s *keySet) same(other *keySet) bool {
	if len(s.keys) != len(other.keys) {
		return false
	}
	for i, k := range s.keys {
		a, _ := k.MarshalJSON()
		b, _ := other.keys[i].MarshalJSON()
		if string(a) != string(b) {
			return false
		}
	}
	return true
}

// readKeys reads the keys at an address. It leaves out those that may not sign a token here: of
// another use or algorithm, or too weak. A set without any is an error, since a provider that signs
// has one.
func readKeys(ctx context.Context, c *http.Client, address string) (*keySet, error) {
	began := time.Now()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("read the provider's keys: %w", err)
	}
	answer, err := c.Do(request)
	if err != nil {
		return nil, fmt.Errorf("read the provider's keys: %w", err)
	}
	defer func() { _ = answer.Body.Close() }() // everything was read
	body, err := io.ReadAll(answer.Body)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the provider's keys at %s: %w", address, err)
	case answer.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("read the provider's keys: %s answered %s", address, answer.Status)
	}
	var list struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, fmt.Errorf("read the provider's keys at %s: %w", address, err)
	}
	set := &keySet{read: began}
	for _, raw := range list.Keys {
		var k jose.JSONWebKey
		if json.Unmarshal(raw, &k) == nil && usable(&k) && len(set.keys) < maxKeys {
			set.keys = append(set.keys, k)
		}
	}
	if len(set.keys) == 0 {
		return nil, fmt.Errorf("read the provider's keys: %s has none for RS256 or ES256", address)
	}
	return set, nil
}

// usable reports whether a key may verify a token, and sets its algorithm where the provider left
// it out.
func usable(k *jose.JSONWebKey) bool {
	algorithm := ""
	switch public := k.Key.(type) {
	case *rsa.PublicKey:
		if public.N.BitLen() >= minRSABits {
			algorithm = string(jose.RS256)
		}
	case *ecdsa.PublicKey:
		if public.Curve == elliptic.P256() {
			algorithm = string(jose.ES256)
		}
	}
	if algorithm == "" || k.Use != "" && k.Use != "sig" || k.Algorithm != "" && k.Algorithm != algorithm {
		return false
	}
	k.Algorithm = algorithm
	return true
}

// signature is the go-oidc KeySet of one token. It keeps why the signature was refused, of which
// go-oidc returns the text alone.
type signature struct {
	of  *Authenticator
	err error
}

// VerifySignature implements the KeySet of go-oidc.
func (s *signature) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	payload, err := s.of.verify(ctx, token)
	s.err = err
	return payload, err
}

// verify returns the payload of a token that a key of the provider signed.
func (a *Authenticator) verify(ctx context.Context, token string) ([]byte, error) {
	signed, err := jose.ParseSignedCompact(token, algorithms)
	if err != nil {
		return nil, fmt.Errorf("%w: not a token signed with RS256 or ES256", access.ErrInvalid)
	}
	header := signed.Signatures[0].Header
	if kind, _ := header.ExtraHeaders[jose.HeaderType].(string); !isToken(kind) {
		return nil, fmt.Errorf("%w: the token is of another type than JWT and at+jwt", access.ErrInvalid)
	}
	set, err := a.keys(ctx, header)
	if err != nil {
		return nil, err
	}
	for _, key := range set.with(header.KeyID, header.Algorithm) {
		if payload, err := signed.Verify(&key); err == nil {
			return payload, nil
		}
	}
	return nil, fmt.Errorf("%w: the signature is not one of the provider's keys", access.ErrInvalid)
}

// isToken reports whether a header's typ is that of an access token or an id token. The others of a
// provider, such as logout tokens, have the same keys and audience, and are for another purpose.
func isToken(kind string) bool {
	switch strings.ToLower(kind) {
	case "", "jwt", "at+jwt", "application/at+jwt":
		return true
	}
	return false
}

// keys returns the provider's keys for a token's header. Where the header's key is not among them,
// they are read again, at most once in rereadAfter: the provider may have a new one.
func (a *Authenticator) keys(ctx context.Context, header jose.Header) (*keySet, error) {
	now := a.now.Load()
	switch {
	case now == nil:
		return nil, a.unreached()
	case len(now.keys.with(header.KeyID, header.Algorithm)) == 0:
		if err := a.reread(ctx, now.keys); err != nil {
			return nil, err
		}
		now = a.now.Load()
	}
	if time.Since(now.keys.read) > keysFor {
		return nil, fmt.Errorf("%w: the keys of %s could not be read for %v", access.ErrUnavailable, a.config.Issuer, keysFor)
	}
	return now.keys, nil
}

// reread reads the provider's keys again, unless another goroutine has since was known or tried
// less than rereadAfter ago.
func (a *Authenticator) reread(ctx context.Context, was *keySet) error {
	if a.waiting.Add(1) > maxWaiting {
		a.waiting.Add(-1)
		return fmt.Errorf("%w: too many tokens wait for the provider's keys", access.ErrUnavailable)
	}
	defer a.waiting.Add(-1)
	select {
	case a.turn <- struct{}{}:
		defer func() { <-a.turn }()
	case <-ctx.Done():
		return fmt.Errorf("%w: %v", access.ErrUnavailable, ctx.Err())
	}
	now := *a.now.Load()
	if now.keys != was {
		return nil
	}
	if time.Since(a.tried) >= rereadAfter {
		// the caller's end must not fail the others that wait
		now.keys, a.failure = readKeys(context.WithoutCancel(ctx), a.client, now.keysAt)
		a.tried = time.Now()
		if a.failure == nil {
			a.learn(&now)
		} else {
			a.failed.Add(1)
		}
	}
	if a.failure != nil {
		return fmt.Errorf("%w: %v", access.ErrUnavailable, a.failure)
	}
	return nil
}
