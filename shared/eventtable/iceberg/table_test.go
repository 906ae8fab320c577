package iceberg

import (
	"slices"
	"testing"

	"github.com/parquet-go/parquet-go"

	"passbook/shared/bucket/dirbucket"
	"passbook/shared/eventtable"
)

// The files and the table's metadata name the same columns by the same ids.
func TestTheSchemaIsThatOfTheFiles(t *testing.T) {
	in := parquet.SchemaOf(eventtable.Row{}).Fields()
	columns := schema().Fields()
	if len(in) != len(columns) {
		t.Fatalf("%d columns in the files, %d in the table", len(in), len(columns))
	}
	for i, c := range columns {
		if f := in[i]; f.Name() != c.Name || f.ID() != c.ID || f.Required() != c.Required {
			t.Errorf("%s %d required %v in the files, %s %d required %v in the table", f.Name(), f.ID(), f.Required(), c.Name, c.ID, c.Required)
		}
	}
}

// The values are those of the format's specification and of other programs.
func TestBucketsAreThoseOfTheFormat(t *testing.T) {
	tables, err := dirbucket.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	table, err := Open(t.Context(), tables, "s3://tables", 16)
	if err != nil {
		t.Fatal(err)
	}
	// murmur3 of "iceberg" is 1210000089: the specification, appendix B
	if got := table.Bucket("iceberg"); got != 1210000089%16 {
		t.Errorf("bucket %d", got)
	}
}

func TestATableThatWasMovedIsRefused(t *testing.T) {
	tables, err := dirbucket.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for root, opens := range map[string]bool{"s3://tables": true, "s3://other": false} {
		_, err = Open(t.Context(), tables, "s3://tables", 4)
		if err == nil && !opens {
			_, err = Open(t.Context(), tables, root, 4)
		}
		if (err == nil) != opens {
			t.Errorf("%s: %v", root, err)
		}
	}
}

// A catalog gets every column, with a type that Hive knows.
func TestAVersionDescribesTheColumns(t *testing.T) {
	tables, err := dirbucket.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	table, err := Open(t.Context(), tables, "s3://tables", 16)
	if err != nil {
		t.Fatal(err)
	}
	v := table.Version()
	if v.Location != "s3://tables/events" || v.Metadata != "s3://tables/events/metadata/v1.metadata.json" || len(v.Columns) != len(schema().Fields()) {
		t.Errorf("%+v", v)
	}
	for _, c := range v.Columns {
		if !slices.Contains([]string{"string", "bigint", "int", "date", "timestamp", "binary"}, c.Type) {
			t.Errorf("%s is of type %s", c.Name, c.Type)
		}
	}
}
