package tabletest

import (
	"fmt"
	"math"

	"passbook/shared/table"
)

var indexClauses = []clause{
	{"index/keys-only", "Rows of an index query have only the key and the attributes of the index (KEYS_ONLY).", indexKeysOnly},
	{"index/sparse", "Index is a sparse, eventually consistent, KEYS_ONLY secondary index: a row is in it if it has both attributes.", indexSparse},
	{"index/follows", "Index queries are always eventually consistent.", indexFollows},
	{"index/numeric", "S, or N for a numeric index.", indexNumeric},
	{"index/twins", "Page is a part of an answer.", indexTwins},
	{"index/by-pk", "SK may be \"pk\", the table's own partition key.", indexByPK},
	{"index/types", "PK names the attribute (S) that partitions the index, SK the attribute that sorts it: S, or N if Numeric.", indexTypes},
}

// wantIndex waits until an index query answers the rows.
func (s *suite) wantIndex(q table.Query, want []table.Row) {
	s.Helper()
	q.Table = rows
	s.eventually(func() error { return differ("index "+q.Index, s.all(q), want) })
}

func indexKeysOnly(s *suite) {
	attrs := everything()
	attrs["tk"], attrs["ts"] = table.S(s.pk("t")), table.S("sort")
	s.mustPut(table.Row{Key: s.key("a"), Attrs: attrs})
	want := []table.Row{{Key: s.key("a"), Attrs: table.Map{"tk": table.S(s.pk("t")), "ts": table.S("sort")}}}
	s.wantIndex(table.Query{Index: byText, PK: s.pk("t")}, want)
	s.wantIndex(table.Query{Index: byText, PK: s.pk("t"), Desc: true}, want)
}

func indexSparse(s *suite) {
	t := table.S(s.pk("t"))
	s.mustPut(
		table.Row{Key: s.key("both"), Attrs: table.Map{"tk": t, "ts": table.S("1")}},
		table.Row{Key: s.key("pk"), Attrs: table.Map{"tk": t}},
		table.Row{Key: s.key("sk"), Attrs: table.Map{"ts": table.S("2")}},
		table.Row{Key: s.key("none")},
		table.Row{Key: s.key("number"), Attrs: table.Map{"nk": t}},
		table.Row{Key: s.key("other"), Attrs: table.Map{"tk": table.S(s.pk("u")), "ts": table.S("1")}},
	)
	s.wantIndex(table.Query{Index: byText, PK: s.pk("t")}, []table.Row{{Key: s.key("both"), Attrs: table.Map{"tk": t, "ts": table.S("1")}}})
	s.wantIndex(table.Query{Index: byNumber, PK: s.pk("t")}, nil)
}

// indexFollows changes one row in every way that moves its entry.
func indexFollows(s *suite) {
	key := s.key("a")
	t, u := table.S(s.pk("t")), table.S(s.pk("u"))
	steps := []table.Map{
		{"tk": t, "ts": table.S("1")}, {"tk": t, "ts": table.S("2")}, {"tk": u, "ts": table.S("2")}, {"tk": u}, {"tk": u, "ts": table.S("2")},
		{"x": table.S("not in it")}, {"tk": t, "ts": table.S("1")}, {"tk": t, "ts": table.S("1"), "x": table.S("the same entry")},
	}
	check := func(attrs table.Map) {
		for _, pk := range []table.S{t, u} {
			var want []table.Row
			if _, sorted := attrs["ts"]; sorted && attrs["tk"] == table.Value(pk) {
				want = []table.Row{{Key: key, Attrs: table.Map{"tk": pk, "ts": attrs["ts"]}}}
			}
			s.wantIndex(table.Query{Index: byText, PK: string(pk)}, want)
		}
	}
	cond := table.Absent()
	for i, step := range steps {
		attrs := table.Map{"v": table.N(i)}
		for k, v := range step {
			attrs[k] = v
		}
		s.must(s.put(rows, table.Row{Key: key, Attrs: attrs}, cond))
		cond = table.Equals("v", table.N(i))
		check(attrs)
	}
	s.must(retry(s.ctx, func() error { return s.a.Delete(s.ctx, rows, key, cond) }))
	check(nil)
	s.must(retry(s.ctx, func() error {
		return s.a.Transact(s.ctx, []table.Put{{Table: rows, Row: table.Row{Key: key, Attrs: steps[0]}, If: table.Absent()}})
	}))
	check(steps[0])
}

