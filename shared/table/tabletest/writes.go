package tabletest

import (
	"context"
	"errors"
	"math"
	"strings"
	"time"

	"passbook/shared/table"
)

var writeClauses = []clause{
	{"put/values", "Value is an attribute: one of S, N, B, Bool, List, Map.", putValues},
	{"put/numbers", "N is a whole number.", putNumbers},
	{"put/empty", "An S may be empty; a key may not.", putEmpty},
	{"put/replaces", "Put replaces a whole row of a table if the condition is true.", putReplaces},
	{"put/copies", "Rows passed in and returned belong to the caller; adapters keep no reference.", putCopies},
	{"get/missing", "Get returns the row at key, or ErrNotFound.", getMissing},
	{"delete", "Delete removes a row if the condition, an Equals, is true.", deleteRow},
	{"context", "Methods may be called concurrently; every call obeys its context's deadline.", contextEnded},
	{"skew", "Skew returns how far the store's clock is ahead of this machine's, as last measured; 0 if they are the same clock.", skewSane},
}

// everything has each kind of value, nested ones too.
func everything() table.Map {
	return table.Map{
		"s": table.S("grün\n\"quoted\" 日本"), "n": table.N(-42), "b": table.B{0, 1, 255}, "yes": table.Bool(true), "no": table.Bool(false),
		"list": table.List{table.S("a"), table.N(1), table.B("b"), table.Bool(true), table.List{}, table.Map{"x": table.N(0)}},
		"map":  table.Map{"s": table.S(""), "l": table.List{table.N(9)}, "m": table.Map{}},
		"n-_.": table.S("a name with signs"),
	}
}

func putValues(s *suite) {
	s.mustPut(table.Row{Key: s.key("a"), Attrs: everything()})
	s.want(s.key("a"), everything())
}

func putNumbers(s *suite) {
	for i, n := range []table.N{0, 1, -1, 1<<53 + 1, math.MaxInt64, math.MinInt64} {
		key := s.key(string(rune('a' + i)))
		s.mustPut(table.Row{Key: key, Attrs: table.Map{"n": n}})
		s.want(key, table.Map{"n": n})
	}
}

func putEmpty(s *suite) {
	s.mustPut(table.Row{Key: s.key("a"), Attrs: table.Map{"s": table.S(""), "b": table.B{}, "l": table.List{}, "m": table.Map{}}})
	s.want(s.key("a"), table.Map{"s": table.S(""), "b": table.B{}, "l": table.List{}, "m": table.Map{}})
	s.mustPut(table.Row{Key: s.key("bare")})
	s.want(s.key("bare"), table.Map{})
}

func putReplaces(s *suite) {
	s.mustPut(table.Row{Key: s.key("a"), Attrs: table.Map{"v": table.N(1), "old": table.S("x")}})
	s.must(s.put(rows, table.Row{Key: s.key("a"), Attrs: table.Map{"v": table.N(2), "new": table.S("y")}}, table.Equals("v", table.N(1))))
	s.want(s.key("a"), table.Map{"v": table.N(2), "new": table.S("y")})
}

func putCopies(s *suite) {
	bytes := table.B("before")
	row := table.Row{Key: s.key("a"), Attrs: table.Map{"b": bytes, "m": table.Map{"x": table.N(1)}}}
	s.mustPut(row)
	copy(bytes, "AFTER!")
	row.Attrs["more"] = table.N(1)
	want := table.Map{"b": table.B("before"), "m": table.Map{"x": table.N(1)}}
	got := s.mustGet(row.Key)
	s.want(row.Key, want)
	copy(got.Attrs["b"].(table.B), "AFTER!")
	got.Attrs["m"].(table.Map)["x"] = table.N(2)
	s.want(row.Key, want)
}

func getMissing(s *suite) {
	s.mustPut(table.Row{Key: table.Key{PK: s.pk("a"), SK: "b"}})
	s.wantMissing(table.Key{PK: s.pk("a"), SK: "c"})
	s.wantMissing(table.Key{PK: s.pk("b"), SK: "b"})
	_, err := s.a.Get(s.ctx, other, table.Key{PK: s.pk("a"), SK: "b"}, true)
	s.wantErr(err, table.ErrNotFound, "the same key in another table")
}

