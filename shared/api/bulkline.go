package api

import (
	"maps"
	"slices"
	"time"

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
	// places and ends are closed when the lines before it on its accounts have their places, and
	// when they have ended.
	places, ends []<-chan struct{}
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

// plain reports whether the journal's decision is all that the line needs.
func (w *lineWork) plain() bool {
	run := &w.runs[0]
	return len(w.runs) == 1 && w.problem == nil && !run.reads && run.call.Decide != nil && run.to.DryRun == nil
}

// decode decodes a line into at least one run, or a problem. The runs are good until the next call.
func (b *bulkRequest) decode(text []byte) (work lineWork) {
	f := &b.fields
	f.Parse(text)
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
	work.runs = b.runs[:0]
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
	b.runs = work.runs
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

// outcome returns how a line ended. It counts a line that was submitted; any other was counted
// before.
func (b *bulkRequest) outcome(s *slot) commandResult {
	if !s.submitted {
		return s.did
	}
	did := commandResult{err: s.did.err}
	if !s.givenUp {
		did.receipt, did.err = s.Receipt, s.Err
		s.Receipt = journal.Receipt{} // the journal may keep the batch for a while
	}
	s.Command.Cause.Caused(did.receipt.Entry, did.receipt.Replayed)
	did.receipt, did.err = s.call.concluded(&s.Command, did.receipt, did.err)
	code := b.code(did)
	b.countsOf(s.op).count(time.Duration(s.took.Load()), code, did.err)
	s.span.EndCommand(code, did.status())
	return did
}

// appendResult renders the result of a line.
func (b *bulkRequest) appendResult(j *web.JSON, number int, did commandResult) {
	if b.dry != nil {
		did = did.asDryRun(b.correlationID)
	}
	receipt, err := did.receipt, did.err
	if did.answer == nil && err == nil {
		if problem := declined(receipt); problem != nil {
			err = problem
		}
	}
	switch {
	case did.answer != nil:
		lineHead(j, number, did.answer.Status, did.answer.Replayed)
		j.Raw(did.answer.member(), did.answer.Body)
	case err != nil:
		problem := problemOf(err)
		if problem.Code == web.InternalError.Code {
			b.server.config.Web.Logger.Error("a line of bulk failed", "correlation_id", b.correlationID, "line", number, "error", err)
		}
		lineHead(j, number, problem.Status, problem.Replayed)
		j.Name("problem")
		*j = problem.Append(*j, b.correlationID)
	default:
		lineHead(j, number, receipt.Command.Status, receipt.Replayed)
		j.Name("result")
		appendAnswer(j, receipt)
	}
	j.End()
	*j = append(*j, '\n')
}

func lineHead(j *web.JSON, number, status int, replayed bool) {
	j.Begin()
	j.Int("line", int64(number))
	j.Int("status", int64(status))
	if replayed {
		j.Bool("replayed", true)
	}
}
