package serve

import (
	"net/http"

	"passbook/shared/console/client"
	"passbook/shared/console/view"
	"passbook/shared/platform"
	"passbook/shared/session"
)

// servePages mounts the pages for browsers: those to sign in, and the console where it is served.
func (p *Process) servePages(serves API) {
	pages := session.New(session.Config{
		Auth: p.auth, Provider: p.provider, Client: p.Config.OIDCClientID != "", Derive: p.derive, Name: p.Persons().Name, Style: view.StyleSheet(), Log: p.Log,
	})
	p.web.Mount(pages.Routes()...)
	if serves.Pages == nil {
		// The type of every refusal leads to a page of the same server.
		kit := view.NewKit(view.Config{Pages: pages, Environment: p.environment(), Version: p.Version, Log: p.Log, Alone: true})
		p.web.Mount(pages.Home(), kit.Static())
		if serves.Reference != nil {
			p.web.Mount(serves.Reference(kit)...)
		}
		return
	}
	inside := client.Inside(p.web.Handler())
	p.Go(UntilCallers, "calls of the console", inside.Run)
	calls := http.RoundTripper(inside)
	if serves.Calls != nil {
		calls = serves.Calls(inside)
	}
	kit := view.NewKit(view.Config{
		Pages: pages, API: client.New(calls), Environment: p.environment(), Version: p.Version, Log: p.Log, Ending: p.web.Draining(), Bases: serves.Bases,
	})
	p.web.Mount(kit.Static(), kit.Updates())
	p.web.Mount(serves.Pages(kit)...)
}

// environment returns which bank this is, for the badge of the pages.
func (p *Process) environment() view.Environment {
	e := view.Environment{Kind: "aws", Where: p.Engine.Place}
	e.Name, e.Production = p.Config.Named()
	switch {
	case p.Config.Store == platform.Embedded:
		e.Kind = "embedded"
	case p.Engine.Emulated:
		e.Kind = "emulator"
	case p.Engine.Account() != "":
		e.Where = p.Engine.Account() + " " + e.Where
	}
	return e
}
