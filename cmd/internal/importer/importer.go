package importer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"passbook/cmd/internal/cli"
	"passbook/shared/client"
	"passbook/shared/money"
	"passbook/shared/progress"
)

// queued is the most lines that were taken for sending and have no result; the client takes fewer.
const queued = 8192

// Import is the import of one file.
type Import struct {
	command *Command
	client  *client.Client
	source  *source
	name    string
	// before are the keys of lines that were booked by an import of this name.
	before map[string]bool
	out    *cli.Rows[Outcome]
	notes  io.Writer
	// progress counts the lines of a phase.
	progress *progress.Tracker

	// telling guards out, told, which counts the outcomes, and counts.
	telling sync.Mutex
	told    int

	counts struct{ booked, before, nothing, refused, undecided, refusedBefore, differ int }
}

// Outcome is what became of a line.
type Outcome struct {
	Line          int    `json:"line"`
	Outcome       string `json:"outcome"`
	Account       string `json:"account_id"`
	Op            string `json:"op"`
	Version       int64  `json:"version,omitempty"`
	TransactionID string `json:"transaction_id,omitempty"`
	Posted        int64  `json:"posted,omitempty"`
	Currency      string `json:"currency,omitempty"`
	Field         string `json:"field,omitempty"`
	Fault         string `json:"fault,omitempty"`
	Remedy        string `json:"remedy,omitempty"`
}

// The outcomes of lines.
const (
	booked  = "booked"
	earlier = "booked-before"
	refused = "refused"
	// unknown is a line that the bank could not decide now, or whose outcome it does not know.
	unknown = "unknown"
	// nothing is a line that books nothing: an opening balance of 0.
	nothing = "nothing-to-book"
	// differs is a line that was booked, after which the balance is another one than the file's.
	differs = "balance-differs"
)

// correlationID returns the id by which the events of an import are found.
func correlationID(name string) string {
	sum := sha256.Sum256([]byte(name))
	return keyPrefix + hex.EncodeToString(sum[:8])
}

// findBefore reads which lines were booked by imports of this name. The bank keeps the keys of
// commands for a day, and the events forever.
func (i *Import) findBefore(ctx context.Context) error {
	i.before = map[string]bool{}
	for e, err := range i.client.AllEvents(ctx, client.AllEventQuery{CorrelationID: correlationID(i.name)}) {
		if client.HasCode(err, client.CodeScopeMissing) {
			return cli.Fail(cli.ExitFailed, errors.New("the key may not read events, by which lines are found that were booked before, and nothing was booked"), "use a key with the scope feed:read beside those of the operations")
		}
		if err != nil {
			return fmt.Errorf("find what was imported before: %w", err)
		}
		if key, _, _ := strings.Cut(e.CausationID, attemptSign); strings.HasPrefix(key, keyPrefix) {
			i.before[key] = true
		}
	}
	return nil
}

// send sends the commands of records in one stream, and hands each record over with its result.
// What the records end with is returned.
func (i *Import) send(ctx context.Context, records iter.Seq2[record, error], each func(record, client.BulkResult) error, options ...client.Option) error {
	sent := make(chan record, queued)
	var failed error
	var done sync.WaitGroup
	done.Add(1)
	commands := func(yield func(client.BulkCommand) bool) {
		defer done.Done()
		for r, err := range records {
			if err != nil {
				failed = err
				return
			}
			sent <- r
			if !yield(r.command) {
				return
			}
		}
	}
	for result, err := range i.client.Bulk(ctx, commands, options...) {
		if err != nil {
			return err
		}
		if err := each(<-sent, result); err != nil {
			return err
		}
	}
	done.Wait()
	return failed
}