func deleteRow(s *suite) {
	key := s.key("a")
	remove := func(cond table.Condition) error {
		return retry(s.ctx, func() error { return s.a.Delete(s.ctx, rows, key, cond) })
	}
	s.wantErr(remove(table.Equals("v", table.N(1))), table.ErrConditionFailed, "delete of no row")
	s.mustPut(table.Row{Key: key, Attrs: table.Map{"v": table.N(1)}})
	s.wantErr(remove(table.Equals("v", table.N(2))), table.ErrConditionFailed, "delete of another value")
	s.want(key, table.Map{"v": table.N(1)})
	s.wantErr(remove(table.Absent()), table.ErrInvalid, "delete if absent")
	s.wantErr(remove(table.Condition{}), table.ErrInvalid, "delete without a condition")
	s.want(key, table.Map{"v": table.N(1)})
	s.must(remove(table.Equals("v", table.N(1))))
	s.wantMissing(key)
	s.mustPut(table.Row{Key: key, Attrs: table.Map{"v": table.N(3)}})
	s.want(key, table.Map{"v": table.N(3)})
}

func contextEnded(s *suite) {
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	row := table.Row{Key: s.key("a"), Attrs: table.Map{"v": table.N(1)}}
	_, getErr := s.a.Get(ctx, rows, row.Key, true)
	_, queryErr := s.a.Query(ctx, table.Query{Table: rows, PK: row.PK})
	_, scanErr := s.a.Scan(ctx, table.Scan{Table: rows, Of: 1})
	put := table.Put{Table: rows, Row: row, If: table.Absent()}
	for name, err := range map[string]error{
		"get": getErr, "query": queryErr, "scan": scanErr, "put": s.a.Put(ctx, put),
		"delete": s.a.Delete(ctx, rows, row.Key, table.Equals("v", table.N(1))), "transact": s.a.Transact(ctx, []table.Put{put}),
		"put each": s.a.PutEach(ctx, []table.Put{put})[0],
	} {
		s.wantErr(err, context.Canceled, "%s with an ended context", name)
	}
	s.wantMissing(row.Key)
}

func skewSane(s *suite) {
	if skew := s.a.Skew(); skew.Abs() > time.Minute {
		s.Fatalf("skew %v", skew)
	}
}

var conditionClauses = []clause{
	{"condition/absent", "Absent returns the condition that no row has the key.", conditionAbsent},
	{"condition/once", "Once returns the condition that no row has the key, or one with the same attributes.", conditionOnce},
	{"condition/equals", "Equals returns the condition that the row exists and its attribute attr equals v: an S, N, B or Bool.", conditionEquals},
	{"condition/required", "The zero Condition is invalid: every write is conditional.", conditionRequired},
	{"condition/nothing-written", "ErrConditionFailed: the condition did not hold, and nothing was written.", conditionNothingWritten},
}

func conditionOnce(s *suite) {
	row := func(name string) table.Row {
		return table.Row{Key: s.key(name), Attrs: table.Map{"v": table.S(name), "tk": table.S(s.pk("index")), "ts": table.S(name)}}
	}
	put := func(name string) table.Put { return table.Put{Table: rows, Row: row(name), If: table.Once()} }
	for range 2 { // also where it is already
		s.must(s.put(rows, row("a"), table.Once()))
		s.must(retry(s.ctx, func() error { return s.a.Transact(s.ctx, []table.Put{put("b"), put("c")}) }))
		s.must(errors.Join(s.putEach(s.b, put("d"), put("e"), put("a"))...))
	}
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		s.want(s.key(name), row(name).Attrs)
	}
	s.wantErr(s.put(rows, row("a"), table.Absent()), table.ErrConditionFailed, "put if absent where a row was put once")
	s.must(retry(s.ctx, func() error { return s.a.Delete(s.ctx, rows, s.key("a"), table.Equals("v", table.S("a"))) }))
	s.wantMissing(s.key("a"))
	s.must(s.put(rows, row("a"), table.Once()))
	s.want(s.key("a"), row("a").Attrs)
	s.wantErr(s.a.Delete(s.ctx, rows, s.key("a"), table.Once()), table.ErrInvalid, "delete once")
}

