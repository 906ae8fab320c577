package api

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/api/lines"
	"passbook/shared/journal"
)

// play executes commands in the order that the test wants: it knows which have begun, and ends
// them, or queues them, one by one. It is for a bubble of synctest, in which nothing else happens
// once all wait.
type play struct {
	mu    sync.Mutex
	begun []string
	acts  map[string]*act
}

type act struct {
	to  journal.Command
	end chan error
}

// run executes the commands of the operations under test.
func (p *play) run(_ context.Context, to journal.Command) (journal.Receipt, error) {
	a := &act{to, make(chan error)}
	p.mu.Lock()
	p.begun = append(p.begun, to.Key)
	p.acts[to.Key] = a
	p.mu.Unlock()
	return receipt(to), <-a.end
}

// expect waits until all goroutines wait, and fails the test unless exactly these commands have
// begun since the last call.
func (p *play) expect(t *testing.T, keys ...string) {
	t.Helper()
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	slices.Sort(p.begun)
	if !slices.Equal(p.begun, keys) {
		t.Errorf("%v have begun, not %v", p.begun, keys)
	}
	p.begun = nil
}

func (p *play) find(key string) *act {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.acts[key]
}

// place gives a command its place in the journal's queues, done ends it.
func (p *play) place(key string)           { p.find(key).to.Queued() }
func (p *play) done(key string, err error) { p.find(key).end <- err }

// beginBulk sends a bulk request, whose answer is there once answered is closed.
func beginBulk(server *Server, body string) (recorder *httptest.ResponseRecorder, answered <-chan struct{}) {
	r := httptest.NewRequest(http.MethodPost, bulkPath, strings.NewReader(body))
	r.Header.Set("Content-Type", mediaLines)
	recorder, done := httptest.NewRecorder(), make(chan struct{})
	go func() {
		defer close(done)
		server.Handler().ServeHTTP(recorder, r)
	}()
	return recorder, done
}

// perform sends lines as one bulk request, runs the script beside it, and returns the results.
func perform(t *testing.T, script func(p *play), lines ...string) (results []string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := &play{acts: map[string]*act{}}
		looks := doing("capture", p.run).Reading()
		server := newServer(t, doing("credit", p.run), looks)
		recorder, answered := beginBulk(server, strings.Join(lines, "\n"))
		script(p)
		<-answered
		for i, result := range strings.Split(strings.TrimSpace(recorder.Body.String()), "\n") {
			if !strings.HasPrefix(result, fmt.Sprintf(`{"line":%d,`, i+1)) {
				t.Errorf("result %d is %s", i+1, result)
			}
			results = append(results, result)
		}
	})
	if len(results) != len(lines) {
		t.Errorf("%d results of %d lines", len(results), len(lines))
	}
	return results
}

func transferLine(from, to, key string) string {
	return fmt.Sprintf(`{"op":"credit","from":%q,"to":%q,"idempotency_key":%q}`, from, to, key)
}

// A line of an account is handed to the journal as soon as the one before it is queued, and not
// before; the results keep the lines' order.
func TestBulkLinesOfAnAccountWaitTogether(t *testing.T) {
	perform(t, func(p *play) {
		p.expect(t, "a1", "b1")
		p.place("a1")
		p.expect(t, "a2")
		p.place("a2")
		p.expect(t, "a3")
		p.done("a3", nil) // it ends without a place: the next one need not wait for one
		p.expect(t, "a4")
		p.done("a2", nil)
		p.done("a1", nil)
		p.done("b1", nil)
		p.expect(t, "b2")
		p.done("b2", nil)
		p.done("a4", nil)
	}, command("credit", "A", "a1"), command("credit", "A", "a2"), command("credit", "B", "b1"), command("credit", "A", "a3"),
		command("credit", "A", "a4"), command("credit", "B", "b2"))
}

// A transfer waits for the lines of both accounts, and the later lines of both wait for it.
func TestBulkTransferKeepsTheOrderOfBothSides(t *testing.T) {
	for _, held := range []string{"a1", "b1"} {
		t.Run(held+" is held back", func(t *testing.T) {
			other := map[string]string{"a1": "b1", "b1": "a1"}[held]
			perform(t, func(p *play) {
				p.expect(t, "a1", "b1", "c1")
				p.done("c1", nil)
				p.place(other)
				p.expect(t) // the transfer waits for the other side too
				p.place(held)
				p.expect(t, "x")
				p.done("a1", nil)
				p.done("b1", nil)
				p.expect(t) // and both sides wait for the transfer
				p.place("x")
				p.expect(t, "a2", "b2")
				for _, key := range []string{"b2", "a2", "x"} {
					p.done(key, nil)
				}
			}, command("credit", "A", "a1"), command("credit", "B", "b1"), transferLine("A", "B", "x"), command("credit", "A", "a2"),
				command("credit", "B", "b2"), command("credit", "C", "c1"))
		})
	}
}

// A command that reads the history before it is queued begins when all before it are done: it would
// not find what is only queued.
func TestBulkLineThatReadsWaitsForThoseBeforeIt(t *testing.T) {
	perform(t, func(p *play) {
		p.expect(t, "a1")
		p.place("a1")
		p.expect(t, "a2")
		p.place("a2")
		p.expect(t)
		p.done("a2", nil)
		p.expect(t)
		p.done("a1", nil)
		p.expect(t, "look")
		p.place("look")
		p.expect(t, "a3")
		p.done("a3", nil)
		p.done("look", nil)
	}, command("credit", "A", "a1"), command("credit", "A", "a2"), command("capture", "A", "look"), command("credit", "A", "a3"))
}

// A line that finds the journal's queues full waits, and the next one waits for it; it is never
// refused for load.
func TestBulkLineWaitsOutOverload(t *testing.T) {
	results := perform(t, func(p *play) {
		p.expect(t, "a1")
		for range 3 {
			p.done("a1", fmt.Errorf("%w: too much waits", journal.ErrOverloaded))
			time.Sleep(2 * retryMost)
			p.expect(t, "a1")
		}
		p.place("a1")
		p.expect(t, "a2")
		p.done("a1", nil)
		p.done("a2", nil)
	}, command("credit", "A", "a1"), command("credit", "A", "a2"))
	for _, result := range results {
		if !strings.Contains(result, `"status":201`) {
			t.Error(result)
		}
	}
}

// Behind a line that takes long, lines begin until the window is full.
func TestBulkWindowBoundsTheLinesInProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var begun atomic.Int64
		release := make(chan struct{})
		server := newServer(t, doing("credit", func(_ context.Context, to journal.Command) (journal.Receipt, error) {
			begun.Add(1)
			if to.Key == "k0" {
				<-release
			}
			return receipt(to), nil
		}))
		var body strings.Builder
		const count = 2 * lines.Most
		for i := range count {
			body.WriteString(command("credit", fmt.Sprint("A-", i), fmt.Sprint("k", i)) + "\n")
		}
		recorder, answered := beginBulk(server, body.String())
		synctest.Wait()
		if n := begun.Load(); n != lines.Most {
			t.Errorf("%d lines have begun", n)
		}
		close(release)
		<-answered
		if n := strings.Count(recorder.Body.String(), `"status":201`); n != count {
			t.Errorf("%d lines were executed", n)
		}
	})
}
