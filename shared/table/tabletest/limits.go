package tabletest

import (
	"strings"

	"passbook/shared/table"
)

var limitClauses = []clause{
	{"limits/keys", "MaxPartitionKeyBytes and MaxSortKeyBytes are DynamoDB's key limits.", limitKeys},
	{"limits/row", "MaxItemBytes is the most bytes of a row, names and values together: DynamoDB's item limit of 400 KB.", limitRow},
	{"limits/names", "Name is the table's name without the deployment's prefix, by which calls name it.", limitNames},
	{"limits/attributes", "Row is a stored item: its key, and its other attributes.", limitAttributes},
	{"limits/scan", "Segment is in 0..Of-1; Of is 1..MaxSegments.", limitScan},
}

func limitKeys(s *suite) {
	long := func(n int) string { return s.id + strings.Repeat("k", n-len(s.id)) }
	largest := table.Key{PK: long(table.MaxPartitionKeyBytes), SK: long(table.MaxSortKeyBytes)}
	s.must(s.put(other, table.Row{Key: largest}, table.Absent()))
	found, err := s.a.Get(s.ctx, other, largest, true)
	s.must(err)
	s.must(differ("row", found.Key, largest))
	for name, key := range map[string]table.Key{
		"no partition key":         {SK: "-"},
		"no sort key":              {PK: s.pk("a")},
		"a partition key too long": {PK: long(table.MaxPartitionKeyBytes + 1), SK: "-"},
		"a sort key too long":      {PK: s.pk("a"), SK: long(table.MaxSortKeyBytes + 1)},
		"a key that is not UTF-8":  {PK: s.pk("a"), SK: "\xff"},
	} {
		s.wantErr(s.put(rows, table.Row{Key: key}, table.Absent()), table.ErrInvalid, "put with %s", name)
		_, err := s.get(key)
		s.wantErr(err, table.ErrInvalid, "get with %s", name)
		err = s.a.Delete(s.ctx, rows, key, table.Equals("v", table.N(1)))
		s.wantErr(err, table.ErrInvalid, "delete with %s", name)
	}
	_, err = s.query(table.Query{Table: rows})
	s.wantErr(err, table.ErrInvalid, "query with no partition key")
}

func limitRow(s *suite) {
	text := strings.Repeat("x", table.MaxItemBytes-1024)
	s.mustPut(table.Row{Key: s.key("a"), Attrs: table.Map{"v": table.S(text)}})
	s.want(s.key("a"), table.Map{"v": table.S(text)})
	for name, attrs := range map[string]table.Map{
		"text":  {"v": table.S(text + strings.Repeat("x", 1024))},
		"bytes": {"v": table.B(text), "w": table.B(strings.Repeat("x", 1024))},
		"names": {"v": table.S(text), strings.Repeat("n", 1024): table.N(1)},
		"list":  {"v": table.List{table.S(text), table.S(strings.Repeat("x", 1024))}},
		"map":   {"v": table.Map{"a": table.S(text), "b": table.S(strings.Repeat("x", 1024))}},
	} {
		s.wantErr(s.put(rows, table.Row{Key: s.key("b"), Attrs: attrs}, table.Absent()), table.ErrInvalid, "too much %s", name)
	}
	s.wantMissing(s.key("b"))
}

func limitNames(s *suite) {
	key := s.key("a")
	_, err := s.a.Get(s.ctx, "suite-none", key, true)
	s.wantErr(err, table.ErrInvalid, "get from no table")
	s.wantErr(s.put("suite-none", table.Row{Key: key}, table.Absent()), table.ErrInvalid, "put to no table")
	_, err = s.a.Query(s.ctx, table.Query{Table: "suite-none", PK: key.PK})
	s.wantErr(err, table.ErrInvalid, "query of no table")
	_, err = s.a.Query(s.ctx, table.Query{Table: rows, Index: "by-none", PK: key.PK})
	s.wantErr(err, table.ErrInvalid, "query of no index")
	_, err = s.a.Query(s.ctx, table.Query{Table: other, Index: byText, PK: key.PK})
	s.wantErr(err, table.ErrInvalid, "query of another table's index")
	_, err = s.a.Scan(s.ctx, table.Scan{Table: "suite-none", Of: 1})
	s.wantErr(err, table.ErrInvalid, "scan of no table")
	s.wantErr(s.a.Delete(s.ctx, "suite-none", key, table.Equals("v", table.N(1))), table.ErrInvalid, "delete from no table")
}

func limitAttributes(s *suite) {
	deep := table.Value(table.List{})
	for range 40 {
		deep = table.List{deep}
	}
	for name, attrs := range map[string]table.Map{
		"pk": {"pk": table.S("x")}, "sk": {"sk": table.S("x")}, "no name": {"": table.N(1)}, "no value": {"v": nil},
		"no value in a list": {"v": table.List{nil}}, "no value in a map": {"v": table.Map{"x": nil}},
		"text that is not UTF-8": {"v": table.S("\xff")}, "a nest too deep": {"v": deep},
	} {
		s.wantErr(s.put(rows, table.Row{Key: s.key("a"), Attrs: attrs}, table.Absent()), table.ErrInvalid, "attribute with %s", name)
	}
	s.wantMissing(s.key("a"))
}

func limitScan(s *suite) {
	for _, scan := range []table.Scan{{}, {Of: -1}, {Segment: -1, Of: 1}, {Segment: 1, Of: 1}, {Of: table.MaxSegments + 1}} {
		scan.Table = rows
		_, err := s.a.Scan(s.ctx, scan)
		s.wantErr(err, table.ErrInvalid, "scan %+v", scan)
	}
	_, err := s.a.Scan(s.ctx, table.Scan{Table: rows, Segment: table.MaxSegments - 1, Of: table.MaxSegments})
	s.must(err)
	_, err = s.a.Scan(s.ctx, table.Scan{Table: rows, Of: 1, After: "x"})
	s.wantErr(err, table.ErrInvalid, "scan with no After at all")
}
