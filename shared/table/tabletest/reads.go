package tabletest

import (
	"fmt"
	"slices"
	"strings"

	"passbook/shared/table"
)

var readClauses = []clause{
	{"query/order", "Query asks for the rows of one partition key, in sort key order.", queryOrder},
	{"query/range", "From and To bound the sort key, both inclusive; nil is open.", queryRange},
	{"query/cut-points", "After is the After of the page before, empty for the first page.", queryCutPoints},
	{"query/limit", "Limit is the most rows of a page; 0 leaves it to MaxPageBytes.", queryLimit},
	{"query/page-bytes", "MaxPageBytes is the most bytes of the rows of one Query or Scan page: DynamoDB ends a page with the row that reaches 1 MB, or before it.", queryPageBytes},
	{"query/moving", "A page may be empty and still not be the last: nothing follows only if After is empty.", queryMoving},
	{"query/consistent", "Consistent reads see every write answered before the call; others may lag.", queryConsistent},
	{"query/foreign-after", "ErrInvalid: the call itself is wrong (a bad key, a row that is too large, an unknown table or index); nothing was written.", queryForeignAfter},
	{"scan", "Scan walks a whole table, or one of Of equal segments of it, in no promised order.", scanSegments},
}

// mixedKeys are sort keys in the order of their bytes, which differs from other orders.
var mixedKeys = []string{"!", "-", "E#000000000001", "E#000000000002", "E#000000000010", "K#1", "R#1", "Z", "a", "a!", "aa", "b", "ä", "日", "😀"}

// fill puts a row for each sort key into a partition.
func (s *suite) fill(name string, sks []string) {
	for _, sk := range sks {
		s.mustPut(table.Row{Key: table.Key{PK: s.pk(name), SK: sk}, Attrs: table.Map{"v": table.S(sk)}})
	}
}

func reversed(in []string) []string {
	out := slices.Clone(in)
	slices.Reverse(out)
	return out
}

func queryOrder(s *suite) {
	s.fill("p", reversed(mixedKeys))
	s.fill("p#", []string{"x"})
	s.fill("", []string{"y"})
	q := table.Query{Table: rows, PK: s.pk("p"), Consistent: true}
	found := s.all(q)
	s.must(differ("ascending", sortKeys(found), mixedKeys))
	for i, r := range found {
		s.must(differ("attributes", r, table.Row{Key: table.Key{PK: q.PK, SK: mixedKeys[i]}, Attrs: table.Map{"v": table.S(mixedKeys[i])}}))
	}
	q.Desc = true
	s.must(differ("descending", sortKeys(s.all(q)), reversed(mixedKeys)))
	s.must(differ("no partition", len(s.all(table.Query{Table: rows, PK: s.pk("none"), Consistent: true})), 0))
}

func queryRange(s *suite) {
	s.fill("p", mixedKeys)
	bounds := []string{"", "!", "E#", "E#000000000002", "a", "a!", "c", "日", "😀😀"}
	for _, from := range bounds {
		for _, to := range bounds {
			for _, desc := range []bool{false, true} {
				q := table.Query{Table: rows, PK: s.pk("p"), Desc: desc, Consistent: true}
				want := []string{}
				for _, sk := range mixedKeys {
					if sk >= from && (to == "" || sk <= to) {
						want = append(want, sk)
					}
				}
				if from != "" {
					q.From = table.S(from)
				}
				if to != "" {
					q.To = table.S(to)
				}
				if desc {
					want = reversed(want)
				}
				s.must(differ(fmt.Sprintf("from %q to %q, desc %v", from, to, desc), sortKeys(s.all(q)), want))
			}
		}
	}
}

// cutPoints reads a query in pages of each size, so that it continues from each row, and checks
// that no row is lost or read twice. An index may lag again after it has shown everything.
func (s *suite) cutPoints(q table.Query, want []table.Row) {
	s.Helper()
	for limit := 1; limit <= len(want)+1; limit++ {
		q.Limit = limit
		check := func() error { return differ(fmt.Sprintf("in pages of %d, desc %v", limit, q.Desc), s.all(q), want) }
		if q.Index == "" {
			s.must(check())
		} else {
			s.eventually(check)
		}
	}
}

func queryCutPoints(s *suite) {
	s.fill("p", mixedKeys)
	for _, q := range []table.Query{
		{}, {Desc: true}, {From: table.S("E#"), To: table.S("a")}, {From: table.S("E#"), To: table.S("a"), Desc: true},
	} {
		q.Table, q.PK, q.Consistent = rows, s.pk("p"), true
		s.cutPoints(q, s.all(q))
	}
}

func queryLimit(s *suite) {
	s.fill("p", mixedKeys)
	for _, desc := range []bool{false, true} {
		page, err := s.query(table.Query{Table: rows, PK: s.pk("p"), Limit: 4, Desc: desc, Consistent: true})
		s.must(err)
		want := mixedKeys[:4]
		if desc {
			want = reversed(mixedKeys)[:4]
		}
		s.must(differ("page", sortKeys(page.Rows), want))
		if page.After == "" {
			s.Fatal("a page that is not the last has no After")
		}
	}
	_, err := s.query(table.Query{Table: rows, PK: s.pk("p"), Limit: -1})
	s.wantErr(err, table.ErrInvalid, "limit -1")
}

