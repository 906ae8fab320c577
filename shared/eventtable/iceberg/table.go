package iceberg

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"passbook/shared/bucket"
	"passbook/shared/eventtable"
)

// Table is the events table. It is not safe for concurrent use.
type Table struct {
	catalog catalog
	table   *table.Table
	spec    iceberg.PartitionSpec
	bucket  iceberg.BucketTransform
}

var _ eventtable.Versioned = (*Table)(nil)

const (
	// summaryPrefix is what the names in a summary begin with that Append was given.
	summaryPrefix = "passbook."
	// totalPrefix is what the names begin with of what a snapshot has in all.
	totalPrefix = "total-"
)

// ErrNoTable means that there is no events table.
var ErrNoTable = errors.New("there is no events table")

// Open opens the events table in a bucket, whose URL is root, or creates an empty one, that has so
// many buckets of accounts. With 0 it creates none: that there is none is ErrNoTable then.
func Open(ctx context.Context, b bucket.Bucket, root string, buckets int) (*Table, error) {
	c := catalog{b, strings.TrimSuffix(root, "/") + "/" + directory}
	version, err := c.newest(ctx)
	if err == nil && version == 0 && buckets == 0 {
		err = ErrNoTable
	}
	if err == nil && version == 0 {
		err = c.begin(ctx, buckets)
		if errors.Is(err, table.ErrCommitFailed) { // another run created it
			err = nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open the events table: %w", err)
	}
	t := &Table{catalog: c}
	t.table, err = c.LoadTable(ctx, table.Identifier{directory})
	if err == nil {
		err = t.check()
	}
	if err != nil {
		return nil, fmt.Errorf("open the events table: %w", err)
	}
	return t, nil
}

// check returns an error if this program cannot add to the table: another one may have changed its
// schema or partitions, or it was moved.
func (t *Table) check() error {
	t.spec = t.table.Spec()
	day, found := t.field(dayID)
	bucket, other := t.field(bucketID)
	transform, ok := bucket.Transform.(iceberg.BucketTransform)
	switch {
	case !found || !other || !ok || t.spec.NumFields() != 2 || day.Transform != (iceberg.DayTransform{}):
		return fmt.Errorf("the table is partitioned by %v, which this program does not write", t.spec)
	case !t.table.Schema().Equals(schema()):
		return errors.New("the table has other columns than this program writes")
	case t.table.Location() != t.catalog.location:
		return fmt.Errorf("the table says that it is at %s, and was opened at %s: a table cannot be moved", t.table.Location(), t.catalog.location)
	}
	t.bucket = transform
	return nil
}

func (t *Table) field(id int) (iceberg.PartitionField, bool) {
	for _, f := range t.spec.Fields() {
		if f.FieldID == id {
			return f, true
		}
	}
	return iceberg.PartitionField{}, false
}

// Location returns the URL of the newest version's metadata, which engines open.
func (t *Table) Location() string { return t.table.MetadataLocation() }

// Version describes the newest version to a catalog.
func (t *Table) Version() eventtable.Version {
	v := eventtable.Version{Location: t.catalog.location, Metadata: t.Location()}
	for _, f := range t.table.Schema().Fields() {
		kind, renamed := hiveTypes[f.Type.String()]
		if !renamed {
			kind = f.Type.String()
		}
		v.Columns = append(v.Columns, eventtable.Column{Name: f.Name, Type: kind})
	}
	return v
}

// hiveTypes are the types that Hive has other words for.
var hiveTypes = map[string]string{"long": "bigint", "timestamptz": "timestamp"}

// Bucket implements eventtable.Table.
func (t *Table) Bucket(account string) int32 {
	in := t.bucket.Transformer(iceberg.PrimitiveTypes.String)(account)
	return in.Val
}

// Summary implements eventtable.Table. Other programs may have committed snapshots since, as to
// rewrite files.
func (t *Table) Summary() map[string]string {
	for s := t.table.CurrentSnapshot(); s != nil; {
		if isOurs(s) {
			ours := map[string]string{}
			for name, value := range s.Summary.Properties {
				if strings.HasPrefix(name, summaryPrefix) {
					ours[name] = value
				}
			}
			return ours
		}
		if s.ParentSnapshotID == nil {
			return nil
		}
		s = t.table.SnapshotByID(*s.ParentSnapshotID)
	}
	return nil
}

// isOurs reports whether Append or Replace made a snapshot.
func isOurs(s *table.Snapshot) bool {
	if s.Summary == nil {
		return false
	}
	for name := range s.Summary.Properties {
		if strings.HasPrefix(name, summaryPrefix) {
			return true
		}
	}
	return false
}

// Files implements eventtable.Table.
func (t *Table) Files(ctx context.Context) (keys []string, err error) {
	return keys, t.each(ctx, func(key string, _ iceberg.DataFile) error {
		keys = append(keys, key)
		return nil
	})
}

// List implements eventtable.Replaceable.
func (t *Table) List(ctx context.Context) (files []eventtable.File, err error) {
	order := t.table.SortOrder().OrderID()
	return files, t.each(ctx, func(key string, f iceberg.DataFile) error {
		if by := f.SortOrderID(); by == nil || *by != order {
			return nil
		}
		day, bucket := partitionNumber(f, dayID), partitionNumber(f, bucketID)
		if day < 0 || bucket < 0 {
			return fmt.Errorf("%s has the partition %v", key, f.Partition())
		}
		files = append(files, eventtable.File{Key: key, Day: day, Bucket: bucket, Rows: f.Count(), Bytes: f.FileSizeBytes()})
		return nil
	})
}

// partitionNumber returns a field of a file's partition, -1 if it has none.
func partitionNumber(f iceberg.DataFile, id int) int32 {
	switch n := f.Partition()[id].(type) {
	case int32:
		return n
	case iceberg.Date:
		return int32(n)
	case int:
		return int32(n)
	}
	return -1
}

// each calls take with every file of the newest snapshot.
func (t *Table) each(ctx context.Context, take func(key string, f iceberg.DataFile) error) error {
	s := t.table.CurrentSnapshot()
	if s == nil {
		return nil
	}
	in := t.catalog.files(ctx)
	manifests, err := s.Manifests(in)
	if err != nil {
		return err
	}
	for _, m := range manifests {
		for e, err := range m.Entries(in, true) {
			if err != nil {
				return err
			}
			key, ok := strings.CutPrefix(e.DataFile().FilePath(), t.catalog.location+"/")
			if !ok {
				return fmt.Errorf("%s is not below %s", e.DataFile().FilePath(), t.catalog.location)
			}
			err = take(key, e.DataFile())
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// Replace implements eventtable.Replaceable.
func (t *Table) Replace(ctx context.Context, old []eventtable.File, with eventtable.File) error {
	replaced := map[string]bool{}
	for _, f := range old {
		replaced[f.Key] = true
	}
	added, err := t.dataFile(with)
	if err != nil {
		return fmt.Errorf("describe %s: %w", with.Key, err)
	}
	return t.commit(ctx, func(tx *table.Transaction) error {
		rewrite := tx.NewRewrite(t.Summary()).AddDataFile(added)
		err := t.each(ctx, func(key string, f iceberg.DataFile) error {
			if replaced[key] {
				rewrite.DeleteFile(f)
			}
			return nil
		})
		if err != nil {
			return err
		}
		return rewrite.Commit(ctx)
	})
}

// Write implements eventtable.Table.
func (t *Table) Write(ctx context.Context, key string, data []byte) error {
	err := t.catalog.bucket.Create(ctx, path.Join(directory, key), data)
	if errors.Is(err, bucket.ErrExists) {
		return nil
	}
	return err
}

// Open implements eventtable.Table.
func (t *Table) Open(ctx context.Context, key string) (bucket.Object, error) {
	return t.catalog.bucket.Open(ctx, path.Join(directory, key))
}

// Append implements eventtable.Table.
func (t *Table) Append(ctx context.Context, added []eventtable.File, summary map[string]string) error {
	if len(added) == 0 {
		return t.record(ctx, summary)
	}
	all, err := t.dataFiles(added)
	if err != nil {
		return err
	}
	return t.commit(ctx, func(tx *table.Transaction) error {
		return tx.AddDataFiles(ctx, all, iceberg.Properties(summary), table.WithoutDuplicateCheck(), table.WithoutAutoNameMapping())
	})
}

// commit commits what change does to the newest version that this process knows.
func (t *Table) commit(ctx context.Context, change func(*table.Transaction) error) error {
	tx := t.table.NewTransaction()
	err := tx.AssertRefSnapshotID(table.MainBranch)
	if err == nil {
		err = change(tx)
	}
	var next *table.Table
	if err == nil {
		next, err = tx.Commit(ctx)
	}
	if errors.Is(err, table.ErrCommitFailed) {
		return fmt.Errorf("%w: %w", eventtable.ErrConflict, err)
	}
	if err != nil {
		return fmt.Errorf("commit the snapshot: %w", err)
	}
	t.table = next
	return nil
}

// record commits a snapshot of the files that the newest one has. The library makes none without
// files.
func (t *Table) record(ctx context.Context, summary map[string]string) error {
	s := t.table.CurrentSnapshot()
	if s == nil {
		return errors.New("a table without rows records nothing")
	}
	next := *s
	next.SnapshotID, next.ParentSnapshotID = rand.Int64(), &s.SnapshotID
	next.SequenceNumber, next.TimestampMs = t.table.Metadata().LastSequenceNumber()+1, max(time.Now().UnixMilli(), s.TimestampMs)
	next.Summary = &table.Summary{Operation: table.OpAppend, Properties: iceberg.Properties{}}
	maps.Copy(next.Summary.Properties, summary)
	for name, value := range s.Summary.Properties {
		if strings.HasPrefix(name, totalPrefix) {
			next.Summary.Properties[name] = value
		}
	}
	m, location, err := t.catalog.CommitTable(ctx, t.table.Identifier(), []table.Requirement{table.AssertRefSnapshotID(table.MainBranch, &s.SnapshotID)},
		[]table.Update{table.NewAddSnapshotUpdate(&next), table.NewSetSnapshotRefUpdate(table.MainBranch, next.SnapshotID, table.BranchRef, 0, 0, 0)})
	if errors.Is(err, table.ErrCommitFailed) {
		return fmt.Errorf("%w: %w", eventtable.ErrConflict, err)
	}
	if err != nil {
		return fmt.Errorf("commit the snapshot: %w", err)
	}
	t.table = t.catalog.table(t.table.Identifier(), m, location)
	return nil
}

// Rows returns how many rows the newest version has.
func (t *Table) Rows() int64 {
	s := t.table.CurrentSnapshot()
	if s == nil || s.Summary == nil {
		return 0
	}
	n, err := strconv.ParseInt(s.Summary.Properties["total-records"], 10, 64)
	if err != nil { // another program made it
		return 0
	}
	return n
}

// dataFiles describes files to engines.
func (t *Table) dataFiles(files []eventtable.File) (all []iceberg.DataFile, err error) {
	for _, f := range files {
		file, err := t.dataFile(f)
		if err != nil {
			return nil, fmt.Errorf("describe %s: %w", f.Key, err)
		}
		all = append(all, file)
	}
	return all, nil
}

// dataFile describes a file to engines.
func (t *Table) dataFile(f eventtable.File) (iceberg.DataFile, error) {
	b, err := iceberg.NewDataFileBuilder(t.spec, iceberg.EntryContentData, t.catalog.location+"/"+f.Key, iceberg.ParquetFile,
		map[int]any{dayID: f.Day, bucketID: f.Bucket}, map[int]string{}, map[int]int{}, f.Rows, f.Bytes)
	if err != nil {
		return nil, err
	}
	return b.LowerBoundValues(bounds(f.Least)).UpperBoundValues(bounds(f.Most)).SortOrderID(t.table.SortOrder().OrderID()).Build(), nil
}

// bounds returns bounds of columns as the format encodes single values.
func bounds(r eventtable.Row) map[int][]byte {
	long := func(n int64) []byte { return binary.LittleEndian.AppendUint64(nil, uint64(n)) }
	return map[int][]byte{
		tenantID: []byte(r.Tenant), accountID: []byte(r.AccountID), versionID: long(r.Version), recordedAtID: long(r.RecordedAt),
		effectiveAtID: binary.LittleEndian.AppendUint32(nil, uint32(r.EffectiveAt)),
	}
}
