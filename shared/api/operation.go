package api

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"passbook/shared/access"
	"passbook/shared/account"
	"passbook/shared/admission"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/journal/dryrun"
	"passbook/shared/telemetry"
	"passbook/shared/telemetry/trace"
	"passbook/shared/web"
)

// Operation is one command of a service, in all the ways it may arrive: by its route, by the short
// form, or as a line of bulk.
type Operation struct {
	// Op is its name in bulk, and in the hash by which a repeated key's command is compared.
	Op string
	// Service is the service that the command belongs to.
	Service string
	// Scopes are what its sender needs, besides those that the command itself needs.
	Scopes access.Scopes
	// Status is the status of success: 201, or 200.
	Status int
	// Routes are "METHOD /path", as in the contract. A parameter in braces is a field of the
	// command.
	Routes []string
	// Decode takes the command's fields. The Call runs only when nothing is wrong with them.
	Decode func(f *web.Fields) Call
	// Reads says that the command reads the account's history before it is handed to the journal.
	// In bulk it therefore begins when all lines before one of its account's are done, and that one
	// too, not when they are queued.
	Reads bool

	forwarder Forwarder // nil where every command is decided here
	counts    *commandCounts
}

// Call is a decoded command.
type Call struct {
	// AccountID is the account that the command and its key belong to.
	AccountID string
	// Also is a second account that the command changes, or empty; bulk keeps the order of both.
	Also string
	// Needs are the scopes that the command needs besides its operation's, for what is in it.
	Needs access.Scopes
	// Decide are the rules of a command that needs nothing but its account's state, and Journal
	// executes it.
	Decide  func(account.State, time.Time) account.Decision
	Journal Executor
	// Run executes any other command; to has everything but the rules.
	Run func(ctx context.Context, to journal.Command) (journal.Receipt, error)
}

// Reading returns the operation with Reads set.
func (o Operation) Reading() Operation {
	o.Reads = true
	return o
}

// Operations mounts the routes of the operations, and bulk for all of them.
func (s *Server) Operations(operations ...Operation) {
	metrics := newCommandMetrics(s.config.Web.Registry)
	for i := range operations {
		o := &operations[i]
		o.forwarder, o.counts = s.config.Forwarder, metrics.of(o.Op)
		for _, route := range o.Routes {
			method, path, ok := strings.Cut(route, " ")
			if !ok {
				panic("api: not a route: " + route)
			}
			s.Mount(web.Route{Method: method, Path: path, Kind: web.Write, Scopes: o.Scopes, Handler: func(c echo.Context) error { return o.counted(c, s.Commands()) }})
		}
	}
	s.Mount(web.Route{Method: http.MethodPost, Path: bulkPath, Kind: web.Stream, AnyOf: access.Commands, Handler: s.bulk(operations, metrics.of(opUnknown))})
}

// exchange is the memory of one command, reused for others.
type exchange struct {
	in     []byte
	out    web.JSON
	fields web.Fields
}

// keptBytes is the largest buffer that is reused: the memory of a rare large body is freed.
const keptBytes = 8 << 10

var exchanges = sync.Pool{New: func() any { return &exchange{in: make([]byte, 0, 1<<10), out: make(web.JSON, 0, 1<<10)} }}

func (x *exchange) free() {
	if cap(x.in) <= keptBytes && cap(x.out) <= keptBytes {
		exchanges.Put(x)
	}
}

// counted serves a command and counts it.
func (o Operation) counted(c echo.Context, gate *admission.Gate) error {
	begun := time.Now()
	code, err := o.serve(c, gate)
	o.counts.count(time.Since(begun), code, err)
	return err
}

