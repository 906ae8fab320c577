package event

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
)

// The files in testdata/v<schema> are the bytes that once were written, one for each type and
// schema, and records of each entry format, the later ones in testdata/format<number>. They stand
// for what is in journals and archives, so they are kept forever: a file is added with a new schema
// or format, and none is ever changed or removed. There is no switch that writes them again.

// goldenBodies is what the data of each schema means today, upcast where it is older.
var goldenBodies = map[int][]Body{1: full()}

func goldenEntry() *Entry {
	bodies := full()
	e := entryOf(3, bodies[1:2], bodies[2:4], bodies[8:9])
	e.Commands[1].Status, e.Commands[1].Key = 422, ""
	e.Commands[2].Status, e.Commands[2].Actor = 200, Text{Sealed: "k1:YWN0b3I"}
	e.Events[0].After = After{Posted: -9007199254740991, Held: 9007199254740991}
	return e
}

func goldenLarge() *Entry {
	var commands [][]Body
	for i := range 40 {
		commands = append(commands, []Body{MoneyCredited{Amount: int64(i + 1), Kind: KindDeposit, Reference: Text{Plain: fmt.Sprint("batch ", i)}}})
	}
	return entryOf(1, commands...)
}

func readGolden(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestGoldenData(t *testing.T) {
	for typ, top := range newest {
		for schema := 1; schema <= top; schema++ {
			t.Run(fmt.Sprintf("%s/v%d", typ, schema), func(t *testing.T) {
				data := readGolden(t, fmt.Sprintf("v%d/%s.json", schema, typ))
				i := slices.IndexFunc(goldenBodies[schema], func(b Body) bool { return b.Type() == typ })
				if i < 0 {
					t.Fatal("no body for it in goldenBodies")
				}
				want := goldenBodies[schema][i]
				got, err := ParseBody(typ, schema, data)
				if err != nil {
					t.Fatal(err)
				}
				if !reflect.DeepEqual(got, want) {
					t.Errorf("read %+v, want %+v", got, want)
				}
				if written := New(want).Data; schema == top && string(written) != string(data) {
					t.Errorf("written %s\nwant    %s", written, data)
				}
			})
		}
	}
}

func TestGoldenRecord(t *testing.T) {
	for format, in := range goldenFormats {
		want := inFormat(format, goldenEntry())
		enc := seal(t, want)
		record := readGolden(t, in+"/record.json")
		if string(enc.Record) != string(record) {
			t.Errorf("written %s\nwant    %s", enc.Record, record)
		}
		got, err := DecodeRecord(record)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("read %+v\nwant %+v", got, want)
		}
		header := readGolden(t, in+"/header.json")
		if written := AppendHeader(nil, want); string(written) != string(header) {
			t.Errorf("header %s\nwant   %s", written, header)
		}
	}
}

// goldenFormats are the directories of the records of each entry format.
var goldenFormats = map[int]string{1: "v1", 2: "format2"}

// A later zstd library may compress to other bytes, so of a compressed record only what it says is
// compared, both ways.
func TestGoldenCompressedRecord(t *testing.T) {
	for format, in := range goldenFormats {
		want := inFormat(format, goldenLarge())
		enc := seal(t, want)
		small, err := CompressRecord(enc.Record)
		if err != nil {
			t.Fatal(err)
		}
		for _, record := range [][]byte{readGolden(t, in+"/record-zstd.json"), enc.Record, small} {
			got, err := DecodeRecord(record)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("read %+v\nwant %+v", got, want)
			}
		}
	}
}
