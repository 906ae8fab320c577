package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"passbook/shared/access"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/journal/dryrun"
	"passbook/shared/web"
)

// Forwarder sends a command to the writer that its account belongs to.
type Forwarder interface {
	// Elsewhere reports whether the account belongs to another writer at the moment.
	Elsewhere(a event.Account) bool
	// Forward sends the command to that writer and returns its answer. Unless the outcome is
	// Answered, the caller must decide the command here, with the same key.
	Forward(ctx context.Context, a event.Account, command func() Forwarded) (Answer, Outcome)
}

// Outcome is how forwarding a command ended.
type Outcome int

// The outcomes.
const (
	// Undone means that the account belongs here, or that no other writer did anything with the
	// command.
	Undone Outcome = iota
	// Answered means that the other writer answered.
	Answered
	// Lost means that another writer may have decided the command, or may still decide it.
	Lost
)

// String returns the outcome as a metric's label.
func (o Outcome) String() string { return [...]string{"undone", "answered", "lost"}[o] }

// Forwarded is a decoded command in the form that another writer gets.
type Forwarded struct {
	// Service and Op say which operation it is.
	Service string `json:"service"`
	Op      string `json:"op"`
	// Tenant is whose account it is about, and Principal who commands, as the sender checked.
	Tenant        string     `json:"tenant"`
	Principal     event.Text `json:"principal"`
	Key           string     `json:"key,omitempty"`
	IfMatch       int64      `json:"if_match,omitempty"`
	CorrelationID string     `json:"correlation_id"`
	// Request is the command's hash, which both sides must compute alike. Of a dry run it begins
	// with hashOfDryRun, so that a program that does not know dry runs does not execute it.
	Request string `json:"request"`
	// DryRun says that the command is only to be decided.
	DryRun bool `json:"dry_run,omitempty"`
	// Body is the command: the canonical fields, and the account.
	Body []byte `json:"-"`
}

// Answer is the answer to a command, as its caller gets it.
type Answer struct {
	Status     int    `json:"status"`
	Version    int64  `json:"version,omitempty"`
	Replayed   bool   `json:"replayed,omitempty"`
	Opened     string `json:"opened,omitempty"` // the account that the command opened
	RetryAfter int    `json:"retry_after,omitempty"`
	// Problem is the code of a refusal, whose document Body is.
	Problem string `json:"problem,omitempty"`
	Body    []byte `json:"-"`
}

// forwarded returns the command as it is sent to another writer. It shares no memory with f.
func (o Operation) forwarded(f *web.Fields, to journal.Command) Forwarded {
	request := to.Request
	if to.DryRun != nil {
		request = hashOfDryRun + request
	}
	return Forwarded{
		Service: o.Service, Op: o.Op, Tenant: to.Account.Tenant, Principal: to.Actor, Key: to.Key, IfMatch: to.IfMatch, CorrelationID: to.CorrelationID, Request: request,
		DryRun: to.DryRun != nil, Body: f.Whole(),
	}
}

// hashOfDryRun begins the hash of a forwarded dry run.
const hashOfDryRun = "dry run of "

// commandResult is how a command ended: another writer's answer, or the receipt or error from here.
type commandResult struct {
	answer  *Answer
	receipt journal.Receipt
	err     error
}

// code returns the code of a refusal, by this writer or another; empty if there is none.
func (c commandResult) code() string {
	if c.answer != nil {
		return c.answer.Problem
	}
	if p, ok := web.AsProblem(c.err); ok {
		return p.Code
	}
	return ""
}

// status returns the status of an answer or an error, 0 where there is neither.
func (c commandResult) status() int {
	if c.answer != nil {
		return c.answer.Status
	}
	if c.err != nil {
		return problemOf(c.err).Status
	}
	return 0
}

// executeAtOwner executes a command: by the writer that the account belongs to, or here if that is
// this writer or it does not answer. If the other writer may have decided the command too, only a
// stored result is an answer: a refusal from here may be overtaken by it.
func executeAtOwner(ctx context.Context, by Forwarder, to journal.Command, command func() Forwarded, here func() (journal.Receipt, error)) (c commandResult) {
	outcome := Undone
	if by != nil {
		var answer Answer
		if answer, outcome = by.Forward(ctx, to.Account, command); outcome == Answered {
			return commandResult{answer: &answer}
		}
	}
	c.receipt, c.err = here()
	if outcome == Lost && to.DryRun == nil && (c.err != nil || c.receipt.Entry == nil) {
		c.err = fmt.Errorf("decided here, after another writer may have decided it, with the result %v: %w", c.err, journal.ErrOutcomeUnknown)
	}
	return c
}

