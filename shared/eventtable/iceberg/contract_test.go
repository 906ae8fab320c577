package iceberg_test

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"testing"

	"passbook/shared/awstest"
	"passbook/shared/bucket"
	"passbook/shared/bucket/dirbucket"
	"passbook/shared/bucket/s3bucket"
	"passbook/shared/eventtable"
	"passbook/shared/eventtable/iceberg"
)

func TestContractInADirectory(t *testing.T) {
	dir := t.TempDir()
	tables, err := dirbucket.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	contract(t, tables, "file://"+dir)
}

func TestContractOnAWS(t *testing.T) {
	config, name := awstest.Config(t), awstest.Prefix(t)+"tables"
	tables := s3bucket.New(config, name)
	if err := tables.CreateBucket(t.Context()); err != nil {
		t.Fatal(err)
	}
	contract(t, tables, "s3://"+name)
}

// contract checks the promises of eventtable.Table on a bucket.
func contract(t *testing.T, tables bucket.Bucket, root string) {
	t.Helper()
	open := func() *iceberg.Table {
		t.Helper()
		table, err := iceberg.Open(t.Context(), tables, root, 3)
		if err != nil {
			t.Fatal(err)
		}
		return table
	}
	first, other := open(), open()
	if s := first.Summary(); s != nil || first.Rows() != 0 {
		t.Errorf("an empty table says %v, %d rows", s, first.Rows())
	}
	a, b, c := write(t, first, 1), write(t, first, 2), write(t, first, 3)
	if again := write(t, other, 1); again.Key != a.Key {
		t.Errorf("%s, and %s", again.Key, a.Key)
	}
	said := map[string]string{"passbook.format": "1", "passbook.read.s-1/shard": "12"}
	if err := first.Append(t.Context(), []eventtable.File{a, b}, said); err != nil {
		t.Fatal(err)
	}
	check(t, first, said, a, b)
	check(t, open(), said, a, b)
	if err := other.Append(t.Context(), []eventtable.File{c}, said); !errors.Is(err, eventtable.ErrConflict) {
		t.Errorf("beside another first commit: %v", err)
	}
	check(t, open(), said, a, b)
	said["passbook.read.s-1/shard"] = "13"
	before := first.Location()
	if err := first.Append(t.Context(), nil, said); err != nil || first.Location() == before {
		t.Errorf("without a file: %v, %s", err, first.Location())
	}
	check(t, open(), said, a, b)
	behind := open()
	if err := first.Replace(t.Context(), []eventtable.File{a, b}, c); err != nil {
		t.Fatal(err)
	}
	check(t, first, said, c)
	check(t, open(), said, c)
	for what, err := range map[string]error{
		"append": behind.Append(t.Context(), []eventtable.File{a}, said), "record": behind.Append(t.Context(), nil, said),
		"replace": behind.Replace(t.Context(), []eventtable.File{a}, c),
	} {
		if !errors.Is(err, eventtable.ErrConflict) {
			t.Errorf("%s behind another commit: %v", what, err)
		}
	}
	check(t, open(), said, c)
	if _, err := first.Open(t.Context(), "data/none.parquet"); !errors.Is(err, bucket.ErrNotFound) {
		t.Errorf("a file that is not there: %v", err)
	}
}

// write writes a file, whose content is of no matter to the table.
func write(t *testing.T, to *iceberg.Table, n int32) eventtable.File {
	t.Helper()
	f := eventtable.File{Key: fmt.Sprintf("data/%d.parquet", n), Day: 20_000 + n, Bucket: n % 3, Rows: 10, Bytes: 5}
	if err := to.Write(t.Context(), f.Key, fmt.Appendf(nil, "rows%d", n)); err != nil {
		t.Fatal(err)
	}
	return f
}

// check compares a table with what it has to say and its files.
func check(t *testing.T, table *iceberg.Table, said map[string]string, files ...eventtable.File) {
	t.Helper()
	got := table.Summary()
	for name, value := range said {
		if got[name] != value {
			t.Errorf("%s is %q, want %q", name, got[name], value)
		}
	}
	if want := int64(10 * len(files)); table.Rows() != want {
		t.Errorf("%d rows, want %d", table.Rows(), want)
	}
	list, err := table.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	keys, err := table.Files(t.Context())
	if err != nil || len(keys) != len(files) {
		t.Fatalf("%v, %v", keys, err)
	}
	for _, f := range files {
		if !slices.ContainsFunc(list, func(of eventtable.File) bool { return reflect.DeepEqual(of, f) }) || !slices.Contains(keys, f.Key) {
			t.Errorf("%+v is not in %+v", f, list)
		}
		o, err := table.Open(t.Context(), f.Key)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
		if err = errors.Join(err, o.Close()); err != nil || len(text) != 5 {
			t.Errorf("%s is %q, %v", f.Key, text, err)
		}
	}
}
