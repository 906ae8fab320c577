package iceberg

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/apache/iceberg-go"

	"passbook/shared/eventtable"
)

// Describe returns the files of the newest snapshot with what it says of them.
func (t *Table) Describe(ctx context.Context) (all []eventtable.Described, err error) {
	order := t.table.SortOrder().OrderID()
	return all, t.each(ctx, func(key string, f iceberg.DataFile) error {
		if f.ContentType() != iceberg.EntryContentData {
			return fmt.Errorf("%s deletes rows of other files, which no program of the bank does", key)
		}
		is := eventtable.Described{File: eventtable.File{
			Key: key, Day: partitionNumber(f, dayID), Bucket: partitionNumber(f, bucketID), Rows: f.Count(), Bytes: f.FileSizeBytes(),
		}}
		by := f.SortOrderID()
		is.Sorted = by != nil && *by == order
		var okLeast, okMost bool
		is.Least, okLeast = unbound(f.LowerBoundValues())
		is.Most, okMost = unbound(f.UpperBoundValues())
		is.Bounded = okLeast && okMost
		all = append(all, is)
		return nil
	})
}

// unbound returns the columns that bounds has encoded, if it has all of them.
func unbound(of map[int][]byte) (r eventtable.Row, ok bool) {
	if of[tenantID] == nil || of[accountID] == nil || len(of[versionID]) != 8 || len(of[recordedAtID]) != 8 || len(of[effectiveAtID]) != 4 {
		return r, false
	}
	long := func(id int) int64 { return int64(binary.LittleEndian.Uint64(of[id])) }
	r.Tenant, r.AccountID, r.Version, r.RecordedAt = string(of[tenantID]), string(of[accountID]), long(versionID), long(recordedAtID)
	r.EffectiveAt = int32(binary.LittleEndian.Uint32(of[effectiveAtID]))
	return r, true
}
