package serve

import (
	"context"
	"slices"
	"strings"

	"passbook/archiver"
	"passbook/balance"
	"passbook/cmd/internal/jobs"
	"passbook/creditlimit"
	"passbook/shared/journal"
	"passbook/shared/platform"
	"passbook/shared/table"
)

// Service is what a process is: its name, its defaults, what it stands on and what it is fitted
// with.
type Service struct {
	// Name is the program's.
	Name string
	// About is its help in one sentence.
	About string
	// defaults are settings as variables, which the environment overrides.
	defaults  []string
	resources platform.Resources
	fittings  []fitting
}

// fitting adds a part to a process. The order of fittings counts: a part may stand on those before
// it.
type fitting func(ctx context.Context, p *Process) error

// tables joins schemas.
func tables(schemas ...[]table.Schema) []table.Schema { return slices.Concat(schemas...) }

// writing are resources of which the process puts rows into the tables.
func writing(r platform.Resources, tables ...string) platform.Resources {
	r.Writes = tables
	return r
}

// listen is where the service listens unless it is told otherwise.
func (s Service) listen() string {
	for _, setting := range s.defaults {
		if address, ok := strings.CutPrefix(setting, "PASSBOOK_LISTEN="); ok {
			return address
		}
	}
	return "127.0.0.1:8080"
}

// alone are the defaults of a service that is a process of its own.
func alone(listen string) []string {
	return []string{"PASSBOOK_LISTEN=" + listen, "PASSBOOK_STORE=" + platform.AWS, "PASSBOOK_DRAIN_DELAY=5s"}
}

var (
	balanceTables = []table.Schema{balance.Schema}
	limitTables   = []table.Schema{creditlimit.Schema}
	eventStream   = []string{jobs.EventStream}
)

// The services. Each sees only the tables and streams that it has rights to in
// deploy/template.yaml.
var (
	// Withdraw takes money out, and writes down what expires.
	Withdraw = Service{
		Name: "withdraw", About: "Commands that take money out: withdrawals, holds, transfers.", defaults: alone("127.0.0.1:8081"),
		resources: platform.Resources{Tables: tables(journal.Schemas, balanceTables), Writes: []string{journal.Table}, Streams: eventStream},
		fittings:  []fitting{writers, withdrawals},
	}
	// Credit takes money in and makes the bank's own decisions.
	Credit = Service{
		Name: "credit", About: "Commands that bring money in, and the bank's decisions on accounts.", defaults: alone("127.0.0.1:8082"),
		resources: platform.Resources{Tables: journal.Schemas, Writes: []string{journal.Table}, Streams: eventStream},
		fittings:  []fitting{writers, credits},
	}
	// Balance projects and answers what accounts stand at.
	Balance = Service{
		Name: "balance", About: "What accounts stand at: projected from the stream, now and then.", defaults: alone("127.0.0.1:8083"),
		resources: platform.Resources{Tables: tables(journal.Schemas, balanceTables), Writes: []string{balance.Table}, Streams: eventStream},
		fittings:  []fitting{readers, balances},
	}
	// CreditLimit projects and answers the use of the lines of credit.
	CreditLimit = Service{
		Name: "creditlimit", About: "The use of lines of credit: projected from the stream.", defaults: alone("127.0.0.1:8084"),
		resources: platform.Resources{
			Tables: tables(journal.Schemas, limitTables), Writes: []string{creditlimit.Table}, Streams: []string{jobs.EventStream, jobs.NotificationStream},
		},
		fittings: []fitting{readers, limits},
	}
	// Archiver persists the stream.
	Archiver = Service{
		Name: archiver.Name, About: "The stream, persisted as Parquet segments.", defaults: alone("127.0.0.1:8085"),
		resources: platform.Resources{Tables: journal.Schemas, Streams: eventStream, Archive: true},
		fittings:  []fitting{readers, segments},
	}
	// Bank is all of them, and the jobs.
	Bank = Service{
		Name: "bank", About: "A bank's account pipeline in one process.", resources: writing(jobs.Resources(), journal.Table, balance.Table, creditlimit.Table),
		fittings: []fitting{writers, withdrawals, credits, readers, balances, limits, segments, operations},
	}
)