// serve executes a command that came as one request. It enters the gate once its body has been
// read. It returns the error to answer, or the code of what was answered, empty for a command that
// was accepted.
func (o Operation) serve(c echo.Context, gate *admission.Gate) (code string, err error) {
	r := c.Request()
	to := journal.Command{CorrelationID: telemetry.Correlation(r.Context())}
	dry, err := asksDryRun(c)
	if err != nil {
		return "", err
	}
	if dry {
		code = codeDryRun
		to.DryRun = &dryrun.Run{}
	}
	var problem *web.Problem
	if to.Key, problem = idempotencyKey(r.Header); problem != nil {
		return code, problem
	}
	if to.IfMatch, problem = ifMatch(r.Header); problem != nil {
		return code, problem
	}
	x := exchanges.Get().(*exchange)
	defer x.free()
	body, problem := web.ReadBody(x.in, r)
	if problem != nil {
		return code, problem
	}
	x.in = body
	x.fields.Parse(body)
	for i, name := range c.ParamNames() {
		x.fields.AddParam(name, c.ParamValues()[i])
	}
	var did commandResult
	if err = gate.Through(web.CallerOf(r.Context()), func() error {
		call, problem := o.decode(&x.fields, &to, access.From(r.Context()))
		if problem != nil {
			return problem
		}
		did = executeAtOwner(r.Context(), o.forwarder, to,
			func() Forwarded { return o.forwarded(&x.fields, to) },
			func() (journal.Receipt, error) { return call.execute(r.Context(), to) })
		if dry {
			did = did.asDryRun(to.CorrelationID)
		}
		return did.err
	}); err != nil {
		return code, err
	}
	if did.answer != nil {
		did.answer.reply(c)
		return cmp.Or(code, did.answer.Problem), nil
	}
	return code, x.reply(c, did.receipt)
}

// reply sends the answer to a command that was decided here.
func (x *exchange) reply(c echo.Context, receipt journal.Receipt) error {
	if problem := declined(receipt); problem != nil {
		return problem
	}
	web.SetVersion(c, receipt.Command.Last)
	header := c.Response().Header()
	if receipt.Replayed {
		header.Set(web.HeaderReplayed, "true")
	}
	if receipt.Command.First == 1 {
		header.Set("Location", "/v1/accounts/"+receipt.Account.ID)
	}
	x.out = x.out[:0]
	appendAnswer(&x.out, receipt)
	web.Reply(c, receipt.Command.Status, x.out)
	return nil
}

// decode makes a principal's command of fields, or returns what is wrong with them, or which scopes
// the principal lacks for it. It comes before the key's stored answer is looked for.
func (o Operation) decode(f *web.Fields, to *journal.Command, by *access.Principal) (Call, *web.Problem) {
	f.Key, f.Tenant = to.Key, by.Tenant
	call := o.Decode(f)
	if problem := f.Problem(); problem != nil {
		return call, problem
	}
	needs := o.Scopes | call.Needs
	if to.DryRun != nil {
		needs |= access.AccountsRead // it shows the account's balance and leaves no entry
	}
	if !by.Scopes.Has(needs) {
		return call, web.MissingScope(needs)
	}
	to.Account = event.Account{Tenant: by.Tenant, ID: call.AccountID}
	to.Request = journal.RequestHash(o.Op, call.AccountID, f.Canonical())
	to.Actor, to.Status = event.Text{Plain: by.Actor}, o.Status
	return call, nil
}

// execute executes a command here. A refusal by the rules is a *web.Problem; a decline is a
// receipt.
func (call Call) execute(ctx context.Context, to journal.Command) (receipt journal.Receipt, err error) {
	to.Cause = trace.From(ctx)
	if to.Decide = call.Decide; to.Decide != nil {
		receipt, err = call.Journal.Execute(ctx, to)
	} else {
		receipt, err = call.Run(ctx, to)
	}
	to.Cause.Caused(receipt.Entry, receipt.Replayed)
	return call.concluded(&to, receipt, err)
}

// concluded returns what execute does of a command that the journal has executed.
func (call Call) concluded(to *journal.Command, receipt journal.Receipt, err error) (journal.Receipt, error) {
	if err != nil {
		if to.DryRun == nil {
			err = outcome(err)
		}
		return receipt, fmt.Errorf("command on %s: %w", to.Account.ID, err)
	}
	if receipt.Rejection != nil {
		return receipt, refusal(receipt, call.AccountID)
	}
	return receipt, nil
}
