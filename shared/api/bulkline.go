package api

import (
	"maps"
	"slices"

	"passbook/shared/account"
	"passbook/shared/journal"
	"passbook/shared/web"
)

// lineWork is a decoded line. Two services may have the same op: both reverse. Which one is meant
// shows when one of them finds the transaction, so there is a run for each service that can decode
// the line, in order, and the problem of one that cannot.
type lineWork struct {
	op      string // as the line names it
	runs    []lineRun
	problem *web.Problem
	// earlier are the lines of its accounts that were not done when it was read.
	earlier []*slot
}

// lineRun is a line as one operation decodes it.
type lineRun struct {
	call Call
	to   journal.Command
	// reads is the operation's Reads.
	reads bool
	// forwarded is the command in the form that another writer gets; zero without a forwarder.
	forwarded Forwarded
}

// accounts returns the accounts whose lines keep their order.
func (r lineRun) accounts() []string {
	if r.call.Also == "" || r.call.Also == r.call.AccountID {
		return []string{r.call.AccountID}
	}
	return []string{r.call.AccountID, r.call.Also}
}

// decode decodes a line into at least one run, or a problem.
func (b *bulkRequest) decode(text []byte) (work lineWork) {
	f := web.ParseFields(text)
	to := journal.Command{CorrelationID: b.correlationID, DryRun: b.dry}
	op, problem := takeHeader(f, &to.Key)
	work.op = op
	if problem != nil {
		work.problem = problem
		return work
	}
	operations := b.operations[op]
	if len(operations) == 0 {
		return lineWork{op: op, problem: web.InvalidForm("op", account.FieldNotOneOf, account.FormOneOf(b.ops()...))}
	}
	for i, o := range operations {
		if i > 0 {
			f.Parse(text)
			_, _ = takeHeader(f, &to.Key)
		}
		run := lineRun{to: to, reads: o.Reads}
		if run.call, problem = o.decode(f, &run.to, b.principal); problem != nil {
			work.problem = problem
			continue
		}
		if o.forwarder != nil {
			run.forwarded = o.forwarded(f, run.to)
		}
		work.runs = append(work.runs, run)
	}
	return work
}

// ops returns the names of the commands, in alphabetical order.
func (b *bulkRequest) ops() []string { return slices.Sorted(maps.Keys(b.operations)) }

// takeHeader takes the fields of a line that a single request has in its header or path.
func takeHeader(f *web.Fields, key *string) (op string, problem *web.Problem) {
	if problem := f.Invalid(); problem != nil {
		return "", problem
	}
	op, *key = f.Text("op", web.Required), f.Text("idempotency_key", web.Optional)
	problem = f.Invalid()
	switch {
	case problem != nil:
		return op, problem
	case *key == "":
		return op, web.Refuse(KeyMissing)
	case !account.ValidKey(*key):
		return op, web.Refuse(KeyInvalid)
	}
	return op, nil
}

// result renders the result of a line.
func (b *bulkRequest) result(number int, did commandResult) []byte {
	if b.dry != nil {
		did = did.asDryRun(b.correlationID)
	}
	if did.answer != nil {
		return did.answer.line(number)
	}
	receipt, err := did.receipt, did.err
	if err == nil {
		if problem := declined(receipt); problem != nil {
			err = problem
		}
	}
	if err != nil {
		problem := problemOf(err)
		if problem.Code == web.InternalError.Code {
			b.server.config.Web.Logger.Error("a line of bulk failed", "correlation_id", b.correlationID, "line", number, "error", err)
		}
		return refusedLine(number, problem, b.correlationID)
	}
	var j web.JSON
	lineHead(&j, number, receipt.Command.Status, receipt.Replayed)
	j.Name("result")
	appendAnswer(&j, receipt)
	j.End()
	return append(j, '\n')
}

// refuse ends a line from which no command was decoded.
func (s *slot) refuse(problem *web.Problem, correlationID string) {
	s.result = refusedLine(s.number, problem, correlationID)
	s.end()
}

func refusedLine(number int, problem *web.Problem, correlationID string) []byte {
	var j web.JSON
	lineHead(&j, number, problem.Status, problem.Replayed)
	j.Name("problem")
	j = problem.Append(j, correlationID)
	j.End()
	return append(j, '\n')
}

func lineHead(j *web.JSON, number, status int, replayed bool) {
	j.Begin()
	j.Int("line", int64(number))
	j.Int("status", int64(status))
	if replayed {
		j.Bool("replayed", true)
	}
}