func queryPageBytes(s *suite) {
	const n, size = 9, 300 << 10
	for i := range n {
		s.mustPut(table.Row{Key: table.Key{PK: s.pk("p"), SK: fmt.Sprint(i)}, Attrs: table.Map{"v": table.S(strings.Repeat("x", size))}})
	}
	for _, desc := range []bool{false, true} {
		q := table.Query{Table: rows, PK: s.pk("p"), Desc: desc, Consistent: true}
		total := 0
		for pages := 0; ; pages++ {
			page, err := s.query(q)
			s.must(err)
			total += len(page.Rows)
			if (len(page.Rows)-1)*size >= table.MaxPageBytes {
				s.Fatalf("page of %d rows of %d bytes", len(page.Rows), size)
			}
			if q.After = page.After; q.After == "" || pages > 10*n {
				break
			}
		}
		s.must(differ("rows", total, n))
	}
}

// queryMoving continues a query from a row that was deleted, while other rows are added and
// deleted.
func queryMoving(s *suite) {
	s.fill("p", []string{"b", "d", "f", "h"})
	q := table.Query{Table: rows, PK: s.pk("p"), Limit: 2, Consistent: true}
	page, err := s.query(q)
	s.must(err)
	s.must(differ("first page", sortKeys(page.Rows), []string{"b", "d"}))
	for _, sk := range []string{"d", "f"} {
		key := table.Key{PK: s.pk("p"), SK: sk}
		s.must(retry(s.ctx, func() error { return s.a.Delete(s.ctx, rows, key, table.Equals("v", table.S(sk))) }))
	}
	s.fill("p", []string{"a", "e"})
	q.After = page.After
	s.must(differ("the rest", sortKeys(s.all(q)), []string{"e", "h"}))
}

func queryConsistent(s *suite) {
	for i := range 20 {
		key := table.Key{PK: s.pk("p"), SK: fmt.Sprintf("%03d", i)}
		s.mustPut(table.Row{Key: key, Attrs: table.Map{"v": table.N(i)}})
		var page table.Page
		s.must(retry(s.ctx, func() (err error) {
			page, err = s.b.Query(s.ctx, table.Query{Table: rows, PK: key.PK, Consistent: true})
			return err
		}))
		s.must(differ("rows seen by the other handle", len(page.Rows), i+1))
		s.must(retry(s.ctx, func() error {
			_, err := s.b.Get(s.ctx, rows, key, true)
			return err
		}))
		s.eventually(func() error {
			_, err := s.b.Get(s.ctx, rows, key, false)
			return err
		})
	}
}

func queryForeignAfter(s *suite) {
	s.fill("p", mixedKeys)
	s.fill("q", mixedKeys)
	base := table.Query{Table: rows, PK: s.pk("p"), Limit: 3, Consistent: true}
	page, err := s.query(base)
	s.must(err)
	index := table.Query{Table: rows, Index: byText, PK: s.pk("p"), Limit: 3}
	for name, q := range map[string]table.Query{
		"another partition": {Table: rows, PK: s.pk("q"), After: page.After},
		"another table":     {Table: other, PK: s.pk("p"), After: page.After},
		"another index":     {Table: rows, Index: byText, PK: index.PK, After: page.After},
		"another direction": {Table: rows, PK: s.pk("p"), Desc: true, After: page.After},
		"another range":     {Table: rows, PK: s.pk("p"), From: table.S("a"), After: page.After},
		"no After at all":   {Table: rows, PK: s.pk("p"), After: "x"},
		"other characters":  {Table: rows, PK: s.pk("p"), After: "\x00\xff=="},
		"a cut After":       {Table: rows, PK: s.pk("p"), After: page.After[:len(page.After)/2]},
	} {
		_, err := s.query(q)
		s.wantErr(err, table.ErrInvalid, "After of %s", name)
	}
	_, err = s.a.Scan(s.ctx, table.Scan{Table: rows, Of: 1, After: page.After})
	s.wantErr(err, table.ErrInvalid, "scan with a query's After")
}

func scanSegments(s *suite) {
	want := map[table.Key]bool{}
	for i := range 60 {
		key := table.Key{PK: s.pk(fmt.Sprint(i % 40)), SK: fmt.Sprint(i)}
		s.mustPut(table.Row{Key: key, Attrs: table.Map{"v": table.S(strings.Repeat("x", 40<<10))}})
		want[key] = true
	}
	for _, of := range []int{1, 2, 3, 7} {
		s.eventually(func() error {
			seen := map[table.Key]bool{}
			for segment := range of {
				if err := s.scan(table.Scan{Table: rows, Segment: segment, Of: of}, seen); err != nil {
					return err
				}
			}
			return differ(fmt.Sprintf("own rows in %d segments", of), len(seen), len(want))
		})
	}
}

// scan adds the test's own rows of a segment to seen.
func (s *suite) scan(scan table.Scan, seen map[table.Key]bool) error {
	for {
		var page table.Page
		if err := retry(s.ctx, func() (err error) {
			page, err = s.a.Scan(s.ctx, scan)
			return err
		}); err != nil {
			return err
		}
		for _, r := range page.Rows {
			if !strings.HasPrefix(r.PK, s.id) {
				continue
			}
			if seen[r.Key] {
				return fmt.Errorf("row %v is in the scan twice", r.Key)
			}
			seen[r.Key] = true
			if len(r.Attrs["v"].(table.S)) != 40<<10 {
				return fmt.Errorf("row %v has lost its attributes", r.Key)
			}
		}
		if scan.After = page.After; scan.After == "" {
			return nil
		}
	}
}
