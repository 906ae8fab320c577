package jobs

import (
	"bytes"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"passbook/shared/archive/archivetest"
	"passbook/shared/segment"
)

// queries is the directory of the SQL files.
const queries = "../../../archiver/sql/"

// TestTablesOfAthenaHaveTheColumnsOfASegment compares the columns of real segments with the
// statements that make Athena's tables, and with the template's.
func TestTablesOfAthenaHaveTheColumnsOfASegment(t *testing.T) {
	text, err := os.ReadFile(queries + "athena.sql")
	if err != nil {
		t.Fatal(err)
	}
	v1, v2 := columnsOf(t, 1), columnsOf(t, segment.Format)
	if got := declared(t, string(text), "event_rows_v2"); !slices.Equal(got, v2) {
		t.Errorf("athena.sql declares %q of event_rows_v2, a segment has %q", got, v2)
	}
	for _, column := range declared(t, string(text), "event_rows_v1") {
		if !slices.Contains(v1, column) { // it has only those that events-upgraded.sql needs
			t.Errorf("athena.sql declares %q of event_rows_v1, a segment has %q", column, v1)
		}
	}
	tables := each[struct {
		TableInput struct {
			PartitionKeys     []glueColumn `yaml:"PartitionKeys"`
			StorageDescriptor struct {
				Columns []glueColumn `yaml:"Columns"`
			} `yaml:"StorageDescriptor"`
		} `yaml:"TableInput"`
	}](t, loadTemplate(t), "AWS::Glue::Table")
	var got []string
	for _, column := range tables["ArchiveTable"].TableInput.StorageDescriptor.Columns {
		got = append(got, column.Name+" "+column.Type)
	}
	if !slices.Equal(got, v2) {
		t.Errorf("the template declares %q, a segment has %q", got, v2)
	}
	for _, key := range tables["ArchiveTable"].TableInput.PartitionKeys {
		if slices.ContainsFunc(v2, func(column string) bool { return strings.HasPrefix(column, key.Name+" ") }) {
			t.Errorf("%s is a partition key and a column", key.Name)
		}
	}
}

// glueColumn is a column of the template.
type glueColumn struct {
	Name string `yaml:"Name"`
	Type string `yaml:"Type"`
}

// columnsOf returns names and Athena's types of the columns of a segment.
func columnsOf(t *testing.T, format int) (columns []string) {
	t.Helper()
	w := segment.NewWriter(format, "bank", segment.Source{Stream: "events", Created: archivetest.Start, Shard: "shardId-000000000000"}, segment.Link{})
	for _, record := range archivetest.Records(archivetest.Bank(1, 1, 1)) {
		if err := w.Append(record); err != nil {
			t.Fatal(err)
		}
	}
	sealed, err := w.Seal()
	if err != nil {
		t.Fatal(err)
	}
	file, err := parquet.OpenFile(bytes.NewReader(sealed.Data), int64(len(sealed.Data)))
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range file.Schema().Fields() {
		columns = append(columns, field.Name()+" "+athenaType(field))
	}
	return columns
}

// athenaType returns Athena's type of a column.
func athenaType(field parquet.Field) string {
	kind, _, _ := strings.Cut(field.Type().String(), "(")
	switch kind {
	case "STRING", "JSON":
		return "string"
	case "TIMESTAMP", "DATE":
		return strings.ToLower(kind)
	}
	return map[parquet.Kind]string{parquet.Int32: "int", parquet.Int64: "bigint", parquet.ByteArray: "binary"}[field.Type().Kind()]
}

// declaredColumn matches a column of a statement that makes a table.
var declaredColumn = regexp.MustCompile("(?m)^  `?([a-z_]+)`? ([a-z]+),?$")

// declared returns the columns that a statement of athena.sql gives a table.
func declared(t *testing.T, text, table string) (columns []string) {
	t.Helper()
	_, rest, found := strings.Cut(text, "passbook_archive."+table+" (")
	if !found {
		t.Fatalf("athena.sql makes no %s", table)
	}
	body, _, _ := strings.Cut(rest, "\n)")
	for _, m := range declaredColumn.FindAllStringSubmatch(body, -1) {
		columns = append(columns, m[1]+" "+m[2])
	}
	return columns
}
