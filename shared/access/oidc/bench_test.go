package oidc_test

import (
	"testing"

	"passbook/shared/access/oidc"
	"passbook/shared/access/oidc/oidctest"
)

// BenchmarkAuthenticate checks a token that was seen before.
func BenchmarkAuthenticate(b *testing.B) {
	p := oidctest.Unserved(b)
	a, err := oidc.Open(b.Context(), config(p))
	if err != nil {
		b.Fatal(err)
	}
	token := p.Token(nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Authenticate(b.Context(), token); err != nil {
			b.Fatal(err)
		}
	}
}
