package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"passbook/cmd/bench/driver"
)

// double is a contender that answers every command, and notes what it was asked.
type double struct {
	*httptest.Server
	name   string
	mu     sync.Mutex
	keys   map[string]bool
	posted map[string]int // by the last part of the path
	same   bool           // a transfer was from an account to itself
	opened int
	turns  *[]string
}

func newDouble(t *testing.T, name string, turns *[]string) *double {
	d := &double{name: name, keys: map[string]bool{}, posted: map[string]int{}, turns: turns}
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		defer d.mu.Unlock()
		if key := r.Header.Get("Idempotency-Key"); r.Method == http.MethodPost {
			if d.keys[key] {
				t.Errorf("%s: key %s was sent twice", name, key)
			}
			d.keys[key] = true
			text, err := io.ReadAll(r.Body)
			if err != nil || !json.Valid(text) {
				t.Errorf("%s: %s, %v", r.URL.Path, text, err)
			}
			var transfer struct{ From, To string }
			_ = json.Unmarshal(text, &transfer)
			d.same = d.same || transfer.From != "" && transfer.From == transfer.To
			d.posted[path.Base(r.URL.Path)]++
			w.WriteHeader(http.StatusCreated)
		}
		_, _ = io.WriteString(w, `{"account_id":"B-000000","version":7,"hold_id":"h7"}`)
	}))
	t.Cleanup(d.Close)
	return d
}

func (d *double) Name() string                                         { return d.name }
func (d *double) Address() string                                      { return strings.TrimPrefix(d.URL, "http://") }
func (d *double) Open(_ context.Context, n int) error                  { d.opened = n; return nil }
func (d *double) Memory() (resident, peak int64)                       { return 3 << 20, 4 << 20 }
func (d *double) Disk() int64                                          { return 5 << 20 }
func (d *double) Stop() error                                          { return nil }
func (d *double) Profile(context.Context, string, time.Duration) error { return nil }

func (d *double) CPU() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return time.Duration(len(d.keys)) * 50 * time.Microsecond
}

func (d *double) CaughtUp(ctx context.Context, l *Load) (rows, archive time.Time, err error) {
	*d.turns = append(*d.turns, d.name)
	return time.Now(), time.Now(), l.shown(ctx, d.Address())
}

func TestContendersTakeTurns(t *testing.T) {
	var turns []string
	a, b := newDouble(t, "a", &turns), newDouble(t, "b", &turns)
	c := &contest{
		load: newLoad("test", 10, "commands", moneyMoved), contenders: []Contender{a, b}, loop: driver.Loop{Conns: 2, For: 20 * time.Millisecond},
		rounds: 3, warm: 10 * time.Millisecond, progress: io.Discard,
	}
	results, err := c.run(t.Context())
	if err != nil || a.opened != 10 || b.opened != 10 {
		t.Fatalf("%v; opened %d and %d", err, a.opened, b.opened)
	}
	if got := strings.Join(turns, ""); got != "aabb"+"ab"+"ba"+"ab" {
		t.Errorf("the warm-up and the rounds were in the order %s", got)
	}
	for _, r := range results {
		for _, round := range r.Rounds {
			// the markers of the catch-up cost the server too
			if most := 50 * float64(round.Done+10) / float64(round.Done); round.ServerCPU < 50 || round.ServerCPU > most || round.Done == 0 || round.Resident != 3<<20 {
				t.Errorf("%s: %+v", r.Name, round)
			}
		}
	}
}

