package ops

import (
	"net/http"
	"net/http/pprof"

	"github.com/labstack/echo/v4"

	"passbook/shared/access"
	"passbook/shared/web"
)

// Profiles returns the routes of the profiles of this process, which are no part of the contract.
// They take as long as they are asked to. Mount them beside Routes.
func Profiles() []web.Route {
	route := func(path string, handler http.HandlerFunc) web.Route {
		return web.Route{Method: http.MethodGet, Path: path, Kind: web.Stream, Scopes: access.OpsWrite, Handler: echo.WrapHandler(handler)}
	}
	return []web.Route{
		route("/debug/pprof/", pprof.Index), route("/debug/pprof/{profile}", pprof.Index), route("/debug/pprof/profile", pprof.Profile),
		route("/debug/pprof/symbol", pprof.Symbol), route("/debug/pprof/trace", pprof.Trace),
	}
}
