package pebbletable

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"passbook/shared/table"
)

// anyText draws strings with NUL, FF and the bytes that end a part of a key.
var anyText = rapid.StringOf(rapid.SampledFrom([]rune{0, 1, 2, 'a', 'b', 0x7f, 0xff, '日'}))

func anyValue(depth int) *rapid.Generator[table.Value] {
	kinds := []*rapid.Generator[table.Value]{
		rapid.Map(anyText, func(s string) table.Value { return table.S(s) }),
		rapid.Map(rapid.Int64(), func(n int64) table.Value { return table.N(n) }),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) table.Value { return table.B(b) }),
		rapid.Map(rapid.Bool(), func(b bool) table.Value { return table.Bool(b) }),
	}
	if depth > 0 {
		kinds = append(kinds,
			rapid.Map(rapid.SliceOfN(anyValue(depth-1), 0, 3), func(l []table.Value) table.Value { return table.List(l) }),
			rapid.Map(anyMap(depth-1), func(m table.Map) table.Value { return m }))
	}
	return rapid.OneOf(kinds...)
}

func anyMap(depth int) *rapid.Generator[table.Map] {
	return rapid.Map(rapid.MapOfN(anyText, anyValue(depth), 0, 5), func(m map[string]table.Value) table.Map { return m })
}

func TestRowRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		row := anyMap(3).Draw(t, "row")
		stored := appendRow(nil, row)
		got, err := decodeRow(stored)
		if err != nil || !reflect.DeepEqual(got, row) {
			t.Fatalf("%v, %v, want %v", got, err, row)
		}
		for name, v := range row {
			value, found, err := lookup(stored, name)
			if err != nil || !found || len(value) == 0 {
				t.Fatalf("lookup %q: %x, %v, %v", name, value, found, err)
			}
			if again, err := decodeValue(value); err != nil || !reflect.DeepEqual(again, v) {
				t.Fatalf("lookup %q: %v, %v, want %v", name, again, err, v)
			}
			for other, w := range row {
				want := bytes.Equal(value, appendValue(nil, w))
				switch w.(type) {
				case table.List, table.Map: // conditions and indexes have none
					want = false
				}
				if equals(value, w) != want {
					t.Fatalf("%q, %v, equals %q, %v: not %v", name, v, other, w, want)
				}
			}
		}
		if _, found, err := lookup(stored, "none of these"); found || err != nil {
			t.Fatalf("lookup of a missing attribute: %v, %v", found, err)
		}
	})
}

// A row of a newer program, or of no program, is refused by every read: otherwise a condition on it
// would be answered from nonsense.
func TestRowsOfAnotherFormatAreRefused(t *testing.T) {
	stored := appendRow(nil, table.Map{"a": table.N(1)})
	newer := append([]byte{stored[0] + 1}, stored[1:]...)
	for _, row := range [][]byte{nil, newer, stored[:1], stored[:len(stored)-1]} {
		if got, err := decodeRow(row); !errors.Is(err, errDamaged) {
			t.Errorf("%x is read as %v, %v", row, got, err)
		}
		if value, found, err := lookup(row, "a"); found || !errors.Is(err, errDamaged) {
			t.Errorf("%x has %x, %v, %v", row, value, found, err)
		}
	}
}

// TestKeyOrder checks that index keys sort as their sort keys do, for any bytes, and can be parsed.
func TestKeyOrder(t *testing.T) {
	type entry struct {
		sk  table.Value
		row table.Key
	}
	rapid.Check(t, func(t *rapid.T) {
		numeric := rapid.Bool().Draw(t, "numeric")
		x := table.Index{Name: "index", PK: "a", SK: "b", Numeric: numeric}
		draw := func(name string) entry {
			e := entry{sk: table.S(anyText.Draw(t, name)), row: table.Key{PK: anyText.Draw(t, name+" pk"), SK: anyText.Draw(t, name+" sk")}}
			if numeric {
				e.sk = table.N(rapid.OneOf(rapid.Int64(), rapid.SampledFrom([]int64{math.MinInt64, -1, 0, 1, math.MaxInt64})).Draw(t, name+" n"))
			}
			return e
		}
		ipk := anyText.Draw(t, "partition")
		a, b := draw("a"), draw("b")
		prefix := appendIndexPartition(nil, "table", "index", ipk)
		keyA, keyB := appendIndexKey(nil, "table", &x, ipk, a.sk, a.row), appendIndexKey(nil, "table", &x, ipk, b.sk, b.row)
		if got := bytes.Compare(keyA, keyB); got != compareEntries(a.sk, b.sk, a.row, b.row) {
			t.Fatalf("%v and %v compare as %d", a, b, got)
		}
		row, err := indexRow(x, ipk, keyA[len(prefix):])
		if err != nil || row.Key != a.row || !reflect.DeepEqual(row.Attrs, table.Map{"a": table.S(ipk), "b": a.sk}) {
			t.Fatalf("%v comes back as %v, %v", a, row, err)
		}
		other := appendIndexPartition(nil, "table", "index", anyText.Draw(t, "other partition"))
		if !bytes.Equal(other, prefix) && (bytes.HasPrefix(other, prefix) || bytes.HasPrefix(prefix, other)) {
			t.Fatalf("partition %q holds another: %x, %x", ipk, prefix, other)
		}
	})
}

