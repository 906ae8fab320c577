package oidc

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	// callTimeout bounds a call to the provider.
	callTimeout = 5 * time.Second
	// maxAnswer is the most bytes that are read of the provider's answer.
	maxAnswer = 1 << 20
)

// errTooLong: the provider's answer has more than maxAnswer bytes.
var errTooLong = fmt.Errorf("the provider's answer has more than %d bytes", maxAnswer)

// client returns the client for calls to the provider. It follows no redirect, so that a call goes
// to the host that the operator or the discovery document named.
func client(transport http.RoundTripper) *http.Client {
	if transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.MaxConnsPerHost, t.ResponseHeaderTimeout = 8, callTimeout
		transport = t
	}
	return &http.Client{
		Transport: bounded{transport}, Timeout: callTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return errors.New("redirects are not followed") },
	}
}

// bounded is a RoundTripper that calls no address without https but a loopback one, and whose
// answers end with errTooLong after maxAnswer bytes.
type bounded struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := checkURL(r.URL); err != nil {
		return nil, err
	}
	answer, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		answer.Body = &limited{ReadCloser: answer.Body, left: maxAnswer}
	}
	return answer, err
}

// limited is a body that ends with errTooLong.
type limited struct {
	io.ReadCloser
	left int
}

// Read implements io.Reader.
func (l *limited) Read(p []byte) (int, error) {
	if l.left <= 0 {
		if n, err := l.ReadCloser.Read(make([]byte, 1)); n == 0 {
			return 0, err
		}
		return 0, errTooLong
	}
	n, err := l.ReadCloser.Read(p[:min(len(p), l.left)])
	l.left -= n
	return n, err
}

// CheckIssuer returns why an issuer's URL cannot be used, or nil.
func CheckIssuer(issuer string) error {
	u, err := url.Parse(issuer)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("%q is not the URL of a provider: https, a host, and a path at most", issuer)
	default:
		return checkURL(u)
	}
}

// checkURL returns an error unless a URL is https, or http on a loopback address.
func checkURL(u *url.URL) error {
	ip := net.ParseIP(u.Hostname())
	switch {
	case u.Scheme == "https" && u.Host != "":
		return nil
	case u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()):
		return nil
	}
	return fmt.Errorf("%s://%s is not https, which every address but a loopback one needs", u.Scheme, u.Host)
}
