package tabletest

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"passbook/shared/table"
)

var transactClauses = []clause{
	{"transact/all-or-none", "Transact writes all of 1..MaxTransact rows of different keys or none.", transactAllOrNone},
	{"transact/which-failed", "Index is the place of the put in the call, from 0; the lowest if several failed.", transactWhichFailed},
	{"transact/limits", "MaxTransact is the most puts in one Transact: DynamoDB's TransactWriteItems takes 100 actions.", transactLimits},
	{"transact/together", "ErrConflict: a write met a Transact on the same row; nothing was written, try again.", transactTogether},
}

func (s *suite) transact(puts ...table.Put) error {
	return retry(s.ctx, func() error { return s.a.Transact(s.ctx, puts) })
}

// putsIn returns n puts of different rows of one partition.
func (s *suite) putsIn(name string, n int, cond table.Condition) []table.Put {
	puts := make([]table.Put, n)
	for i := range puts {
		row := table.Row{Key: table.Key{PK: s.pk(name), SK: fmt.Sprintf("%03d", i)}, Attrs: table.Map{"v": table.N(i)}}
		puts[i] = table.Put{Table: rows, Row: row, If: cond}
	}
	return puts
}

func transactAllOrNone(s *suite) {
	puts := s.putsIn("p", table.MaxTransact, table.Absent())
	puts[7].Table = other
	s.must(s.transact(puts...))
	found := s.all(table.Query{Table: rows, PK: s.pk("p"), Consistent: true})
	s.must(differ("rows", len(found), table.MaxTransact-1))
	_, err := s.a.Get(s.ctx, other, puts[7].Row.Key, true)
	s.must(err)

	more := s.putsIn("q", 5, table.Absent())
	more[4] = table.Put{Table: other, Row: puts[7].Row, If: table.Absent()}
	s.wantErr(s.transact(more...), table.ErrConditionFailed, "transact with one condition that fails")
	s.must(differ("rows of a failed transact", len(s.all(table.Query{Table: rows, PK: s.pk("q"), Consistent: true})), 0))

	for i := range puts {
		puts[i].If = table.Equals("v", table.N(i))
		puts[i].Row.Attrs = table.Map{"v": table.N(i + 1000)}
	}
	s.must(s.transact(puts...))
	s.want(puts[3].Row.Key, table.Map{"v": table.N(1003)})
}

func transactWhichFailed(s *suite) {
	s.mustPut(table.Row{Key: table.Key{PK: s.pk("p"), SK: "002"}}, table.Row{Key: table.Key{PK: s.pk("p"), SK: "003"}})
	for _, n := range []int{3, 4, 5} {
		err := s.transact(s.putsIn("p", n, table.Absent())...)
		var failed *table.TransactError
		if !errors.As(err, &failed) || failed.Index != 2 {
			s.Fatalf("%d puts, the third cannot be done: %v", n, err)
		}
		s.wantErr(err, table.ErrConditionFailed, "transact")
	}
	puts := s.putsIn("p", 2, table.Absent())
	puts[1].If = table.Equals("v", table.N(1))
	var failed *table.TransactError
	if err := s.transact(puts...); !errors.As(err, &failed) || failed.Index != 1 {
		s.Fatalf("the second needs a row that is missing: %v", err)
	}
	s.wantMissing(puts[0].Row.Key)
}

func transactLimits(s *suite) {
	s.wantErr(s.transact(), table.ErrInvalid, "no puts")
	s.wantErr(s.transact(s.putsIn("p", table.MaxTransact+1, table.Absent())...), table.ErrInvalid, "too many puts")
	twice := s.putsIn("p", 2, table.Absent())
	twice[1] = twice[0]
	s.wantErr(s.transact(twice...), table.ErrInvalid, "one row twice")
	heavy := s.putsIn("p", table.MaxTransactBytes/(300<<10)+1, table.Absent())
	for i := range heavy {
		heavy[i].Row.Attrs = table.Map{"v": table.S(strings.Repeat("x", 300<<10))}
	}
	s.wantErr(s.transact(heavy...), table.ErrInvalid, "too many bytes")
	bad := s.putsIn("p", 2, table.Absent())
	bad[1].If = table.Condition{}
	s.wantErr(s.transact(bad...), table.ErrInvalid, "no condition")
	s.must(differ("rows", len(s.all(table.Query{Table: rows, PK: s.pk("p"), Consistent: true})), 0))
}

// transactTogether moves units between rows from many goroutines: their sum stays the same.
func transactTogether(s *suite) {
	const accounts, workers, moves, start = 4, 8, 15, 1000
	name := func(i int) table.Key { return s.key(fmt.Sprint(i)) }
	for i := range accounts {
		s.mustPut(table.Row{Key: name(i), Attrs: table.Map{"v": table.N(start)}})
	}
	var group sync.WaitGroup
	for w := range workers {
		handle := []table.Table{s.a, s.b}[w%2]
		group.Go(func() {
			for m := range moves {
				if err := s.move(handle, name((w+m)%accounts), name((w+m+1+m%2)%accounts)); err != nil {
					s.Errorf("move: %v", err)
					return
				}
			}
		})
	}
	group.Wait()
	total := table.N(0)
	for i := range accounts {
		total += s.mustGet(name(i)).Attrs["v"].(table.N)
	}
	s.must(differ("total", total, table.N(accounts*start)))
}

// move moves one unit from one row to the other, and repeats when another move was faster.
func (s *suite) move(handle table.Table, from, to table.Key) error {
	for {
		var puts []table.Put
		for i, key := range []table.Key{from, to} {
			row, err := handle.Get(s.ctx, rows, key, true)
			if err != nil {
				return err
			}
			v := row.Attrs["v"].(table.N)
			next := table.Row{Key: key, Attrs: table.Map{"v": v + table.N(2*i-1)}}
			puts = append(puts, table.Put{Table: rows, Row: next, If: table.Equals("v", v)})
		}
		err := retry(s.ctx, func() error { return handle.Transact(s.ctx, puts) })
		if !errors.Is(err, table.ErrConditionFailed) {
			return err
		}
	}
}
