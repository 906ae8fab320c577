package jobs

import (
	"bytes"
	"maps"
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
	table := each[glueTable](t, loadTemplate(t), "AWS::Glue::Table")["ArchiveTable"].TableInput
	var got []string
	for _, column := range table.StorageDescriptor.Columns {
		got = append(got, column.Name+" "+column.Type)
	}
	if !slices.Equal(got, v2) {
		t.Errorf("the template declares %q, a segment has %q", got, v2)
	}
	for _, key := range table.PartitionKeys {
		if slices.ContainsFunc(v2, func(column string) bool { return strings.HasPrefix(column, key.Name+" ") }) {
			t.Errorf("%s is a partition key and a column", key.Name)
		}
	}
}

// TestTablesOfAthenaAreTheTemplates compares what athena.sql says of a table besides its columns
// with the template: name, partition, properties, location and serde.
func TestTablesOfAthenaAreTheTemplates(t *testing.T) {
	text, err := os.ReadFile(queries + "athena.sql")
	if err != nil {
		t.Fatal(err)
	}
	table := each[glueTable](t, loadTemplate(t), "AWS::Glue::Table")["ArchiveTable"].TableInput
	bucket := strings.NewReplacer("${BucketName}", "BUCKET", "${!", "${")
	properties := map[string]string{}
	for name, value := range table.Parameters {
		properties[name] = bucket.Replace(value)
	}
	for name, want := range map[string]string{"EXTERNAL": "TRUE", "classification": "parquet"} { // Athena sets the first itself
		if properties[name] != want {
			t.Errorf("the template has %q for %s, not %q", properties[name], name, want)
		}
		delete(properties, name)
	}
	sql := tableStatementOf(t, string(text), table.Name)
	if !maps.Equal(sql.properties, properties) {
		t.Errorf("athena.sql has the properties %q, the template %q", sql.properties, properties)
	}
	storage := table.StorageDescriptor
	if got := bucket.Replace(storage.Location); got != sql.location {
		t.Errorf("athena.sql has the location %s, the template %s", sql.location, got)
	}
	// What `stored as parquet` stands for.
	const hive = "org.apache.hadoop.hive.ql.io.parquet."
	if storage.InputFormat != hive+"MapredParquetInputFormat" || storage.OutputFormat != hive+"MapredParquetOutputFormat" ||
		storage.SerdeInfo.SerializationLibrary != hive+"serde.ParquetHiveSerDe" {
		t.Errorf("the template stores as %+v, athena.sql as Parquet", storage)
	}
	if want := []glueColumn{{"date", "date"}}; !slices.Equal(table.PartitionKeys, want) {
		t.Errorf("the template partitions by %v, athena.sql by %v", table.PartitionKeys, want)
	}

	// The table of format 1, which the template does not have, is like it.
	older, v1 := tableStatementOf(t, string(text), "event_rows_v1"), strings.NewReplacer("/v2/", "/v1/")
	for name, value := range sql.properties {
		sql.properties[name] = v1.Replace(value)
	}
	if !maps.Equal(older.properties, sql.properties) || older.location != v1.Replace(sql.location) {
		t.Errorf("event_rows_v1 has %q at %s, event_rows_v2 other ones", older.properties, older.location)
	}
}

// glueTable is a table of the template.
type glueTable struct {
	TableInput struct {
		Name              string            `yaml:"Name"`
		Parameters        map[string]string `yaml:"Parameters"`
		PartitionKeys     []glueColumn      `yaml:"PartitionKeys"`
		StorageDescriptor struct {
			Location     string `yaml:"Location"`
			InputFormat  string `yaml:"InputFormat"`
			OutputFormat string `yaml:"OutputFormat"`
			SerdeInfo    struct {
				SerializationLibrary string `yaml:"SerializationLibrary"`
			} `yaml:"SerdeInfo"`
			Columns []glueColumn `yaml:"Columns"`
		} `yaml:"StorageDescriptor"`
	} `yaml:"TableInput"`
}

// tableStatement is what a statement of athena.sql says after the columns.
type tableStatement struct {
	location   string
	properties map[string]string
}

var (
	afterColumns  = regexp.MustCompile("^\\)\npartitioned by \\(`date` date\\)\nstored as parquet\nlocation '([^']+)'\ntblproperties \\(\n((?s:.*))\n\\)$")
	tableProperty = regexp.MustCompile(`(?m)^  '([^']+)' = '([^']+)',?$`)
)

// tableStatementOf returns what the statement that makes a table says after its columns.
func tableStatementOf(t *testing.T, text, table string) tableStatement {
	t.Helper()
	_, rest, _ := strings.Cut(text, "passbook_archive."+table+" (")
	_, rest, _ = strings.Cut(rest, "\n)")
	rest, _, _ = strings.Cut(rest, ";")
	m := afterColumns.FindStringSubmatch(")" + rest)
	if m == nil {
		t.Fatalf("athena.sql ends the statement of %s with %q", table, rest)
	}
	properties := map[string]string{}
	for _, p := range tableProperty.FindAllStringSubmatch(m[2], -1) {
		properties[p[1]] = p[2]
	}
	return tableStatement{m[1], properties}
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
