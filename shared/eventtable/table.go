package eventtable

import (
	"context"

	"passbook/shared/bucket"
)

// Table is where the files and snapshots of the table are.
type Table interface {
	// Bucket returns the part of the table that an account's rows are in.
	Bucket(account string) int32
	// Summary returns what the newest snapshot that Append made says, nil before the first.
	Summary() map[string]string
	// Files lists the keys of the files of the newest snapshot.
	Files(ctx context.Context) ([]string, error)
	// Write writes a file, or does nothing if it is there: a key names its content.
	Write(ctx context.Context, key string, data []byte) error
	// Open opens a file.
	Open(ctx context.Context, key string) (bucket.Object, error)
	// Append commits a snapshot that has written files beside all files of the one before. It fails
	// with ErrConflict, and changes nothing, if another snapshot was committed since the table was
	// opened or Append succeeded.
	Append(ctx context.Context, files []File, summary map[string]string) error
}

// Version is a version of a table, as a catalog describes it.
type Version struct {
	// Location is the URL of the table, Metadata that of the version's metadata.
	Location, Metadata string
	Columns            []Column
}

// Column is a column, with its type in the words of Hive.
type Column struct{ Name, Type string }

// File is a data file of the table.
type File struct {
	Key string
	// Day and Bucket are the partition: the UTC day of recorded_at, in days since 1970, and the
	// bucket of the account.
	Day, Bucket int32
	Rows, Bytes int64
	// Least and Most are the bounds of those columns that files are sorted or selected by. Their
	// other columns are not set.
	Least, Most Row
}

// Described is what a snapshot says of a file, by which engines pass over it.
type Described struct {
	File
	// Sorted means that its rows are in the order of tenant, account and version, Bounded that
	// Least and Most are there.
	Sorted, Bounded bool
}

// widen extends the bounds by a row.
func (f *File) widen(r *Row) {
	if f.Rows == 0 {
		bounds := Row{Tenant: r.Tenant, AccountID: r.AccountID, Version: r.Version, RecordedAt: r.RecordedAt, EffectiveAt: r.EffectiveAt}
		f.Least, f.Most = bounds, bounds
	}
	f.Rows++
	l, m := &f.Least, &f.Most
	l.Tenant, m.Tenant = min(l.Tenant, r.Tenant), max(m.Tenant, r.Tenant)
	l.AccountID, m.AccountID = min(l.AccountID, r.AccountID), max(m.AccountID, r.AccountID)
	l.Version, m.Version = min(l.Version, r.Version), max(m.Version, r.Version)
	l.RecordedAt, m.RecordedAt = min(l.RecordedAt, r.RecordedAt), max(m.RecordedAt, r.RecordedAt)
	l.EffectiveAt, m.EffectiveAt = min(l.EffectiveAt, r.EffectiveAt), max(m.EffectiveAt, r.EffectiveAt)
}