func conditionAbsent(s *suite) {
	s.mustPut(table.Row{Key: s.key("a"), Attrs: table.Map{"v": table.N(1)}})
	s.wantErr(s.put(rows, table.Row{Key: s.key("a")}, table.Absent()), table.ErrConditionFailed, "put if absent over a row")
	s.mustPut(table.Row{Key: table.Key{PK: s.pk("a"), SK: "--"}}, table.Row{Key: s.key("A")})
	s.must(s.put(other, table.Row{Key: s.key("a")}, table.Absent()))
}

func conditionEquals(s *suite) {
	stored := table.Map{"s": table.S("1"), "n": table.N(1), "b": table.B("1"), "t": table.Bool(true), "f": table.Bool(false), "e": table.S("")}
	for _, c := range []struct {
		attr  string
		value table.Value
		holds bool
	}{
		{"s", table.S("1"), true}, {"s", table.S("2"), false}, {"s", table.S("1 "), false}, {"s", table.N(1), false}, {"s", table.B("1"), false},
		{"n", table.N(1), true}, {"n", table.N(-1), false}, {"n", table.S("1"), false},
		{"b", table.B("1"), true}, {"b", table.B("10"), false}, {"b", table.B{}, false}, {"b", table.S("1"), false},
		{"t", table.Bool(true), true}, {"t", table.Bool(false), false}, {"f", table.Bool(false), true}, {"f", table.Bool(true), false},
		{"e", table.S(""), true}, {"missing", table.S(""), false}, {"missing", table.Bool(false), false}, {"missing", table.N(0), false},
		{"pk", table.S(s.pk("a")), true}, {"pk", table.S("x"), false}, {"sk", table.S("-"), true}, {"sk", table.S("x"), false},
	} {
		key := s.key("a")
		err := s.put(rows, table.Row{Key: key, Attrs: stored}, table.Absent())
		if err != nil {
			s.wantErr(err, table.ErrConditionFailed, "put")
		}
		err = s.put(rows, table.Row{Key: key, Attrs: stored}, table.Equals(c.attr, c.value))
		if c.holds {
			s.must(err)
		} else {
			s.wantErr(err, table.ErrConditionFailed, "if %s = %T %v", c.attr, c.value, c.value)
		}
	}
	s.wantErr(s.put(rows, table.Row{Key: s.key("none")}, table.Equals("pk", table.S(s.pk("none")))), table.ErrConditionFailed, "equals of no row")
}

func conditionRequired(s *suite) {
	row := table.Row{Key: s.key("a")}
	for _, cond := range []table.Condition{
		{}, table.Equals("", table.N(1)), table.Equals("v", nil), table.Equals("v", table.List{}), table.Equals("v", table.Map{}),
	} {
		s.wantErr(s.put(rows, row, cond), table.ErrInvalid, "condition %v", cond)
	}
	s.wantMissing(row.Key)
}

func conditionNothingWritten(s *suite) {
	key := s.key("a")
	before := table.Map{"v": table.N(1), "tk": table.S(s.pk("t")), "ts": table.S("before")}
	s.mustPut(table.Row{Key: key, Attrs: before})
	after := table.Map{"v": table.N(2), "tk": table.S(s.pk("t")), "ts": table.S(strings.Repeat("after", 3))}
	s.wantErr(s.put(rows, table.Row{Key: key, Attrs: after}, table.Absent()), table.ErrConditionFailed, "put")
	s.wantErr(s.put(rows, table.Row{Key: key, Attrs: after}, table.Equals("v", table.N(2))), table.ErrConditionFailed, "put")
	s.want(key, before)
	s.eventually(func() error {
		found := s.all(table.Query{Table: rows, Index: byText, PK: s.pk("t")})
		return differ("index", found, []table.Row{{Key: key, Attrs: table.Map{"tk": table.S(s.pk("t")), "ts": table.S("before")}}})
	})
}
