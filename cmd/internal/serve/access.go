package serve

import (
	"context"
	"fmt"

	"passbook/shared/access"
	"passbook/shared/platform"
)

// authenticator makes what asks for credentials in the process's mode; nil asks for none.
func (p *Process) authenticator(ctx context.Context) (access.Authenticator, error) {
	switch p.Config.Auth {
	case platform.AuthDev:
		return nil, nil
	case platform.AuthKeys:
		return p.openKeys(ctx)
	case platform.AuthOIDC:
		return p.openOIDC(ctx)
	}
	return nil, fmt.Errorf("%w: --auth %s is not in this program", platform.ErrConfig, p.Config.Auth)
}

// accessMode returns for whom the process serves, for the banner.
func (p *Process) accessMode() string {
	if p.Config.Auth == platform.AuthDev {
		return "this machine only, without credentials (--auth dev)"
	}
	return "--auth " + p.Config.Auth
}
