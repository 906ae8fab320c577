package webhook

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"time"

	"passbook/shared/event"
)

// The states of an endpoint.
const (
	// Active endpoints are sent their events.
	Active = "active"
	// Paused endpoints are sent nothing. What happens is sent once they are resumed.
	Paused = "paused"
	// removed endpoints are known to nobody; their rows are removed.
	removed = "removed"
)

// The most of an endpoint's fields.
const (
	MaxURL      = 2048
	MaxAccounts = 100
)

// secretLife is how long a secret signs after it was rotated, unless its end is named.
const secretLife = 24 * time.Hour

// Endpoint is where events of a tenant are sent. It is not changed once it was read.
type Endpoint struct {
	ID, Tenant, URL, Description string
	// Types and Accounts select events; empty selects all.
	Types, Accounts []string
	State           string
	// Cause says why it is paused.
	Cause string
	// Since is the time from which on what was recorded is sent; zero is the beginning.
	Since time.Time
	// Backfilled is how far the accounts that existed before were found, for an endpoint whose
	// Since is before Created: a hash bucket, or Complete.
	Backfilled string
	Created    time.Time
	CreatedBy  string
	// Filtered is when Types or Accounts were changed last, zero if never.
	Filtered time.Time
	// Secrets are one, and up to two older ones while it is rotated, newest first.
	Secrets []Secret

	rev int64
}

// Complete is the Backfilled of an endpoint all of whose accounts were found.
const Complete = "complete"

// Secret signs what is sent.
type Secret struct {
	// ID tells secrets apart, and says nothing about them.
	ID      string
	Created time.Time
	// Expires is when it stops signing; zero for the newest.
	Expires time.Time
	// Text is what the receiver has.
	Text string

	wrapped []byte
}

// secretPrefix begins every secret, so that one that leaks is recognised.
const secretPrefix = "whsec_"

// newSecret makes a secret.
func newSecret(at time.Time) Secret {
	random := make([]byte, 32)
	_, _ = rand.Read(random) // it never fails
	return Secret{ID: newID("sec_"), Created: at, Text: secretPrefix + base64.RawURLEncoding.EncodeToString(random)}
}

// newID makes an id.
func newID(prefix string) string {
	random := make([]byte, 10)
	_, _ = rand.Read(random) // it never fails
	return prefix + strings.ToLower(base32.StdEncoding.EncodeToString(random))
}

// idPrefix begins the id of every endpoint.
const idPrefix = "wh_"

// ValidID reports whether an endpoint can have this id.
func ValidID(id string) bool {
	rest, ok := strings.CutPrefix(id, idPrefix)
	return ok && len(rest) == 16 && strings.Trim(rest, "abcdefghijklmnopqrstuvwxyz234567") == ""
}

// Place returns the scheme and the host of a URL. What follows them may be a secret of the
// receiver.
func Place(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// Of reports whether the events of an account may be sent, as far as the account tells.
func (e *Endpoint) Of(a event.Account) bool {
	return e.Tenant == a.Tenant && (len(e.Accounts) == 0 || slices.Contains(e.Accounts, a.ID))
}

// Wants reports whether an event of such an account is sent.
func (e *Endpoint) Wants(ev event.Event) bool {
	return len(e.Types) == 0 || slices.Contains(e.Types, ev.Body.Type())
}

// WantsAny reports whether an event of an entry of such an account is sent.
func (e *Endpoint) WantsAny(entry *event.Entry) bool {
	return slices.ContainsFunc(entry.Events, e.Wants)
}

// Signing returns the texts of the secrets that sign at a time, newest first.
func (e *Endpoint) Signing(at time.Time) []string {
	var texts []string
	for _, s := range e.Secrets {
		if s.Text != "" && (s.Expires.IsZero() || at.Before(s.Expires)) {
			texts = append(texts, s.Text)
		}
	}
	return texts
}
