package tabletest

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"pgregory.net/rapid"

	"passbook/shared/table"
)

var togetherClauses = []clause{
	{"together/one-wins", "Put writes one row, or fails with ErrConditionFailed.", oneWins},
	{"together/nothing-lost", "Condition is what must be true of the row in place for a write to happen:", nothingLost},
	{"together/transact-and-put", "A failed condition is a *TransactError.", transactAgainstPut},
	{"model", "Table is the port.", model},
}

// oneWins puts the same absent row from many goroutines: exactly one succeeds, and its row is the
// stored one.
func oneWins(s *suite) {
	for round := range 10 {
		key := s.key(fmt.Sprint(round))
		var wins atomic.Int64
		var winner atomic.Int64
		var group sync.WaitGroup
		for w := range 16 {
			handle := []table.Table{s.a, s.b}[w%2]
			group.Go(func() {
				put := table.Put{Table: rows, Row: table.Row{Key: key, Attrs: table.Map{"v": table.N(w)}}, If: table.Absent()}
				err := retry(s.ctx, func() error { return handle.Put(s.ctx, put) })
				switch {
				case err == nil:
					wins.Add(1)
					winner.Store(int64(w))
				case !errors.Is(err, table.ErrConditionFailed):
					s.Errorf("put: %v", err)
				}
			})
		}
		group.Wait()
		s.must(differ("winners", wins.Load(), 1))
		s.want(key, table.Map{"v": table.N(winner.Load())})
	}
}

// nothingLost counts up one row from many goroutines by compare and set.
func nothingLost(s *suite) {
	const workers, adds = 8, 10
	key := s.key("counter")
	s.mustPut(table.Row{Key: key, Attrs: table.Map{"v": table.N(0)}})
	var group sync.WaitGroup
	for w := range workers {
		handle := []table.Table{s.a, s.b}[w%2]
		group.Go(func() {
			for range adds {
				if err := s.increment(handle, key); err != nil {
					s.Errorf("increment: %v", err)
					return
				}
			}
		})
	}
	group.Wait()
	s.want(key, table.Map{"v": table.N(workers * adds)})
}

func (s *suite) increment(handle table.Table, key table.Key) error {
	for {
		row, err := handle.Get(s.ctx, rows, key, true)
		if err != nil {
			return err
		}
		v := row.Attrs["v"].(table.N)
		put := table.Put{Table: rows, Row: table.Row{Key: key, Attrs: table.Map{"v": v + 1}}, If: table.Equals("v", v)}
		err = retry(s.ctx, func() error { return handle.Put(s.ctx, put) })
		if !errors.Is(err, table.ErrConditionFailed) {
			return err
		}
	}
}

// transactAgainstPut races transactions of two rows with puts of one of them: a failed transaction
// wrote no row.
func transactAgainstPut(s *suite) {
	var group sync.WaitGroup
	for round := range 20 {
		first, second := s.key(fmt.Sprint(round, "a")), s.key(fmt.Sprint(round, "b"))
		var pair, single error
		group.Go(func() {
			pair = retry(s.ctx, func() error {
				return s.a.Transact(s.ctx, []table.Put{
					{Table: rows, Row: table.Row{Key: first, Attrs: table.Map{"by": table.S("pair")}}, If: table.Absent()},
					{Table: rows, Row: table.Row{Key: second, Attrs: table.Map{"by": table.S("pair")}}, If: table.Absent()},
				})
			})
		})
		group.Go(func() {
			put := table.Put{Table: rows, Row: table.Row{Key: second, Attrs: table.Map{"by": table.S("single")}}, If: table.Absent()}
			single = retry(s.ctx, func() error { return s.b.Put(s.ctx, put) })
		})
		group.Wait()
		if pair == nil {
			s.wantErr(single, table.ErrConditionFailed, "put after the pair")
			s.want(first, table.Map{"by": table.S("pair")})
			s.want(second, table.Map{"by": table.S("pair")})
			continue
		}
		var failed *table.TransactError
		if !errors.As(pair, &failed) || failed.Index != 1 || single != nil {
			s.Fatalf("pair: %v; single: %v", pair, single)
		}
		s.wantMissing(first)
		s.want(second, table.Map{"by": table.S("single")})
	}
}

// modelTime bounds the time of the model test: a slow store gets fewer of rapid's checks.
const modelTime = 20 * time.Second

// model makes random changes to a partition and to a map, and compares them after each step.
func model(s *suite) {
	run, done, began := 0, 0, time.Now()
	rapid.Check(s.T, func(t *rapid.T) {
		// after a failure rapid continues, to find a short example
		if run == done && time.Since(began) > modelTime {
			return
		}
		run++
		m := &modelRun{suite: s, pk: s.pk(fmt.Sprint("model", run)), rows: map[string]table.Map{}}
		t.Repeat(map[string]func(*rapid.T){
			"put": m.put, "delete": m.remove, "transact": m.transact, "each": m.each, "": m.check,
		})
		done++
	})
}

