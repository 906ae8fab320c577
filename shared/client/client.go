package client

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// What a client does where Options does not say otherwise.
const (
	DefaultAttempts    = 6
	DefaultCallTimeout = 15 * time.Second
	DefaultWait        = 5 * time.Second
	DefaultUserAgent   = "passbook-go"
)

const (
	// firstPause and mostPause bound the pauses between attempts. A Retry-After that is longer than
	// mostPause is for the caller: the refusal is returned.
	firstPause = 100 * time.Millisecond
	mostPause  = 10 * time.Second
	// maxAnswer bounds an answer that is held in memory; the largest page is below a tenth of it.
	maxAnswer = 32 << 20
	// rememberedAccounts bounds the versions that a client remembers; those of the accounts that it
	// used least recently are forgotten.
	rememberedAccounts = 8192
	idleConnections    = 64
)

// Options says which bank a client calls, and how.
type Options struct {
	// URL is the bank, such as https://bank.example.com or http://127.0.0.1:8080.
	URL string
	// Key is an API key or a token, sent as Authorization: Bearer; empty for a bank in the mode
	// dev.
	Key string
	// TLS is used for https; nil trusts what the system trusts.
	TLS *tls.Config
	// HTTP sends the requests, in place of a client with TLS and without redirects.
	HTTP *http.Client
	// UserAgent names the program; empty for DefaultUserAgent.
	UserAgent string
	// Attempts bounds how often a request is sent; 0 for DefaultAttempts, 1 for no repetition.
	Attempts int
	// CallTimeout bounds one attempt; 0 for DefaultCallTimeout. Feeds and bulk have no such bound.
	CallTimeout time.Duration
	// Wait bounds how long a read waits for this client's own commands to be seen, 0 for
	// DefaultWait, at most 30 s. Negative reads what is there, which may be older.
	Wait time.Duration
}

// Client calls a bank. It is safe for concurrent use.
type Client struct {
	options Options
	http    *http.Client
	// seen has, by account, the version of the newest command that this client had answered;
	// remembering guards it between a look and a change.
	seen        *lru.Cache[string, int64]
	remembering sync.Mutex
}

// New makes a client. It connects to nothing.
func New(o Options) (*Client, error) {
	base, err := url.Parse(o.URL)
	switch {
	case err != nil: // its text has the address, and with it what is secret in it
		return nil, errors.New("the address of the bank is no URL: give it as http://host:port or https://host")
	case base.User != nil:
		return nil, errors.New("the address of the bank has a user: give the key in place of it")
	case base.Scheme != "http" && base.Scheme != "https" || base.Host == "" || base.RawQuery != "" || base.Fragment != "":
		return nil, fmt.Errorf("the address of the bank is %q: give it as http://host:port or https://host", o.URL)
	}
	if strings.ContainsFunc(o.Key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, errors.New("the key of the bank has a character that no key has: look for a space or a line break")
	}
	o.URL = strings.TrimRight(o.URL, "/")
	if o.UserAgent == "" {
		o.UserAgent = DefaultUserAgent
	}
	if o.Attempts <= 0 {
		o.Attempts = DefaultAttempts
	}
	if o.CallTimeout <= 0 {
		o.CallTimeout = DefaultCallTimeout
	}
	if o.Wait == 0 {
		o.Wait = DefaultWait
	}
	o.Wait = min(o.Wait, 30*time.Second)
	seen, err := lru.New[string, int64](rememberedAccounts)
	if err != nil {
		return nil, fmt.Errorf("remember the versions of accounts: %w", err)
	}
	c := &Client{options: o, http: o.HTTP, seen: seen}
	if c.http == nil {
		c.http = newHTTP(o.TLS)
	}
	return c, nil
}

// newHTTP makes the client's own HTTP client: many connections to one host, and no redirects, since
// a bank sends none and a command must not move to another host.
func newHTTP(config *tls.Config) *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = config
	transport.MaxIdleConnsPerHost = idleConnections
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// URL returns the address of the bank.
func (c *Client) URL() string { return c.options.URL }

// Close closes the connections that are idle.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Seen returns the version of the newest command on an account that this client had answered, or 0.
func (c *Client) Seen(account string) int64 {
	version, _ := c.seen.Get(account)
	return version
}

// remember keeps the version of an account if it is newer than what is known of it.
func (c *Client) remember(account string, version int64) {
	if account == "" {
		return
	}
	c.remembering.Lock()
	defer c.remembering.Unlock()
	if version > c.Seen(account) {
		c.seen.Add(account, version)
	}
}

// rememberAnswer keeps the versions that a command answered. A dry run answers none.
func (c *Client) rememberAnswer(a *Answer) {
	c.remember(a.AccountID, a.Version)
	if a.To != nil {
		c.remember(a.To.AccountID, a.To.Version)
	}
}

// rememberRefusal keeps the version that a refusal names: a decline is an event too.
func (c *Client) rememberRefusal(err error) {
	var refused *Problem
	if errors.As(err, &refused) {
		c.remember(refused.AccountID, refused.AccountVersion)
	}
}
