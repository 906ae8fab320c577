package replay_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"strings"
	"sync"
	"testing"

	"passbook/shared/account"
	"passbook/shared/archive/archivetest"
	"passbook/shared/control"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/readmodel"
	"passbook/shared/replay"
	"passbook/shared/table"
)

// spoiled is the test model with a posted balance that is one unit too high.
var spoiled = func() readmodel.Model[account.State] {
	m := testModel
	m.Encode = func(attrs table.Map, generation int64, a event.Account, s account.State) {
		testModel.Encode(attrs, generation, a, s)
		attrs["posted"] = table.N(s.Posted + 1)
	}
	return m
}()

// busy is a table in which rows move: before each read the row's worker takes its next step.
type busy struct {
	table.Table
	mu   sync.Mutex
	work map[table.Key]func()
}

func (b *busy) Get(ctx context.Context, name string, key table.Key, consistent bool) (table.Row, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if work := b.work[key]; work != nil {
		work()
	}
	return b.Table.Get(ctx, name, key, consistent)
}

// worker folds the entries of one account into a generation, as many in each turn as it is given.
// The first ones are folded already.
func (e *env) worker(t *testing.T, m readmodel.Model[account.State], generation int64, entries []*event.Entry, first, turn int) func() {
	t.Helper()
	p := e.projectionInto(readmodel.NewRows(e.table, m, 0), generation)
	fold := func(n int) {
		n = min(n, len(entries))
		if err := p.ProjectEntries(t.Context(), theOne, entries[:n]); err != nil {
			t.Error(err)
		}
		entries = entries[n:]
	}
	fold(first)
	return func() { fold(turn) }
}

// Two rows of one version that differ are reported with both values.
func TestDifferencesHaveBothValues(t *testing.T) {
	e := newEnv(t)
	entries := e.oneAccount(t)
	if _, err := readmodel.StartCandidate(t.Context(), e.table, testModel.Name, nil); err != nil {
		t.Fatal(err)
	}
	e.worker(t, testModel, 1, entries, len(entries), 0)
	e.worker(t, spoiled, 2, entries, len(entries), 0)
	found, err := replay.Compare(t.Context(), e.comparing())
	if !errors.Is(err, replay.ErrDifference) || found.Faults.Count != 1 || len(found.Faults.List[0].Values) != 1 {
		t.Fatalf("%+v %v", found, err)
	}
	live, candidate := 0, 0
	d := found.Faults.List[0].Values[0]
	if _, err := fmt.Sscan(d.Live+" "+d.Candidate, &live, &candidate); err != nil || d.Name != "posted" || candidate != live+1 {
		t.Errorf("%+v %v", d, err)
	}
}

// theOne is the account of a bank that has one.
var theOne = event.Account{Tenant: "main", ID: "A-0"}

// oneAccount returns the entries of a bank of one account, committed.
func (e *env) oneAccount(t *testing.T) []*event.Entry {
	t.Helper()
	entries := archivetest.Bank(12, 1, 400)
	e.commit(t, entries)
	if accounts := accountsOf(entries); len(accounts) != 1 || accounts[0] != theOne {
		t.Fatalf("%v", accounts)
	}
	return entries
}

// The rows of a busy account are never found at one version. Each must then be what the journal
// makes of its version.
func TestPromote_ComparesRowsThatAreNeverAtOneVersionWithTheJournal(t *testing.T) {
	for name, c := range map[string]struct {
		live, candidate readmodel.Model[account.State]
		// lead is how many entries the candidate's row is ahead of the live one, always.
		lead int
		says string
	}{
		"equal, ahead":            {testModel, testModel, 3, ""},
		"equal, behind":           {testModel, testModel, -3, ""},
		"wrong candidate, ahead":  {testModel, spoiled, 3, "standing@2 was never found at the other row's version: the row differs in [posted]"},
		"wrong candidate, behind": {testModel, spoiled, -3, "standing@2 was never found at the other row's version: the row differs in [posted]"},
		"wrong live row":          {spoiled, testModel, 3, "standing@1 was never found at the other row's version: the row differs in [posted]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			entries := e.oneAccount(t)
			if _, err := readmodel.StartCandidate(t.Context(), e.table, testModel.Name, nil); err != nil {
				t.Fatal(err)
			}
			comparing := e.comparing()
			comparing.Table = &busy{Table: e.table, work: map[table.Key]func(){
				readmodel.RowKey(1, theOne): e.worker(t, c.live, 1, entries, 100, 1),
				readmodel.RowKey(2, theOne): e.worker(t, c.candidate, 2, entries, 100+c.lead, 1),
			}}
			found, err := replay.Promote(t.Context(), comparing, false)
			live, _, bad := readmodel.Generations(t.Context(), e.table, testModel.Name)
			if bad != nil {
				t.Fatal(bad)
			}
			if c.says == "" {
				if err != nil || live != 2 || found.Equal != 1 || found.Ahead != 0 {
					t.Fatalf("live %d, %+v, %v", live, found, err)
				}
				return
			}
			if !errors.Is(err, replay.ErrDifference) || live != 1 || found.Faults.Count != 1 || !strings.Contains(found.Faults.List[0].What, c.says) {
				t.Fatalf("live %d, %+v, %v", live, found, err)
			}
		})
	}
}