type modelRun struct {
	*suite
	pk   string
	rows map[string]table.Map
}

var (
	modelKeys   = rapid.SampledFrom([]string{"a", "b", "ba", "c"})
	modelValues = rapid.Custom(func(t *rapid.T) table.Map {
		m := table.Map{"v": table.N(rapid.IntRange(0, 2).Draw(t, "v"))}
		if rapid.Bool().Draw(t, "indexed") {
			m["nn"] = table.N(rapid.IntRange(-2, 2).Draw(t, "nn"))
		}
		return m
	})
)

// condition draws a condition, and reports whether it is true in the model.
func (m *modelRun) condition(t *rapid.T, sk string) (table.Condition, bool) {
	row, there := m.rows[sk]
	if rapid.Bool().Draw(t, "absent") {
		return table.Absent(), !there
	}
	v := table.N(rapid.IntRange(0, 2).Draw(t, "if"))
	return table.Equals("v", v), there && row["v"] == table.Value(v)
}

func (m *modelRun) drawPut(t *rapid.T, sk string) (table.Put, bool) {
	attrs := modelValues.Draw(t, "row")
	if _, indexed := attrs["nn"]; indexed {
		attrs["nk"] = table.S(m.pk)
	}
	cond, holds := m.condition(t, sk)
	return table.Put{Table: rows, Row: table.Row{Key: table.Key{PK: m.pk, SK: sk}, Attrs: attrs}, If: cond}, holds
}

func (m *modelRun) put(t *rapid.T) {
	put, holds := m.drawPut(t, modelKeys.Draw(t, "sk"))
	m.outcome(t, retry(m.ctx, func() error { return m.a.Put(m.ctx, put) }), holds)
	if holds {
		m.rows[put.Row.SK] = put.Row.Attrs
	}
}

func (m *modelRun) remove(t *rapid.T) {
	sk := modelKeys.Draw(t, "sk")
	v := table.N(rapid.IntRange(0, 2).Draw(t, "if"))
	row, there := m.rows[sk]
	holds := there && row["v"] == table.Value(v)
	err := retry(m.ctx, func() error { return m.a.Delete(m.ctx, rows, table.Key{PK: m.pk, SK: sk}, table.Equals("v", v)) })
	m.outcome(t, err, holds)
	if holds {
		delete(m.rows, sk)
	}
}

func (m *modelRun) transact(t *rapid.T) {
	first := -1
	var puts []table.Put
	for i, sk := range rapid.SliceOfNDistinct(modelKeys, 1, 4, rapid.ID).Draw(t, "sks") {
		put, holds := m.drawPut(t, sk)
		puts = append(puts, put)
		if !holds && first < 0 {
			first = i
		}
	}
	err := retry(m.ctx, func() error { return m.a.Transact(m.ctx, puts) })
	m.outcome(t, err, first < 0)
	if failed := (*table.TransactError)(nil); errors.As(err, &failed) && failed.Index != first {
		t.Fatalf("transact failed at %d, want %d", failed.Index, first)
	}
	if first < 0 {
		for _, put := range puts {
			m.rows[put.Row.SK] = put.Row.Attrs
		}
	}
}

func (m *modelRun) each(t *rapid.T) {
	var puts []table.Put
	var holds []bool
	for _, sk := range rapid.SliceOfNDistinct(modelKeys, 1, 4, rapid.ID).Draw(t, "sks") {
		put, held := m.drawPut(t, sk)
		puts, holds = append(puts, put), append(holds, held)
	}
	for i, err := range m.putEach(m.a, puts...) {
		m.outcome(t, err, holds[i])
		if holds[i] {
			m.rows[puts[i].Row.SK] = puts[i].Row.Attrs
		}
	}
}

func (m *modelRun) outcome(t *rapid.T, err error, holds bool) {
	if holds && err != nil || !holds && !errors.Is(err, table.ErrConditionFailed) {
		t.Fatalf("condition holds: %v, answer: %v", holds, err)
	}
}

func (m *modelRun) check(t *rapid.T) {
	stored, indexed := map[string]table.Map{}, map[string]table.Value{}
	for _, r := range m.all(table.Query{Table: rows, PK: m.pk, Consistent: true}) {
		stored[r.SK] = r.Attrs
	}
	if !reflect.DeepEqual(stored, m.rows) {
		t.Fatalf("stored %v, want %v", stored, m.rows)
	}
	want := map[string]table.Value{}
	for sk, attrs := range m.rows {
		if nn, ok := attrs["nn"]; ok {
			want[sk] = nn
		}
	}
	m.eventually(func() error {
		clear(indexed)
		for _, r := range m.all(table.Query{Table: rows, Index: byNumber, PK: m.pk}) {
			indexed[r.SK] = r.Attrs["nn"]
		}
		return differ("index", indexed, want)
	})
}