// rehearse has the bank decide the lines without booking them, and adds what it would refuse to the
// faults.
func (i *Import) rehearse(ctx context.Context, p *plan) error {
	i.progress.Begin("rehearse", "lines", int64(p.lines))
	for batch := range p.count {
		records := func(yield func(record, error) bool) {
			for r, err := range i.records(ctx, func(record, []Fault) {}) {
				if err == nil && (p.batches[r.account] != batch || r.nothing || i.before[r.command.Key]) {
					continue
				}
				if !yield(r, err) {
					return
				}
			}
		}
		err := i.send(ctx, records, func(r record, result client.BulkResult) error {
			i.progress.Add(1)
			return i.decided(r, result, p)
		}, client.DryRun())
		if err != nil {
			return later(fmt.Errorf("the rehearsal ended: %w", err), "import the file again: nothing was booked")
		}
	}
	return nil
}

// decided takes the result of a rehearsed line.
func (i *Import) decided(r record, result client.BulkResult, p *plan) error {
	problem, posted, used := result.Problem, int64(0), false
	if result.Result != nil {
		rehearsal := result.Result.Rehearsed
		used = rehearsal.KeyUsed
		if posted = rehearsal.Result.Balance.Posted; rehearsal.WouldBeStatus >= 300 {
			problem = &client.Problem{ProblemDocument: rehearsal.ProblemDocument, Code: client.Code(strings.TrimPrefix(rehearsal.ProblemDocument.Type, "/problems/"))}
		}
	}
	switch {
	case problem != nil && problem.Code == client.CodeDryRunTooLarge:
		i.counts.undecided++
	case problem != nil && used:
		i.counts.refusedBefore++
	case problem != nil && passing(problem):
		return fmt.Errorf("line %d: %w", r.line, problem)
	case problem != nil:
		found := faultsOf(r.line, problem)
		if len(problem.Errors) == 0 {
			found = because(p, r, found)
		}
		p.faults.add(r.account, found...)
	// as before, it follows from a fault that is reported already
	case r.balance != nil && posted-*r.balance != p.drift[r.account]:
		p.drift[r.account] = posted - *r.balance
		if posted != *r.balance {
			p.faults.add(r.account, because(p, r, []Fault{balanceFault(r, posted)})...)
		}
	}
	return nil
}

// passing reports whether a refusal is none of the line's: the bank could not decide it now, or its
// outcome is unknown.
func passing(p *client.Problem) bool {
	return p.Retryable || p.Status >= http.StatusInternalServerError
}

// later gives an error the code that says that trying again helps, unless it has one.
func later(err error, advice string) error {
	var made *cli.Failure
	if errors.As(err, &made) {
		return err
	}
	return cli.Fail(cli.ExitBehind, err, advice)
}

// because adds to faults that an earlier line of the account has one, from which they may follow.
func because(p *plan, r record, found []Fault) []Fault {
	if first, ok := p.faults.first[r.account]; ok && first < r.line {
		for n := range found {
			found[n].Remedy = fmt.Sprintf("correct line %d of this account first; then: %s", first, found[n].Remedy)
		}
	}
	return found
}

// balanceFault returns the fault of a line after which the balance is not the file's.
func balanceFault(r record, posted int64) Fault {
	return Fault{
		r.line, "balance",
		fmt.Sprintf("after this line the bank has %s, the file %s", money.Format(posted, r.currency), money.Format(*r.balance, r.currency)),
		"look for a line that is missing or wrong before this one, or add the account's opening balance with op opening",
	}
}

// faultsOf returns what a problem says of a line: each of its fields, or the whole.
func faultsOf(line int, p *client.Problem) (found []Fault) {
	for _, e := range p.Errors {
		detail := e.Detail
		if expected, ok := strings.CutPrefix(detail, "Expected: "); ok {
			detail = "write " + expected
		}
		if e.Pointer == "/effective_at" && e.Code == "out-of-range" {
			detail = strings.TrimSuffix(detail, ".") + "; or book this file without value dates: --map effective_at="
		}
		found = append(found, Fault{line, column(e.Pointer), "the bank refuses it: " + e.Code, detail})
	}
	if len(found) > 0 {
		return found
	}
	return []Fault{{line, "", fmt.Sprintf("%s: %s", p.Title, p.Detail), remedyOf(p)}}
}

