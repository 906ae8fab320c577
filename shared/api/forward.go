package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/web"
)

// Forwarder takes a command to the writer that its account belongs to.
type Forwarder interface {
	// Elsewhere says whether the account belongs to another writer now.
	Elsewhere(a event.Account) bool
	// Forward has that writer answer. Where it does not, the command is to be decided here, with
	// the same key.
	Forward(ctx context.Context, a event.Account, command func() Forwarded) (Answer, Outcome)
}

// Outcome is what came of forwarding a command.
type Outcome int

// The outcomes.
const (
	// Undone: it belongs here, or nobody else did anything with it.
	Undone Outcome = iota
	// Answered: the answer is the other writer's.
	Answered
	// Lost: another writer may have decided it, or may be about to.
	Lost
)

// String is the outcome as a metric's label.
func (o Outcome) String() string { return [...]string{"undone", "answered", "lost"}[o] }

// Forwarded is a decoded command on its way to another writer.
type Forwarded struct {
	// Service and Op say which operation it is.
	Service string `json:"service"`
	Op      string `json:"op"`
	// Principal is who commands.
	Principal     event.Text `json:"principal"`
	Key           string     `json:"key,omitempty"`
	IfMatch       int64      `json:"if_match,omitempty"`
	CorrelationID string     `json:"correlation_id"`
	// Request is the command's hash, which both sides must come to.
	Request string `json:"request"`
	// Body is the command: the canonical fields, and the account.
	Body []byte `json:"-"`
}

// Answer is what a command was answered, as its caller gets it.
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

// forwarded is the command as it is sent to another writer. It shares nothing with f.
func (o Operation) forwarded(f *web.Fields, to journal.Command) Forwarded {
	return Forwarded{
		Service: o.Actor, Op: o.Op, Principal: to.Actor, Key: to.Key, IfMatch: to.IfMatch, CorrelationID: to.CorrelationID, Request: to.Request,
		Body: f.Whole(),
	}
}

// carried is what a command came to: another writer's answer, or what it came to here.
type carried struct {
	answer  *Answer
	receipt journal.Receipt
	err     error
}

// code is that of a refusal, here or elsewhere; empty for none.
func (c carried) code() string {
	if c.answer != nil {
		return c.answer.Problem
	}
	if p, ok := web.AsProblem(c.err); ok {
		return p.Code
	}
	return ""
}

// anywhere has the writer that the account belongs to answer, if that is another. Where it gives no
// answer the command is carried out here; and if it may have been decided there too, only what is
// stored is an answer, since a refusal here may be overtaken by it.
func anywhere(ctx context.Context, by Forwarder, to journal.Command, command func() Forwarded, here func() (journal.Receipt, error)) (c carried) {
	outcome := Undone
	if by != nil {
		var answer Answer
		if answer, outcome = by.Forward(ctx, to.Account, command); outcome == Answered {
			return carried{answer: &answer}
		}
	}
	c.receipt, c.err = here()
	if outcome == Lost && (c.err != nil || c.receipt.Entry == nil) {
		c.err = fmt.Errorf("decided here after it was lost on the way to another writer, with %v: %w", c.err, journal.ErrOutcomeUnknown)
	}
	return c
}

// Command carries out a command that no request brought: by the writer that the account belongs to,
// or here.
func (o Operation) Command(ctx context.Context, by Forwarder, accountID, correlationID string) error {
	f := &web.Fields{}
	f.Parse(nil)
	f.Give("account_id", accountID)
	to := journal.Command{CorrelationID: correlationID}
	call, problem := o.decode(f, &to)
	if problem != nil {
		return problem
	}
	did := anywhere(ctx, by, to,
		func() Forwarded { return o.forwarded(f, to) },
		func() (journal.Receipt, error) { return call.carryOut(ctx, to) })
	if did.err == nil && did.code() != "" {
		return web.Refuse(problemType(did.code()))
	}
	return did.err
}

// reply writes another writer's answer.
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

// line is the answer as a line of bulk.
func (a *Answer) line(number int) []byte {
	var j web.JSON
	lineHead(&j, number, a.Status, a.Replayed)
	if a.Problem != "" {
		j.Name("problem")
	} else {
		j.Name("result")
	}
	j = append(j, a.Body...)
	j.End()
	return append(j, '\n')
}

// Desk decides what other writers forward. It decides all of it here, whoever the account belongs
// to.
type Desk struct{ operations map[string]Operation }

// NewDesk makes a desk for operations, of any services.
func NewDesk(operations ...Operation) *Desk {
	d := &Desk{operations: make(map[string]Operation, len(operations))}
	for _, o := range operations {
		d.operations[o.Actor+" "+o.Op] = o
	}
	return d
}

// ErrForeign is a forwarded command that this program does not know, or understands otherwise than
// its sender. Nothing was done.
var ErrForeign = errors.New("api: a forwarded command of another version")

// Answer decides a command.
func (d *Desk) Answer(ctx context.Context, in Forwarded) (Answer, error) {
	o, ok := d.operations[in.Service+" "+in.Op]
	if !ok {
		return Answer{}, fmt.Errorf("%w: %s %s", ErrForeign, in.Service, in.Op)
	}
	f := web.ParseFields(in.Body)
	to := journal.Command{Key: in.Key, IfMatch: in.IfMatch, CorrelationID: in.CorrelationID}
	call, problem := o.decode(f, &to)
	if problem != nil || to.Request != in.Request {
		return Answer{}, fmt.Errorf("%w: %s %s: the command reads differently here", ErrForeign, in.Service, in.Op)
	}
	to.Actor = in.Principal
	receipt, err := call.carryOut(ctx, to)
	if err == nil && receipt.Entry == nil { // an internal command with nothing to do
		return Answer{Status: http.StatusNoContent, Version: receipt.Version}, nil
	}
	return answerOf(receipt, err, in.CorrelationID), nil
}

// answerOf renders what a command came to.
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
