package serve

import (
	"context"
	"fmt"
	"os"
	"strings"

	"passbook/cmd/internal/cli"
	"passbook/shared/access/oidc"
	"passbook/shared/access/persons"
	"passbook/shared/origin"
	"passbook/shared/platform"
	"passbook/shared/web"
)

// openOIDC makes what checks tokens of the provider. A provider that does not answer does not keep
// the process from starting, but a wrong setting does.
func (p *Process) openOIDC(ctx context.Context) (*oidc.Authenticator, error) {
	c := p.Config
	var secret string
	if c.OIDCClientSecretFile != "" {
		text, err := os.ReadFile(c.OIDCClientSecretFile)
		if err != nil {
			return nil, fmt.Errorf("%w: --oidc-client-secret-file (PASSBOOK_OIDC_CLIENT_SECRET_FILE): %w", platform.ErrConfig, err)
		}
		secret = strings.TrimSpace(string(text))
	}
	a, err := oidc.Open(ctx, oidc.Config{
		Issuer: c.OIDCIssuer, Audience: c.OIDCAudience, TenantClaim: c.OIDCTenantClaim, ScopesClaim: c.OIDCScopesClaim, SubjectClaim: c.OIDCSubjectClaim,
		Named: p.Persons().Note, Tenant: c.OIDCTenant, ClientID: c.OIDCClientID, ClientSecret: secret, Derive: p.derive, Metrics: p.Registry, Log: p.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("%w: --oidc-issuer (PASSBOOK_OIDC_ISSUER): %w", platform.ErrConfig, err)
	}
	p.provider = a
	p.Go(UntilConsumers, "reader of the OpenID Connect provider", a.Run)
	p.Go(UntilConsumers, "names of persons", p.Persons().Run)
	p.checks = append(p.checks, web.Check{Name: "oidc", Problem: web.AccessUnavailable, Advisory: true, Ready: a.Ready})
	return a, nil
}

// Persons returns the names of persons.
func (p *Process) Persons() *persons.Directory {
	if p.persons == nil {
		p.persons = persons.New(p.Engine.Table, p.Log)
	}
	return p.persons
}

// derive returns the bank's key of a label, false before Origin was called and for a bank of format
// 1.
func (p *Process) derive(label string) ([]byte, bool) {
	if p.keeper == nil {
		return nil, false
	}
	return p.keeper.Derive(label)
}

// checkActors returns why persons cannot have actors here, or nil.
func (p *Process) checkActors(k *origin.Keeper) error {
	if p.Config.Auth != platform.AuthOIDC || k.BankFormat() > 1 {
		return nil
	}
	return cli.Fail(cli.ExitFailed,
		fmt.Errorf("--auth %s needs a data key of the bank, from which the actors of persons are made, and this bank has none", platform.AuthOIDC),
		"run: bank upgrade, or choose --auth "+platform.AuthKeys)
}