// column returns the column of a field of a command.
func column(pointer string) string {
	switch name := strings.TrimPrefix(pointer, "/"); name {
	case "account_id":
		return "account"
	case "credit_limit":
		return "limit"
	default:
		return name
	}
}

// book books the lines that were not booked before, and reports each. The bank answers a line that
// an import of the last day had refused with that refusal, so it is sent again under another key:
// its first one can book nothing more.
func (i *Import) book(ctx context.Context, p *plan) error {
	i.progress.Begin("book", "lines", int64(p.lines))
	options := client.RequestID(correlationID(i.name))
	var refusals []record
	each := func(r record, result client.BulkResult) error {
		if result.Problem != nil && result.Problem.Replayed {
			refusals = append(refusals, r)
			return nil
		}
		if result.Problem != nil && passing(result.Problem) {
			// Later lines of its account must not come before it.
			return errors.Join(i.tell(Outcome{Line: r.line, Outcome: unknown, Account: r.account, Op: r.op, Fault: result.Problem.Title, Remedy: again}), fmt.Errorf("line %d: %w", r.line, result.Problem))
		}
		return i.tell(outcomeOf(r, result))
	}
	if err := i.send(ctx, i.unbooked(ctx), each, options); err != nil {
		return later(fmt.Errorf("the booking ended: %w", err), again)
	}
	for attempt := 2; len(refusals) > 0; attempt++ {
		records := slices.Values(refusals)
		refusals = nil
		repeated := func(yield func(record, error) bool) {
			for r := range records {
				key, _, _ := strings.Cut(r.command.Key, attemptSign)
				r.command.Key = key + attemptSign + strconv.Itoa(attempt)
				if !yield(r, nil) {
					return
				}
			}
		}
		if err := i.send(ctx, repeated, each, options); err != nil {
			return later(fmt.Errorf("the booking of what was refused before ended: %w", err), again)
		}
	}
	if i.told != p.lines {
		return errChanged
	}
	return nil
}

// attemptSign stands in keys before the number of an attempt.
const attemptSign = "."

// unbooked reads the lines of the file, and reports those that were booked before.
func (i *Import) unbooked(ctx context.Context) iter.Seq2[record, error] {
	return func(yield func(record, error) bool) {
		for r, err := range i.records(ctx, func(record, []Fault) {}) {
			if err == nil && (r.nothing || i.before[r.command.Key]) {
				o := Outcome{Line: r.line, Outcome: earlier, Account: r.account, Op: r.op}
				if r.nothing {
					o.Outcome = nothing
				}
				if err = i.tell(o); err == nil {
					continue
				}
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

// tell counts the outcome of a line, and writes it, if it is one to be written.
func (i *Import) tell(o Outcome) error {
	i.telling.Lock()
	defer i.telling.Unlock()
	switch o.Outcome {
	case booked:
		i.counts.booked++
	case differs:
		i.counts.booked++
		i.counts.differ++
	case earlier:
		i.counts.before++
	case nothing:
		i.counts.nothing++
	case refused:
		i.counts.refused++
	}
	i.told++
	i.progress.Add(1)
	if i.command.ForPeople() && o.Fault == "" {
		return nil
	}
	return i.out.Add(o)
}

// outcomeOf returns the outcome of a line that was sent.
func outcomeOf(r record, result client.BulkResult) Outcome {
	o := Outcome{Line: r.line, Outcome: booked, Account: r.account, Op: r.op}
	if result.Problem != nil {
		f := faultsOf(r.line, result.Problem)[0]
		o.Outcome, o.Field, o.Fault, o.Remedy = refused, f.Field, f.Fault, f.Remedy
		return o
	}
	answer := result.Result.Answer
	o.Version, o.TransactionID, o.Posted, o.Currency = answer.Version, answer.TransactionID, answer.Balance.Posted, answer.Balance.Currency
	if result.Result.Replayed {
		o.Outcome = earlier
	}
	if r.balance != nil && *r.balance != o.Posted {
		f := balanceFault(r, o.Posted)
		o.Outcome, o.Field, o.Fault, o.Remedy = differs, f.Field, f.Fault, f.Remedy
	}
	return o
}
