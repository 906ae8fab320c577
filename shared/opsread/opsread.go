package opsread

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"passbook/shared/access"
	"passbook/shared/bucket"
	"passbook/shared/journal"
	"passbook/shared/table"
	"passbook/shared/web"
)

// Reads has what the routes read. Make it once for a process.
type Reads struct {
	Table   table.Table
	Journal *journal.Reader
	// Stream is the stream of events, with the deployment's prefix, and Lease how long a silent
	// reader keeps its shards.
	Stream string
	Lease  time.Duration
	// Models are all read models of the bank, and Consumers its other consumers that have a
	// quarantine.
	Models, Consumers []string
	// Process describes the process whose settings are shown.
	Process Process
	// LastUsed returns the day on which this process last saw an API key, zero for none; nil is
	// none for all.
	LastUsed func(id string) time.Time

	// Bucket has the archive, whose bank has this id; nil in a process that does not read it.
	Bucket bucket.Bucket
	Bank   string

	plans     plans
	dayTotals dayTotals
}

// Routes returns the routes that every process with consumers serves.
func (r *Reads) Routes() []web.Route {
	return []web.Route{
		read("/v1/ops/quarantine", access.OpsRead, r.quarantine),
		read("/v1/ops/generations", access.OpsRead, r.generations),
		read("/v1/ops/keys", access.OpsRead, r.keys),
		read("/v1/ops/settings", access.OpsRead, wholeBank(access.OpsRead, r.settings)),
	}
}

// ArchiveRoutes returns the routes of the archive, for a process that has the bucket.
func (r *Reads) ArchiveRoutes() []web.Route {
	download := access.OpsRead | access.PIIRead
	return []web.Route{
		read("/v1/ops/archive", access.OpsRead, wholeBank(access.OpsRead, r.archive)),
		read("/v1/ops/archive/segments", access.OpsRead, wholeBank(access.OpsRead, r.segments)),
		read("/v1/ops/archive/totals", access.OpsRead, wholeBank(access.OpsRead, r.totals)),
		read("/v1/ops/archive/download", download, wholeBank(download, r.download)),
	}
}

// read makes the route of a query.
func read(path string, scopes access.Scopes, handler echo.HandlerFunc) web.Route {
	return web.Route{Method: http.MethodGet, Path: path, Scopes: scopes, Handler: handler}
}

// wholeBank refuses an operator of one tenant, to whom the route would show what is of others.
func wholeBank(scopes access.Scopes, next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if !access.From(c.Request().Context()).AllTenants {
			p := web.MissingScope(scopes)
			p.Members = append(p.Members, web.Member{Name: "tenants", Value: "all"})
			return p
		}
		return next(c)
	}
}