// Command executes a command that the service itself sends: by the writer that the account belongs
// to, or here.
func (o Operation) Command(ctx context.Context, by Forwarder, a event.Account, correlationID string) error {
	f := &web.Fields{}
	f.Parse(nil)
	f.AddParam("account_id", a.ID)
	to := journal.Command{CorrelationID: correlationID}
	call, problem := o.decode(f, &to, &access.Principal{Actor: "service:" + o.Service, Tenant: a.Tenant, Scopes: access.All})
	if problem != nil {
		return problem
	}
	did := executeAtOwner(ctx, by, to,
		func() Forwarded { return o.forwarded(f, to) },
		func() (journal.Receipt, error) { return call.execute(ctx, to) })
	if did.err == nil && did.code() != "" {
		return web.Refuse(problemType(did.code()))
	}
	return did.err
}

// reply sends another writer's answer.
func (a *Answer) reply(c echo.Context) {
	header := c.Response().Header()
	if a.Version > 0 {
		web.SetVersion(c, a.Version)
	}
	if a.Replayed {
		header.Set(web.HeaderReplayed, "true")
	}
	if a.Opened != "" {
		header.Set("Location", "/v1/accounts/"+a.Opened)
	}
	if a.RetryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(a.RetryAfter))
	}
	if a.Problem != "" {
		web.ReplyProblem(c, a.Status, a.Body)
	} else {
		web.Reply(c, a.Status, a.Body)
	}
}

// member returns the name of the member that has the body where it is a part of another.
func (a *Answer) member() string {
	if a.Problem != "" {
		return "problem"
	}
	return "result"
}

// Receiver decides the commands that other writers forward. It never forwards them again.
type Receiver struct{ operations map[string]Operation }

// NewReceiver makes a receiver of the operations of any services.
func NewReceiver(operations ...Operation) *Receiver {
	d := &Receiver{operations: make(map[string]Operation, len(operations))}
	for _, o := range operations {
		d.operations[o.Service+" "+o.Op] = o
	}
	return d
}

// ErrUnknownCommand means that this program does not know a forwarded command, or decodes it
// differently from its sender. Nothing was done.
var ErrUnknownCommand = errors.New("api: a forwarded command of another program version")

// Answer decides a command.
func (d *Receiver) Answer(ctx context.Context, in Forwarded) (Answer, error) {
	o, ok := d.operations[in.Service+" "+in.Op]
	if !ok {
		return Answer{}, fmt.Errorf("%w: %s %s", ErrUnknownCommand, in.Service, in.Op)
	}
	f := web.ParseFields(in.Body)
	to := journal.Command{Key: in.Key, IfMatch: in.IfMatch, CorrelationID: in.CorrelationID}
	call, problem := o.decode(f, &to, &access.Principal{Actor: in.Principal.Plain, Tenant: in.Tenant, Scopes: access.All})
	wanted := to.Request
	if in.DryRun {
		to.DryRun, wanted = &dryrun.Run{}, hashOfDryRun+wanted
	}
	if problem != nil || wanted != in.Request {
		return Answer{}, fmt.Errorf("%w: %s %s: it decodes differently here", ErrUnknownCommand, in.Service, in.Op)
	}
	to.Actor = in.Principal
	receipt, err := call.execute(ctx, to)
	did := commandResult{receipt: receipt, err: err}
	// with another clock than this one the sender may decide otherwise
	if in.DryRun && !errors.Is(err, journal.ErrClockSkew) {
		did = did.asDryRun(in.CorrelationID)
	}
	if did.answer != nil {
		return *did.answer, nil
	}
	if err == nil && receipt.Entry == nil { // an internal command with nothing to do
		return Answer{Status: http.StatusNoContent, Version: receipt.Version}, nil
	}
	return answerOf(receipt, err, in.CorrelationID), nil
}

// answerOf renders how a command ended.
func answerOf(receipt journal.Receipt, err error, correlationID string) Answer {
	if err == nil {
		if problem := declined(receipt); problem != nil {
			err = problem
		}
	}
	if err != nil {
		problem := problemOf(err)
		return Answer{
			Status: problem.Status, Version: problem.AccountVersion, Replayed: problem.Replayed, RetryAfter: problem.RetryAfter,
			Problem: problem.Code, Body: problem.Append(nil, correlationID),
		}
	}
	a := Answer{Status: receipt.Command.Status, Version: receipt.Command.Last, Replayed: receipt.Replayed}
	if receipt.Command.First == 1 {
		a.Opened = receipt.Account.ID
	}
	var j web.JSON
	appendAnswer(&j, receipt)
	a.Body = j
	return a
}
