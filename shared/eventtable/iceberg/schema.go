package iceberg

import (
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

// The columns that partitions and bounds need, by their ids in eventtable.Row.
const (
	tenantID      = 1
	accountID     = 2
	versionID     = 3
	recordedAtID  = 5
	effectiveAtID = 6
)

// schema returns the columns of eventtable.Row.
func schema() *iceberg.Schema {
	var columns []iceberg.NestedField
	add := func(required bool, of iceberg.Type, names ...string) {
		for _, name := range names {
			columns = append(columns, iceberg.NestedField{ID: len(columns) + 1, Name: name, Type: of, Required: required})
		}
	}
	text, long := iceberg.PrimitiveTypes.String, iceberg.PrimitiveTypes.Int64
	add(true, text, "tenant", "account_id")
	add(true, long, "version")
	add(true, text, "type")
	add(true, iceberg.PrimitiveTypes.TimestampTz, "recorded_at")
	add(true, iceberg.PrimitiveTypes.Date, "effective_at")
	add(false, text, "command_key", "correlation_id", "causation_id")
	add(true, text, "actor", "currency")
	add(true, iceberg.PrimitiveTypes.Int32, "exponent")
	add(false, text, "holder_ref", "kind", "direction", "reason")
	add(false, long, "amount")
	add(true, long, "delta")
	add(false, text, "transaction_id", "hold_id")
	add(true, long, "posted", "held", "limit_amount")
	add(true, text, "data")
	add(true, iceberg.PrimitiveTypes.Binary, "entry_hash")
	return iceberg.NewSchema(0, columns...)
}

// The ids of the partition's fields; the format reserves those below.
const (
	dayID    = 1000
	bucketID = 1001
)

// partitions returns what a file has rows of: one day of recorded_at, and one bucket of accounts.
func partitions(buckets int) iceberg.PartitionSpec {
	return iceberg.NewPartitionSpec(
		iceberg.PartitionField{SourceIDs: []int{recordedAtID}, FieldID: dayID, Name: "recorded_day", Transform: iceberg.DayTransform{}},
		iceberg.PartitionField{SourceIDs: []int{accountID}, FieldID: bucketID, Name: "account_bucket", Transform: iceberg.BucketTransform{NumBuckets: buckets}},
	)
}

// sorted returns the order of the rows of a file.
func sorted() (table.SortOrder, error) {
	var fields []table.SortField
	for _, id := range []int{tenantID, accountID, versionID} {
		fields = append(fields, table.SortField{SourceIDs: []int{id}, Transform: iceberg.IdentityTransform{}, Direction: table.SortASC, NullOrder: table.NullsFirst})
	}
	return table.NewSortOrder(1, fields)
}