// TestShares checks what a mixed load consists of: each capture is of a hold, and few holds are
// open.
func TestShares(t *testing.T) {
	d := newDouble(t, "a", &[]string{})
	c, err := driver.Dial(t.Context(), d.Address(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const requests = 2000
	l := newLoad("test", 10, "requests", mixed)
	for step := l.steps(l, 0); l.serial.Load() < requests; {
		if done, err := step(c); done != 1 || err != nil {
			t.Fatalf("%d, %v", done, err)
		}
	}
	held, captured, credited := d.posted["holds"], d.posted["capture"], d.posted["credits"]
	if held-captured > 1 || held < captured || held+captured+credited != requests {
		t.Errorf("%v", d.posted)
	}
	// 20 of the 90 that write
	if share := float64(credited) / requests; share < .18 || share > .27 {
		t.Errorf("%d of %d are credits", credited, requests)
	}
}

func TestTransfersHaveTwoAccounts(t *testing.T) {
	d := newDouble(t, "a", &[]string{})
	c, err := driver.Dial(t.Context(), d.Address(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	l := newLoad("test", 2, "transfers", transferred)
	step := l.steps(l, 0)
	for range 50 {
		if done, err := step(c); done != 1 || err != nil || d.same {
			t.Fatalf("%d, %v, to itself: %t", done, err, d.same)
		}
	}
}

func TestTheTableHasRatiosOfRounds(t *testing.T) {
	rounds := func(rates ...float64) (all []Round) {
		for _, rate := range rates {
			all = append(all, Round{PerSecond: rate})
		}
		return all
	}
	results := []Result{{Name: "bank", Rounds: rounds(2000, 8000, 300)}, {Name: "old", Rounds: rounds(1000, 2000, 100)}}
	var out strings.Builder
	if err := write(&out, Report{What: "commands", Contenders: results}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"bank : old", "commands/s", "2,000 (300 to 8,000)", "1,000 (100 to 2,000)", "3.00"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "visible") {
		t.Errorf("what was not measured is in the table:\n%s", out.String())
	}
	out.Reset()
	if err := writeJSON(&out, []Report{{Scenario: "spread", Contenders: results}}); err != nil {
		t.Fatal(err)
	}
	var read []Report
	if err := json.Unmarshal([]byte(out.String()), &read); err != nil || read[0].Contenders[1].Rounds[2].PerSecond != 100 {
		t.Errorf("%v: %s", err, out.String())
	}
}

// TestABulkRequestIsCountedByLine checks that lines that are refused are told from those that are
// done, and that an answer that ends early is an error.
func TestABulkRequestIsCountedByLine(t *testing.T) {
	answers := 6
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		if err != nil || len(lines) != 6 || !json.Valid([]byte(lines[0])) || !strings.Contains(lines[1], `"op":"withdraw","idempotency_key":"r-2","account_id":"B-00000`) {
			t.Errorf("%v: %s", err, text)
		}
		for n := range answers {
			_, _ = io.WriteString(w, []string{`{"line":1,"status":201}`, `{"line":2,"status":422,"problem":{"type":"/problems/insufficient-funds"}}`}[n%2]+"\n")
		}
	}))
	t.Cleanup(s.Close)
	c, err := driver.Dial(t.Context(), strings.TrimPrefix(s.URL, "http://"), "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, test := range []struct {
		answers, done int
		err           string
	}{{6, 3, "refused"}, {4, 2, "6 lines has 4 answers"}} {
		answers = test.answers
		l := newLoad("test", 3, "commands", inBulk(6))
		l.run = "r-"
		if done, err := l.steps(l, 0)(c); done != test.done || err == nil || !strings.Contains(err.Error(), test.err) {
			t.Errorf("%d answers: %d done, %v", test.answers, done, err)
		}
		var out strings.Builder
		l.refused.print(&out, "round 1")
		if want := fmt.Sprintf("bench: round 1: %d lines refused with insufficient-funds\n", test.answers-test.done); out.String() != want {
			t.Errorf("%q, want %q", out.String(), want)
		}
	}
}

func TestVersionOfAnAnswer(t *testing.T) {
	if v, err := version([]byte(`{"account_id":"B-1","version":120,"events":[]}`)); v != 120 || err != nil {
		t.Errorf("%d, %v", v, err)
	}
	for _, answer := range []string{`{}`, `{"version":"x"}`} {
		if _, err := version([]byte(answer)); err == nil {
			t.Errorf("no error without a version in %s", answer)
		}
	}
}

func TestLagging(t *testing.T) {
	const at = "passbook_consumer_lag_seconds{consumer=\"archiver\",shard=\"0\"} "
	for metrics, want := range map[string]bool{at + "0\n": false, at + "0\n" + at + "0.2\n": true, "passbook_other 7\n": false} {
		if got := lagging([]byte(metrics)); got != want {
			t.Errorf("%q: %t", metrics, got)
		}
	}
}
