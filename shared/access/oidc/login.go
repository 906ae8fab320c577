package oidc

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"passbook/shared/access"
)

// Flow is what a browser must bring back with the provider's answer. It is kept between Begin and
// Finish where only that browser can present it and nobody can read it.
type Flow struct {
	// State ties the answer to this browser, Nonce the token to this flow, and Verifier the code to
	// who asked for it (RFC 7636).
	State, Nonce, Verifier string
}

// ErrRefused: the person or the provider ended the sign-in. Its text says how.
var ErrRefused = errors.New("the provider did not sign you in")

// Begin returns the provider's address at which a person signs in, and the flow that Finish needs.
// The provider answers at redirect.
func (a *Authenticator) Begin(redirect string) (address string, flow Flow, err error) {
	c, err := a.exchange(redirect)
	if err != nil {
		return "", Flow{}, err
	}
	flow = Flow{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier()}
	return c.AuthCodeURL(flow.State, oidc.Nonce(flow.Nonce), oauth2.S256ChallengeOption(flow.Verifier)), flow, nil
}

// Finish exchanges the provider's answer, the query of the redirect, for the bearer of the person
// who signed in. It returns the access token where this bank accepts it, else the id token.
func (a *Authenticator) Finish(ctx context.Context, redirect string, answer url.Values, flow Flow) (bearer string, p *access.Principal, err error) {
	if flow.State == "" || subtle.ConstantTimeCompare([]byte(answer.Get("state")), []byte(flow.State)) != 1 {
		return "", nil, fmt.Errorf("%w: the answer belongs to another sign-in, or to one that took too long", ErrRefused)
	}
	if said := answer.Get("error"); said != "" {
		return "", nil, fmt.Errorf("%w: it answered %s", ErrRefused, printable(said))
	}
	// RFC 9207: another provider's answer is not this one's
	if by := answer.Get("iss"); by != "" && by != a.config.Issuer {
		return "", nil, fmt.Errorf("%w: the answer is of another provider", ErrRefused)
	}
	c, err := a.exchange(redirect)
	if err != nil {
		return "", nil, err
	}
	select {
	case a.exchanging <- struct{}{}:
		defer func() { <-a.exchanging }()
	default: // who waits would keep a place that others need
		return "", nil, fmt.Errorf("%w: %d people are signing in", access.ErrUnavailable, maxExchanges)
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	token, err := c.Exchange(oidc.ClientContext(ctx, a.exchanges), answer.Get("code"), oauth2.VerifierOption(flow.Verifier))
	var refused *oauth2.RetrieveError
	switch {
	case errors.As(err, &refused) && refused.Response.StatusCode < 500:
		return "", nil, fmt.Errorf("%w: it refused the code: %s", ErrRefused, orElse(printable(refused.ErrorCode), refused.Response.Status))
	case err != nil:
		return "", nil, fmt.Errorf("%w: exchange the code: %v", access.ErrUnavailable, err)
	}
	id, _ := token.Extra("id_token").(string)
	checked, err := a.check(ctx, id, a.config.ClientID)
	switch {
	case err != nil:
		return "", nil, fmt.Errorf("the provider's id token: %w", err)
	case subtle.ConstantTimeCompare([]byte(checked.Nonce), []byte(flow.Nonce)) != 1:
		return "", nil, fmt.Errorf("%w: the id token is of another sign-in", ErrRefused)
	}
	p, err = a.Authenticate(ctx, token.AccessToken)
	if err == nil {
		return token.AccessToken, p, nil
	}
	if p, failed := a.Authenticate(ctx, id); failed == nil {
		return id, p, nil
	}
	// an access token that is none of ours may be in any form, so that only the audience helps
	if strings.Count(token.AccessToken, ".") != 2 {
		err = fmt.Errorf("%w: neither access token nor id token is for the audience %s", access.ErrInvalid, a.config.Audience)
	}
	return "", nil, err
}

// Host returns the provider's host, by which people know it.
func (a *Authenticator) Host() string {
	u, err := url.Parse(a.config.Issuer)
	if err != nil {
		return a.config.Issuer
	}
	return u.Host
}

// SignOut returns the provider's page at which a person signs out there, "" if it has none.
func (a *Authenticator) SignOut() string {
	now := a.now.Load()
	if now == nil || now.endSession == "" {
		return ""
	}
	u, err := url.Parse(now.endSession)
	if err != nil || checkURL(u) != nil {
		return ""
	}
	query := u.Query()
	query.Set("client_id", a.config.ClientID)
	u.RawQuery = query.Encode()
	return u.String()
}

// exchange returns the client of the flow.
func (a *Authenticator) exchange(redirect string) (*oauth2.Config, error) {
	now := a.now.Load()
	if now == nil {
		return nil, a.unreached()
	}
	c := &oauth2.Config{
		ClientID: a.config.ClientID, ClientSecret: a.config.ClientSecret, Endpoint: now.Endpoint(), RedirectURL: redirect,
		Scopes: []string{oidc.ScopeOpenID, "profile"},
	}
	// oauth2 would find out by trying, and a provider may end a code at the first wrong try
	c.Endpoint.AuthStyle = oauth2.AuthStyleInParams
	if now.inHeader && a.config.ClientSecret != "" {
		c.Endpoint.AuthStyle = oauth2.AuthStyleInHeader
	}
	if u, err := url.Parse(c.Endpoint.AuthURL); err != nil || checkURL(u) != nil {
		return nil, fmt.Errorf("%w: the discovery document's authorization_endpoint is not https", access.ErrUnavailable)
	}
	return c, nil
}
