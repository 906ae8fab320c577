// Package session lets people use pages of the bank in a browser: they sign in with a key or at an
// OpenID Connect provider, see who they are, and sign out.
//
// A session is a cookie that only programs of the bank can read and make, and that has the bearer
// in it; nothing is stored. The bearer is checked again for each request, so that a revoked key or
// an expired token ends the session. The cookie opens pages below /ui alone: the API wants the
// header. A form is accepted only from the bank's own page, with a token that is bound to the
// browser. They run no scripts and load nothing from elsewhere.
//
// It does not promise that signing out ends a copy of the cookie that somebody else took: that ends
// with its bearer, or after eight hours.
//
// Walk: Pages.Routes -> Pages.Page -> sealer.open; for sign-in Pages.login -> Pages.callback. Next
// on the walk: oidc.
package session
