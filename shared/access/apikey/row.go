package apikey

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"passbook/shared/access"
	"passbook/shared/table"
)

const (
	// maxName is the most bytes of a key's name, and maxBy of who made it, which is an actor.
	maxName = 64
	maxBy   = 64
	// maxLife is the longest that a key which expires may be good for.
	maxLife = 10 * 366 * 24 * time.Hour
)

// Key is what is known of a key: all but its secret.
type Key struct {
	ID string `json:"id"`
	// Sum is the SHA-256 of the secret, which no job reports.
	Sum Sum `json:"-"`
	// Name is for people: who has the key.
	Name string `json:"name"`
	// Tenant is whose accounts the key is for. AllTenants lets an operator's key read those of all
	// others too.
	Tenant     string        `json:"tenant"`
	AllTenants bool          `json:"all_tenants,omitempty"`
	Scopes     access.Scopes `json:"-"`
	Created    time.Time     `json:"created_at"`
	// CreatedBy is the actor who made it.
	CreatedBy string `json:"created_by"`
	// Expires is when it ends by itself and Revoked when it was ended; zero for never.
	Expires time.Time `json:"expires_at,omitzero"`
	Revoked time.Time `json:"revoked_at,omitzero"`
}

// Actor returns the actor of who calls with the key.
func (k Key) Actor() string { return "key:" + k.ID }

// Ended returns when the key ended, and whether it had by a time.
func (k Key) Ended(by time.Time) (at time.Time, ended bool) {
	switch {
	case !k.Revoked.IsZero():
		return k.Revoked, true
	case !k.Expires.IsZero() && !by.Before(k.Expires):
		return k.Expires, true
	}
	return time.Time{}, false
}

// State returns active, revoked or expired.
func (k Key) State(at time.Time) string {
	if _, ended := k.Ended(at); !ended {
		return "active"
	}
	if k.Revoked.IsZero() {
		return "expired"
	}
	return "revoked"
}

// Check reports what is wrong with a key that is to be made at a time, or nil.
func (k Key) Check(at time.Time) error {
	switch {
	case !ValidID(k.ID):
		return fmt.Errorf("the id is not %d letters and digits", idLength)
	case k.Sum == Sum{}:
		return errors.New("the sum of the secret is missing")
	case k.Name == "" || len(k.Name) > maxName || !utf8.ValidString(k.Name) || strings.ContainsFunc(k.Name, unicode.IsControl):
		return fmt.Errorf("the name is not 1 to %d bytes of text in one line: say who gets the key", maxName)
	case len(k.CreatedBy) > maxBy:
		return fmt.Errorf("the actor has more than %d bytes", maxBy)
	case !access.ValidTenant(k.Tenant):
		return fmt.Errorf("the tenant %q is not 1 to 32 of a-z, 0-9 and -, starting with a letter or digit", k.Tenant)
	case k.Scopes == 0:
		return errors.New("the key has no scope, so that it could do nothing")
	case !k.Expires.IsZero() && !k.Expires.After(at):
		return fmt.Errorf("the key would have expired at %s already", k.Expires.UTC().Format(time.RFC3339))
	case k.Expires.Sub(at) > maxLife:
		return errors.New("the key would expire in more than ten years: let it never expire, or sooner")
	}
	return nil
}

// attrs returns the row's attributes.
func (k Key) attrs() table.Map {
	scopes := table.List{}
	for _, name := range k.Scopes.Names() {
		scopes = append(scopes, table.S(name))
	}
	rev := table.N(1)
	if !k.Revoked.IsZero() {
		rev = 2
	}
	return table.Map{
		"rev": rev, "sum": table.B(k.Sum[:]), "name": table.S(k.Name), "tenant": table.S(k.Tenant), "all_tenants": table.Bool(k.AllTenants), "scopes": scopes,
		"created": table.Time(k.Created), "created_by": table.S(k.CreatedBy), "expires": table.Time(k.Expires), "revoked": table.Time(k.Revoked),
	}
}

// parseRow returns the key of a row. A scope that this program does not know is left out: a newer
// program has it, and gives it only to what needs it.
func parseRow(row table.Row) (Key, error) {
	r := table.NewReader(row.Attrs)
	k := Key{
		ID: row.SK, Name: r.Text("name"), Tenant: r.Text("tenant"), Created: r.Time("created"), CreatedBy: r.Text("created_by"),
		Expires: optional(r, "expires"), Revoked: optional(r, "revoked"),
	}
	if sum := r.Bytes("sum"); len(sum) == len(k.Sum) {
		copy(k.Sum[:], sum)
	} else {
		r.Fail("sum")
	}
	all, ok := row.Attrs["all_tenants"].(table.Bool)
	if k.AllTenants = bool(all); !ok {
		r.Fail("all_tenants")
	}
	if _, ok := row.Attrs["scopes"].(table.List); !ok {
		r.Fail("scopes")
	}
	k.Scopes = access.Known(row.Attrs.Texts("scopes"))
	if !ValidID(k.ID) {
		r.Fail("sk")
	}
	if !access.ValidTenant(k.Tenant) {
		r.Fail("tenant")
	}
	if bad := r.Bad(); bad != "" {
		return Key{}, fmt.Errorf("the row of API key %.64q is damaged: its attribute %s cannot be read", row.SK, bad)
	}
	return k, nil
}

// optional reads a time that is empty for never.
func optional(r *table.Reader, name string) time.Time {
	if r.Text(name) == "" {
		return time.Time{}
	}
	return r.Time(name)
}

// MarshalText returns the sum as base64url.
func (s Sum) MarshalText() ([]byte, error) {
	return base64.RawURLEncoding.AppendEncode(nil, s[:]), nil
}

// UnmarshalText reads what MarshalText writes.
func (s *Sum) UnmarshalText(text []byte) error {
	sum, err := base64.RawURLEncoding.DecodeString(string(text))
	if err != nil || len(sum) != len(s) {
		return errors.New("not the SHA-256 of a secret as 43 characters of base64url")
	}
	copy(s[:], sum)
	return nil
}