func compareEntries(a, b table.Value, rowA, rowB table.Key) int {
	order := 0
	switch a := a.(type) {
	case table.N:
		order = cmp.Compare(a, b.(table.N))
	case table.S:
		order = cmp.Compare(a, b.(table.S))
	}
	return cmp.Or(order, cmp.Compare(rowA.PK, rowB.PK), cmp.Compare(rowA.SK, rowB.SK))
}

func TestPrefixEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		prefix := append([]byte{'t'}, rapid.SliceOf(rapid.SampledFrom([]byte{0, 1, 0xfe, 0xff})).Draw(t, "prefix")...)
		end := prefixEnd(prefix)
		inside := append(slices.Clone(prefix), rapid.SliceOf(rapid.Byte()).Draw(t, "rest")...)
		if bytes.Compare(inside, end) >= 0 || bytes.HasPrefix(end, prefix) {
			t.Fatalf("end of %x is %x, but %x begins so", prefix, end, inside)
		}
	})
}

// TestSegmentHash checks the hash, which is in the stored keys, and that segments have about the
// same size.
func TestSegmentHash(t *testing.T) {
	if got := segmentHash(""); got != 0x1cd9 {
		t.Errorf("hash of the empty string is %#x", got)
	}
	const keys, segments = 16000, 16
	var in [segments]int
	for i := range keys {
		pk := fmt.Sprint("main#A-", i)
		h := fnv.New32a()
		_, _ = h.Write([]byte(pk))
		if sum := h.Sum32(); segmentHash(pk) != uint16(sum>>16)^uint16(sum) {
			t.Fatalf("hash of %s is %#x", pk, segmentHash(pk))
		}
		in[int(segmentHash(pk))*segments>>16]++
	}
	for i, n := range in {
		if n < keys/segments*8/10 || n > keys/segments*12/10 {
			t.Errorf("segment %d of %d has %d of %d keys", i, segments, n, keys)
		}
	}
}

// FuzzDecodeRow gives damaged rows to all functions that read stored rows.
func FuzzDecodeRow(f *testing.F) {
	f.Add(appendRow(nil, table.Map{"s": table.S("x"), "n": table.N(-5), "l": table.List{table.Bool(true), table.Map{"b": table.B{1}}}}))
	f.Add([]byte{rowFormat, 1, 1, 'a', tagList, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Add([]byte{2})
	f.Fuzz(func(t *testing.T, value []byte) {
		row, err := decodeRow(value)
		if err != nil {
			// A damaged row may still give an attribute, but nothing may panic.
			_, _, _ = lookup(value, "a")
			return
		}
		for name := range row {
			if _, found, err := lookup(value, name); !found || err != nil {
				t.Fatalf("row %v has %q, lookup says %v, %v", row, name, found, err)
			}
		}
	})
}

// FuzzResume gives random tokens to a query: it fails, or continues within its range.
func FuzzResume(f *testing.F) {
	w := rowWalk(table.Query{Table: "rows", PK: "p"})
	f.Add(token(w.id(), append(slices.Clone(w.lower), "sk"...)), false)
	f.Add(token(w.id(), []byte{}), true)
	f.Add("AAAA", false)
	f.Fuzz(func(t *testing.T, after string, desc bool) {
		w := rowWalk(table.Query{Table: "rows", PK: "p", Desc: desc})
		lower, upper := bytes.Clone(w.lower), bytes.Clone(w.upper)
		if err := w.resume(w.id(), after); err != nil {
			return
		}
		if bytes.Compare(w.lower, lower) < 0 || bytes.Compare(w.upper, upper) > 0 {
			t.Fatalf("resumed at %x..%x, outside of %x..%x", w.lower, w.upper, lower, upper)
		}
	})
}