// A candidate that does not reach the live row's first version is behind, also if its rows agree
// with the journal.
func TestCompare_FindsACandidateThatNoLongerFollows(t *testing.T) {
	for name, folded := range map[string]int{"behind from the first": 100, "overtaken": 103} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			entries := e.oneAccount(t)
			if _, err := readmodel.StartCandidate(t.Context(), e.table, testModel.Name, nil); err != nil {
				t.Fatal(err)
			}
			comparing := e.comparing()
			comparing.Table = &busy{Table: e.table, work: map[table.Key]func(){
				readmodel.RowKey(1, theOne): e.worker(t, testModel, 1, entries, 100, 2),
			}}
			e.worker(t, testModel, 2, entries, folded, 0)
			found, err := replay.Compare(t.Context(), comparing)
			if !errors.Is(err, replay.ErrDifference) || found.Faults.Count != 1 || !strings.Contains(found.Faults.List[0].What, "behind the live one") {
				t.Fatalf("%+v, %v", found, err)
			}
		})
	}
}

// errEnd is the end of a journal that is cut.
var errEnd = errors.New("the end")

// cut is a journal that ends, or fails, after fifty entries.
type cut struct {
	readmodel.History
	with error
}

func (c cut) Entries(ctx context.Context, a event.Account, from, to int64) iter.Seq2[*event.Entry, error] {
	return func(yield func(*event.Entry, error) bool) {
		read := 0
		for e, err := range c.History.Entries(ctx, a, from, to) {
			if read++; read > 50 {
				if c.with != errEnd {
					yield(nil, c.with)
				}
				return
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// A history that the model cannot fold proves nothing, and does not put the account in quarantine.
func TestCompare_OfAHistoryThatCannotBeFoldedIsADifference(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	entries := e.oneAccount(t)
	if _, err := readmodel.StartCandidate(t.Context(), e.table, testModel.Name, nil); err != nil {
		t.Fatal(err)
	}
	e.worker(t, testModel, 2, entries, len(entries), 0)
	before := dump(t, e.table, control.Name)
	stubborn := testModel
	stubborn.Fold = func(s account.State, ev event.Event) (account.State, error) {
		if ev.Version >= 40 {
			return s, errEnd
		}
		return testModel.Fold(s, ev)
	}
	comparing := e.comparing()
	comparing.Projection = func(_ context.Context, in table.Table, generation int64) (replay.Projection, error) {
		return e.projectionInto(readmodel.NewRows(in, stubborn, 0), generation), nil
	}
	found, err := replay.Compare(t.Context(), comparing)
	if !errors.Is(err, replay.ErrDifference) || found.Faults.Count != 1 || !strings.Contains(found.Faults.List[0].What, "cannot be folded beyond v39") {
		t.Fatalf("%+v, %v", found, err)
	}
	if after := dump(t, e.table, control.Name); !reflect.DeepEqual(before, after) {
		t.Fatalf("%v became %v", before, after)
	}
}

// A candidate that the live generation does not reach can only be compared with the journal.
func TestCompare_ComparesACandidateThatIsAheadWithTheJournal(t *testing.T) {
	blocked := func(row table.Row) { row.Attrs["blocked_at_version"] = table.N(row.Attrs["version"].(table.N) + 1) }
	for name, c := range map[string]struct {
		candidate readmodel.Model[account.State]
		// first is how much of the history the live row has; 0 is no row.
		first  int
		change func(live table.Row)
		// end is what the journal says after fifty entries.
		end  error
		says string
	}{
		"live row blocked":                        {candidate: testModel, first: 100, change: blocked},
		"live row in quarantine, wrong candidate": {candidate: spoiled, first: 100, change: blocked, says: "differs in [posted]"},
		"live row stands":                         {candidate: testModel, first: 100},
		"live row stands, wrong candidate":        {candidate: spoiled, first: 100, says: "differs in [posted]"},
		"no live row":                             {candidate: testModel},
		"no live row, wrong candidate":            {candidate: spoiled, says: "differs in [posted]"},
		"journal that ends before":                {candidate: testModel, end: errEnd, says: "ahead of the journal"},
		"journal that is damaged":                 {candidate: testModel, end: journal.ErrDamaged, says: "the journal cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			entries := e.oneAccount(t)
			if _, err := readmodel.StartCandidate(t.Context(), e.table, testModel.Name, nil); err != nil {
				t.Fatal(err)
			}
			e.worker(t, c.candidate, 2, entries, len(entries), 0)
			if c.first > 0 {
				e.worker(t, testModel, 1, entries, c.first, 0)
			}
			if c.change != nil {
				row, err := e.table.Get(t.Context(), testModel.Name, readmodel.RowKey(1, theOne), true)
				if err != nil {
					t.Fatal(err)
				}
				c.change(row)
				if err := e.table.Put(t.Context(), table.Put{Table: testModel.Name, Row: row, If: table.Equals("rev", row.Attrs["rev"])}); err != nil {
					t.Fatal(err)
				}
			}
			comparing := e.comparing()
			if c.end != nil {
				comparing.Journal = cut{e.reader, c.end}
			}
			found, err := replay.Compare(t.Context(), comparing)
			if c.says == "" {
				if err != nil || found.Ahead != 1 || found.Equal != 0 {
					t.Fatalf("%+v, %v", found, err)
				}
				return
			}
			if !errors.Is(err, replay.ErrDifference) || found.Ahead != 0 || found.Faults.Count != 1 || !strings.Contains(found.Faults.List[0].What, c.says) {
				t.Fatalf("%+v, %v", found, err)
			}
		})
	}
}
