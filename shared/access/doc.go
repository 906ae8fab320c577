// Package access says who may do what: principals, the scopes that routes ask for, and what an
// authenticator is.
//
// It promises: a Principal is never changed once it was made, so that requests share it by pointer;
// a context without a principal has Nobody, who may do nothing; no error of an authenticator has a
// part of a credential in it.
//
// It does not know what a credential looks like, and no HTTP. Packages apikey and oidc make
// principals of credentials, package web asks them and compares scopes.
//
// Walk: Authenticator -> Principal -> With -> From. Next on the walk: web.
package access
