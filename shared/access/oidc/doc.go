// Package oidc checks the tokens of an OpenID Connect provider, and signs people in with one.
//
// It promises that a token is accepted only if the provider that the operator named signed it for
// this audience, with RS256 or ES256 and a key that the provider still publishes, and if it is
// valid now, give or take a minute; that its claims alone decide tenant, scopes and actor; that the
// actor says nothing about the person; and that every call to the provider has a deadline, a
// bounded answer and https. While the provider is out of reach, tokens under known keys are
// accepted for an hour, and then every one is access.ErrUnavailable. It does not promise to notice
// that the provider revoked a token: it is valid until it expires.
//
// coreos/go-oidc reads the discovery document and checks issuer, audience and algorithm; the keys
// are kept here, because a key that the provider no longer publishes must end, and because a token
// under an unknown key must not cause a call each.
//
// Walk: Open -> Authenticator.Run -> Authenticator.Authenticate -> Actor, and for browsers
// Authenticator.Begin -> Authenticator.Finish. Next on the walk: web.
package oidc
