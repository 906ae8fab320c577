package api

import (
	"passbook/shared/account"
	"passbook/shared/journal"
	"passbook/shared/web"
)

// lineWork is a decoded line. Two services may take the same op, as both reverse: what the line
// means is open until one of them knows its transaction, so there is a run for each that can decode
// it, in order, and the problem of one that cannot.
type lineWork struct {
	runs    []lineRun
	problem *web.Problem
	// earlier are the lines of its accounts that were not done when it came.
	earlier []*slot
}

// lineRun is a line as one operation understands it.
type lineRun struct {
	call Call
	to   journal.Command
	// reads is that of the operation.
	reads bool
	// forwarded is the line on its way to another writer; there is none without a forwarder.
	forwarded Forwarded
}

// accounts are those whose lines keep their order.
func (r lineRun) accounts() []string {
	if r.call.Also == "" || r.call.Also == r.call.AccountID {
		return []string{r.call.AccountID}
	}
	return []string{r.call.AccountID, r.call.Also}
}

// decode makes commands of a line: at least one run, or a problem.
func (b *bulkRequest) decode(text []byte) (work lineWork) {
	f := web.ParseFields(text)
	to := journal.Command{CorrelationID: b.correlationID}
	op, problem := takeHeader(f, &to.Key)
	if problem != nil {
		return lineWork{problem: problem}
	}
	operations := b.operations[op]
	if len(operations) == 0 {
		return lineWork{problem: web.Invalid("op", account.FieldNotOneOf)}
	}
	for i, o := range operations {
		if i > 0 {
			f.Parse(text)
			_, _ = takeHeader(f, &to.Key)
		}
		run := lineRun{to: to, reads: o.Reads}
		if run.call, problem = o.decode(f, &run.to); problem != nil {
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

// takeHeader takes the fields of a line that are a header or the path of a single request.
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

// result renders a line's result.
func (b *bulkRequest) result(number int, did carried) []byte {
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
			b.server.config.Web.Logger.Error("bulk line failed", "correlation_id", b.correlationID, "line", number, "error", err)
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

// refuse ends a line that came to no command.
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
