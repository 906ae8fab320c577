package tabletest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"passbook/shared/table"
)

var eachClauses = []clause{
	{"each/own-outcome", "every put has its own condition, and its own outcome at its place in the answer.", eachOwnOutcome},
	{"each/invalid-alone", "PutEach writes each of at most MaxEach rows of different keys by itself:", eachInvalidAlone},
	{"each/one-row-twice", "The outcomes of a call with too many puts, or with two puts of one row, are all ErrInvalid, and nothing is written.", eachOneRowTwice},
	{"each/limit", "MaxEach is the most puts in one PutEach.", eachLimit},
	{"each/together", "Together returns how many puts one PutEach makes at about the cost of one:", eachTogether},
	{"each/at-once", "Methods may be called concurrently;", eachAtOnce},
}

// putEach makes puts through one handle, and repeats those that were throttled or met a
// transaction.
func (s *suite) putEach(handle table.Table, puts ...table.Put) []error {
	outcomes := table.Outcomes(len(puts), table.ErrThrottled)
	_ = retry(s.ctx, func() error {
		var again []table.Put
		var places []int
		for i, err := range outcomes {
			if errors.Is(err, table.ErrThrottled) || errors.Is(err, table.ErrConflict) {
				again, places = append(again, puts[i]), append(places, i)
			}
		}
		if len(again) == 0 {
			return nil
		}
		for n, err := range handle.PutEach(s.ctx, again) {
			outcomes[places[n]] = err
		}
		return errors.Join(outcomes...)
	})
	return outcomes
}

func eachOwnOutcome(s *suite) {
	put := func(name string, v int, cond table.Condition) table.Put {
		return table.Put{Table: rows, Row: table.Row{Key: s.key(name), Attrs: table.Map{"v": table.N(v)}}, If: cond}
	}
	s.mustPut(put("taken", 1, table.Absent()).Row, put("fits", 2, table.Absent()).Row, put("differs", 3, table.Absent()).Row)
	puts := []table.Put{
		put("taken", 11, table.Absent()), put("free", 12, table.Absent()), put("fits", 13, table.Equals("v", table.N(2))),
		put("differs", 14, table.Equals("v", table.N(2))), put("missing", 15, table.Equals("v", table.N(2))),
	}
	elsewhere := put("free", 16, table.Absent())
	elsewhere.Table = other
	outcomes := s.putEach(s.a, append(puts, elsewhere)...)
	for i, want := range []error{table.ErrConditionFailed, nil, nil, table.ErrConditionFailed, table.ErrConditionFailed, nil} {
		s.wantErr(outcomes[i], want, "put %d of %v", i, outcomes)
	}
	for name, v := range map[string]int{"taken": 1, "free": 12, "fits": 13, "differs": 3} {
		s.want(s.key(name), table.Map{"v": table.N(v)})
	}
	s.wantMissing(s.key("missing"))
	again := s.putEach(s.b, puts[1], puts[2])
	s.wantErr(again[0], table.ErrConditionFailed, "the same put again")
	s.wantErr(again[1], table.ErrConditionFailed, "the same put again")
	s.must(differ("outcomes of no puts", len(s.a.PutEach(s.ctx, nil)), 0))
}

func eachInvalidAlone(s *suite) {
	puts := s.putsIn("p", 4, table.Absent())
	puts[1].If = table.Condition{}
	puts[2].Row.SK = ""
	outcomes := s.putEach(s.a, puts...)
	for i, want := range []error{nil, table.ErrInvalid, table.ErrInvalid, nil} {
		s.wantErr(outcomes[i], want, "put %d of %v", i, outcomes)
	}
	s.must(differ("rows", sortKeys(s.all(table.Query{Table: rows, PK: s.pk("p"), Consistent: true})), []string{"000", "003"}))
}

func eachOneRowTwice(s *suite) {
	twice := s.putsIn("p", 3, table.Absent())
	twice[2].Row.Key = twice[0].Row.Key
	for _, puts := range [][]table.Put{twice, s.putsIn("p", table.MaxEach+1, table.Absent())} {
		outcomes := s.a.PutEach(s.ctx, puts)
		s.must(differ("outcomes", len(outcomes), len(puts)))
		for i, err := range outcomes {
			s.wantErr(err, table.ErrInvalid, "put %d of %d", i, len(puts))
		}
	}
	s.must(differ("rows", len(s.all(table.Query{Table: rows, PK: s.pk("p"), Consistent: true})), 0))
}

func eachLimit(s *suite) {
	puts := s.putsIn("p", table.MaxEach, table.Absent())
	for i, err := range s.putEach(s.a, puts...) {
		if err != nil {
			s.Fatalf("put %d of %d: %v", i, len(puts), err)
		}
	}
	s.must(differ("rows", len(s.all(table.Query{Table: rows, PK: s.pk("p"), Consistent: true})), table.MaxEach))
}

func eachTogether(s *suite) {
	if n := s.a.Together(); n < 1 || n > table.MaxEach {
		s.Fatalf("%d puts together, 1 to %d", n, table.MaxEach)
	}
}

// eachAtOnce puts overlapping batches of rows from many goroutines, in opposite orders, beside
// transactions: each row is put by one of them, and none waits for another without end.
func eachAtOnce(s *suite) {
	const workers, batch, step = 8, 12, 3
	puts := s.putsIn("p", batch+workers*step, table.Absent())
	var wins atomic.Int64
	var group sync.WaitGroup
	for w := range workers {
		handle := []table.Table{s.a, s.b}[w%2]
		group.Go(func() {
			mine := make([]table.Put, batch)
			for i := range mine {
				mine[i] = puts[w*step+i]
				if w%2 == 1 {
					mine[i] = puts[w*step+batch-1-i]
				}
				mine[i].Row.Attrs = table.Map{"by": table.S(fmt.Sprint(w))}
			}
			if w == workers-1 { // rows that no other one takes are there after it
				if err := retry(s.ctx, func() error { return handle.Transact(s.ctx, mine[:2]) }); err == nil {
					wins.Add(2)
				}
				mine = mine[2:]
			}
			for _, err := range s.putEach(handle, mine...) {
				switch {
				case err == nil:
					wins.Add(1)
				case !errors.Is(err, table.ErrConditionFailed):
					s.Errorf("put: %v", err)
				}
			}
		})
	}
	group.Wait()
	stored := s.all(table.Query{Table: rows, PK: s.pk("p"), Consistent: true})
	s.must(differ("puts that succeeded", int(wins.Load()), len(stored)))
}
