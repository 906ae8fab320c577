package api

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/access"
	"passbook/shared/account"
	"passbook/shared/journal"
	"passbook/shared/web"
)

// queues stands in for a journal. Commands that were submitted wait until the test ends them; those
// that are executed are those of a play.
type queues struct {
	play *play
	full bool // refuses what is submitted

	mu      sync.Mutex
	waiting map[string]*journal.Pending
	order   []string // of what was submitted
	givenUp []string
}

func (q *queues) Execute(ctx context.Context, c journal.Command) (journal.Receipt, error) {
	return q.play.run(ctx, c)
}

func (q *queues) Submit(p *journal.Pending) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.full {
		return journal.ErrOverloaded
	}
	q.order = append(q.order, p.Command.Key)
	q.waiting[p.Command.Key] = p
	return nil
}

func (q *queues) GiveUp(p *journal.Pending) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.givenUp = append(q.givenUp, p.Command.Key)
	return journal.ErrOutcomeUnknown
}

// end ends commands that were submitted.
func (q *queues) end(keys ...string) {
	for _, key := range keys {
		p := q.waiting[key]
		p.Receipt = receipt(p.Command)
		p.Waiter.Ended()
	}
}

// expect fails the test unless exactly these commands were submitted since the last call.
func (q *queues) expect(t *testing.T, keys ...string) {
	t.Helper()
	synctest.Wait()
	q.mu.Lock()
	defer q.mu.Unlock()
	if !slices.Equal(q.order, keys) {
		t.Errorf("%v were submitted, not %v", q.order, keys)
	}
	q.order = nil
}

// submitting sends lines as one bulk request to an operation that is decided by queues, and to one
// that reads, runs the script beside it, and returns the results.
func submitting(t *testing.T, full bool, script func(q *queues), lines ...string) (results []string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		q := &queues{full: full, play: &play{acts: map[string]*act{}}, waiting: map[string]*journal.Pending{}}
		decided := Operation{Op: "credit", Service: "test", Scopes: access.MoneyCredit, Status: 201, Routes: []string{"POST /test/credit"}, Decode: func(f *web.Fields) Call {
			return Call{
				AccountID: f.AccountID("account_id", web.Required), Journal: q,
				Decide: func(account.State, time.Time) account.Decision { return account.Decision{} },
			}
		}}
		server := newServer(t, decided, doing("capture", q.play.run).Reading())
		recorder, answered := beginBulk(server, strings.Join(lines, "\n"))
		script(q)
		<-answered
		results = strings.Split(strings.TrimSpace(recorder.Body.String()), "\n")
		if busy := server.Commands().State().Busy; busy != 0 {
			t.Errorf("%d places of the gate are taken", busy)
		}
	})
	if len(results) != len(lines) {
		t.Fatalf("%d results of %d lines", len(results), len(lines))
	}
	return results
}

// Lines that need nothing but the journal's decision are submitted as they are read, and answered
// in their order however they end. One that reads begins when all before it on its account have
// ended, and those after it have their places after it.
func TestBulkSubmitsLinesAsTheyCome(t *testing.T) {
	results := submitting(t, false, func(q *queues) {
		q.expect(t, "a1", "b1", "a2", "b2")
		q.end("b2", "a2", "b1")
		q.play.expect(t)
		q.end("a1")
		q.play.expect(t, "look")
		q.play.place("look")
		q.play.expect(t, "a3")
		q.play.done("a3", nil)
		q.play.done("look", nil)
	}, command("credit", "A", "a1"), command("credit", "B", "b1"), command("credit", "A", "a2"), command("capture", "A", "look"),
		command("credit", "A", "a3"), command("credit", "B", "b2"))
	for i, result := range results {
		if want := []string{`"A"`, `"B"`, `"A"`, `"A"`, `"A"`, `"B"`}[i]; !strings.Contains(result, `"status":201,"result":{"account_id":`+want) {
			t.Errorf("line %d: %s", i+1, result)
		}
	}
}

// A line whose queue is full tries again, and the next one of its account waits for it.
func TestBulkLineThatFindsAQueueFullKeepsItsTurn(t *testing.T) {
	submitting(t, true, func(q *queues) {
		q.play.expect(t, "a1")
		q.play.done("a1", journal.ErrOverloaded)
		time.Sleep(2 * retryMost)
		q.play.expect(t, "a1")
		q.play.place("a1")
		q.play.expect(t, "a2")
		q.play.done("a2", nil)
		q.play.done("a1", nil)
		q.expect(t)
	}, command("credit", "A", "a1"), command("credit", "A", "a2"))
}

// A line that does not end in time is given up: its outcome is unknown, and stays so.
func TestBulkGivesUpALineThatDoesNotEnd(t *testing.T) {
	results := submitting(t, false, func(q *queues) {
		q.expect(t, "a1", "a2")
		q.end("a2")
		time.Sleep(time.Hour)
		synctest.Wait()
		if !slices.Equal(q.givenUp, []string{"a1"}) {
			t.Errorf("%v were given up", q.givenUp)
		}
		q.end("a1")
	}, command("credit", "A", "a1"), command("credit", "A", "a2"))
	if !strings.Contains(results[0], OutcomeUnknown.Code) || !strings.Contains(results[1], `"status":201`) {
		t.Errorf("%s", results)
	}
}