func indexNumeric(s *suite) {
	numbers := []table.N{math.MinInt64, -1 << 40, -256, -255, -2, -1, 0, 1, 2, 9, 10, 255, 256, 1 << 40, math.MaxInt64}
	var want []table.Row
	for i := range numbers {
		n := numbers[(i*7)%len(numbers)]
		s.mustPut(table.Row{Key: s.key(fmt.Sprint(n)), Attrs: table.Map{"nk": table.S(s.pk("n")), "nn": n}})
		want = append(want, table.Row{Key: s.key(fmt.Sprint(numbers[i])), Attrs: table.Map{"nk": table.S(s.pk("n")), "nn": numbers[i]}})
	}
	q := table.Query{Index: byNumber, PK: s.pk("n")}
	s.wantIndex(q, want)
	for from := range numbers {
		for _, to := range []int{from, (from + len(numbers)) / 2, len(numbers) - 1} {
			q.From, q.To = numbers[from], numbers[to]
			s.wantIndex(q, want[from:to+1])
		}
	}
	q.From, q.To = nil, table.N(5)
	s.wantIndex(q, want[:9])
	q.From, q.To = table.N(5), nil
	s.wantIndex(q, want[9:])
	q.From, q.To = table.N(5), table.N(4)
	s.wantIndex(q, nil)
}

// indexTwins puts several rows at one place of an index and continues a query from each of them.
func indexTwins(s *suite) {
	for i := range 9 {
		s.mustPut(table.Row{Key: table.Key{PK: s.pk(fmt.Sprint(i % 3)), SK: fmt.Sprint(i)}, Attrs: table.Map{
			"tk": table.S(s.pk("t")), "ts": table.S(fmt.Sprint("sort", i/5)), "nk": table.S(s.pk("n")), "nn": table.N(i / 5),
		}})
	}
	for _, index := range []string{byText, byNumber} {
		q := table.Query{Table: rows, Index: index, PK: s.pk(map[string]string{byText: "t", byNumber: "n"}[index])}
		for _, q.Desc = range []bool{false, true} {
			s.eventually(func() error { return differ("rows", len(s.all(q)), 9) })
			all := s.all(q)
			for i := 1; i < len(all); i++ {
				before, after := fmt.Sprint(all[i-1].Attrs), fmt.Sprint(all[i].Attrs)
				if before != after && (before < after) == q.Desc {
					s.Fatalf("%s after %s, desc %v", after, before, q.Desc)
				}
			}
			s.cutPoints(q, all)
		}
	}
}

func indexByPK(s *suite) {
	var want []table.Row
	for _, name := range []string{"a", "b", "c"} {
		key := table.Key{PK: s.pk(name), SK: "E#1"}
		s.mustPut(table.Row{Key: key, Attrs: table.Map{"ak": table.S(s.pk("all"))}}, table.Row{Key: table.Key{PK: s.pk(name), SK: "E#2"}})
		want = append(want, table.Row{Key: key, Attrs: table.Map{"ak": table.S(s.pk("all"))}})
	}
	q := table.Query{Index: byPK, PK: s.pk("all")}
	s.wantIndex(q, want)
	q.Table = rows
	s.cutPoints(q, want)
	q.From = table.S(s.pk("b"))
	s.wantIndex(q, want[1:])
	q.To = table.S(s.pk("b"))
	s.wantIndex(q, want[1:2])
}

func indexTypes(s *suite) {
	t := table.S(s.pk("t"))
	for name, attrs := range map[string]table.Map{
		"a number that partitions":     {"tk": table.N(1), "ts": table.S("1")},
		"a number in an index of text": {"tk": t, "ts": table.N(1)},
		"text in an index of numbers":  {"nk": t, "nn": table.S("1")},
		"bytes":                        {"tk": t, "ts": table.B("1")},
		"an empty partition key":       {"tk": table.S(""), "ts": table.S("1")},
		"an empty sort key":            {"tk": t, "ts": table.S("")},
		"a wrong type alone":           {"nn": table.S("1")},
	} {
		s.wantErr(s.put(rows, table.Row{Key: s.key("a"), Attrs: attrs}, table.Absent()), table.ErrInvalid, "%s", name)
	}
	s.wantMissing(s.key("a"))
	for name, q := range map[string]table.Query{
		"a number for text":      {Index: byText, PK: "x", From: table.N(1)},
		"text for a number":      {Index: byNumber, PK: "x", To: table.S("1")},
		"bytes":                  {PK: "x", From: table.B("1")},
		"an empty bound":         {PK: "x", From: table.S("")},
		"an empty partition key": {Index: byText},
	} {
		q.Table = rows
		_, err := s.query(q)
		s.wantErr(err, table.ErrInvalid, "query by %s", name)
	}
}
