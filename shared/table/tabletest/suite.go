package tabletest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"passbook/shared/backoff"
	"passbook/shared/table"
)

// The tables that the suite works on.
const (
	rows  = "suite-rows"
	other = "suite-other"

	byText   = "by-text"
	byNumber = "by-number"
	byPK     = "by-pk"
)

// Schemas returns the schemas of the tables that a store under test MUST have.
func Schemas() []table.Schema {
	return []table.Schema{
		{Name: rows, Rising: []string{"E#"}, Indexes: []table.Index{
			{Name: byText, PK: "tk", SK: "ts"},
			{Name: byNumber, PK: "nk", SK: "nn", Numeric: true},
			{Name: byPK, PK: "ak", SK: "pk"},
		}},
		{Name: other},
	}
}

// clause is a sentence of the port's documentation and the test that checks it.
type clause struct {
	name, sentence string
	test           func(*suite)
}

// Run checks that an adapter keeps the contract. open returns two handles on one store, as two
// processes have them; they may be the same if the adapter can have only one.
func Run(t *testing.T, open func(testing.TB) (first, second table.Table)) {
	a, b := open(t)
	for _, c := range clauses() {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			c.test(&suite{T: t, ctx: ctx, a: a, b: b, id: rand.Text()})
		})
	}
}

func clauses() []clause {
	return slices.Concat(writeClauses, conditionClauses, readClauses, indexClauses, transactClauses, eachClauses, limitClauses, togetherClauses)
}

// suite is one running subtest.
type suite struct {
	*testing.T
	ctx  context.Context
	a, b table.Table
	id   string
}

// pk returns a partition key that no other test has.
func (s *suite) pk(name string) string { return s.id + "#" + name }

func (s *suite) key(name string) table.Key { return table.Key{PK: s.pk(name), SK: "-"} }

// retry repeats a call that was throttled or met another transaction: in both cases nothing was
// written.
func retry(ctx context.Context, call func() error) error {
	for wait := time.Millisecond; ; wait = min(2*wait, time.Second) {
		err := call()
		if !errors.Is(err, table.ErrThrottled) && !errors.Is(err, table.ErrConflict) {
			return err
		}
		if err := backoff.Sleep(ctx, wait); err != nil {
			return err
		}
	}
}

func (s *suite) put(tableName string, row table.Row, cond table.Condition) error {
	return retry(s.ctx, func() error { return s.a.Put(s.ctx, table.Put{Table: tableName, Row: row, If: cond}) })
}

// mustPut puts rows that do not exist yet.
func (s *suite) mustPut(rowsToPut ...table.Row) {
	s.Helper()
	for _, row := range rowsToPut {
		if err := s.put(rows, row, table.Absent()); err != nil {
			s.Fatalf("put %v: %v", row.Key, err)
		}
	}
}

func (s *suite) get(key table.Key) (row table.Row, err error) {
	err = retry(s.ctx, func() error {
		row, err = s.a.Get(s.ctx, rows, key, true)
		return err
	})
	return row, err
}

func (s *suite) mustGet(key table.Key) table.Row {
	s.Helper()
	row, err := s.get(key)
	if err != nil {
		s.Fatalf("get %v: %v", key, err)
	}
	return row
}

// want checks the attributes of a row.
func (s *suite) want(key table.Key, attrs table.Map) {
	s.Helper()
	row := s.mustGet(key)
	if row.Key != key || !reflect.DeepEqual(row.Attrs, attrs) {
		s.Fatalf("row %v is %v %v, want %v", key, row.Key, row.Attrs, attrs)
	}
}

// wantMissing checks that there is no row.
func (s *suite) wantMissing(key table.Key) {
	s.Helper()
	if row, err := s.get(key); !errors.Is(err, table.ErrNotFound) {
		s.Fatalf("row %v is %v, %v; want ErrNotFound", key, row, err)
	}
}

// wantErr checks the kind of an error.
func (s *suite) wantErr(err, want error, what string, args ...any) {
	s.Helper()
	if !errors.Is(err, want) {
		s.Fatalf("%s: %v, want %v", fmt.Sprintf(what, args...), err, want)
	}
}

func (s *suite) query(q table.Query) (page table.Page, err error) {
	err = retry(s.ctx, func() error {
		page, err = s.a.Query(s.ctx, q)
		return err
	})
	return page, err
}

// all returns the rows of all pages of a query.
func (s *suite) all(q table.Query) []table.Row {
	s.Helper()
	var out []table.Row
	for {
		page, err := s.query(q)
		if err != nil {
			s.Fatalf("query %+v: %v", q, err)
		}
		if q.Limit > 0 && len(page.Rows) > q.Limit {
			s.Fatalf("page of %d rows, limit %d", len(page.Rows), q.Limit)
		}
		out = append(out, page.Rows...)
		if page.After == "" {
			return out
		}
		if page.After == q.After {
			s.Fatalf("query %+v does not change", q)
		}
		q.After = page.After
	}
}

// eventually waits until an eventually consistent read shows what it should.
func (s *suite) eventually(check func() error) {
	s.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			s.Fatalf("still after 20 s: %v", err)
		}
	}
}

func sortKeys(rs []table.Row) []string {
	out := []string{}
	for _, r := range rs {
		out = append(out, r.SK)
	}
	return out
}

// differ returns an error that tells how two answers differ, nil if they do not.
func differ[T any](what string, got, want T) error {
	if reflect.DeepEqual(got, want) {
		return nil
	}
	return fmt.Errorf("%s: got %v, want %v", what, got, want)
}

func (s *suite) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}
