package platform

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"passbook/shared/bucket"
	"passbook/shared/bucket/dirbucket"
	"passbook/shared/bucket/s3bucket"
	"passbook/shared/embedded"
	"passbook/shared/keywrap"
	"passbook/shared/keywrap/filewrap"
	"passbook/shared/stream"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/table/pebbletable"
)

// archiveDir is the directory of the archive in the data directory. Everything else can be restored
// from it.
const archiveDir = "archive"

// keyFile is the file in archiveDir that protects the bank's data keys, and keysDir the directory
// with the copies of those: without the file they are of no use.
const (
	keyFile = "key"
	keysDir = "keys"
)

// openKeys returns the Wrapper of the archive's key file.
func openKeys(c Config) keywrap.Wrapper {
	archive := filepath.Join(c.Data, archiveDir)
	return keywrap.Once(filewrap.New(filepath.Join(archive, keyFile), func() (bool, error) {
		_, err := os.Stat(filepath.Join(archive, keysDir))
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return err == nil, err
	}))
}

// Present returns an error that matches ErrData if the data directory is not the directory of a
// bank: jobs do not create one. On AWS it returns nil, and Prepare looks for the resources.
func Present(c Config) error {
	if c.Store == AWS {
		return nil
	}
	for _, name := range []string{"FORMAT", archiveDir} {
		_, err := os.Stat(filepath.Join(c.Data, name))
		if err == nil {
			return nil
		}
		if errors.Is(err, fs.ErrPermission) { // it may be there
			return &UnusableError{What: fmt.Sprintf("permission denied on the data directory %s (--data, PASSBOOK_DATA)", c.Data), Next: adviceNoRight, Err: err}
		}
	}
	return &UnusableError{What: fmt.Sprintf("no bank in %s (--data, PASSBOOK_DATA)", c.Data), Next: adviceNoBank, Err: ErrData}
}

// OpenArchive opens only the archive, also while another process uses the other stores, and what
// unwraps the data keys in it. Its errors are those of Open.
func OpenArchive(ctx context.Context, c Config) (bucket.Bucket, keywrap.Wrapper, error) {
	if err := c.Validate(); err != nil {
		return nil, nil, err
	}
	if c.Store == AWS {
		e, err := openAWS(ctx, c, Resources{Archive: true}, slog.New(slog.DiscardHandler))
		if err != nil {
			return nil, nil, err
		}
		return e.Bucket, e.Keys, e.Prepare(ctx)
	}
	archive, err := dirbucket.New(filepath.Join(c.Data, archiveDir))
	if err != nil {
		return nil, nil, fmt.Errorf("open the archive: %w", err)
	}
	return archive, openKeys(c), nil
}

// OpenCopy opens a copy of an archive in a directory, to read only. It needs no bank.
func OpenCopy(dir string) (bucket.Bucket, error) {
	b, err := dirbucket.Existing(dir)
	if err != nil {
		return nil, &UnusableError{What: fmt.Sprintf("no copy of an archive in %s: %v", dir, err), Next: "name the directory with events/ and log/ in it", Err: ErrData}
	}
	return b, nil
}

// tablesDir is the directory of the tables that are made of the archive, unless another is named.
const tablesDir = "tables"

// OpenTables opens the bucket of the tables that are made of the archive, and returns its URL. The
// place is the name of an S3 bucket, or a directory; "" is the one in the data directory.
func OpenTables(ctx context.Context, c Config, place string) (b bucket.Removable, root string, err error) {
	if c.Store == AWS {
		archive := c.Bucket
		c.Bucket = place
		if place == "" || place == archive {
			return nil, "", c.invalid("Bucket", "is the archive's or empty: name another S3 bucket for the tables")
		}
		opened, _, err := OpenArchive(ctx, c)
		if err != nil {
			return nil, "", err
		}
		return s3bucket.Removable{Bucket: opened.(*s3bucket.Bucket)}, "s3://" + place, nil
	}
	dir, err := filepath.Abs(cmp.Or(place, filepath.Join(c.Data, tablesDir)))
	if err != nil {
		return nil, "", fmt.Errorf("find the directory of the tables: %w", err)
	}
	opened, err := dirbucket.New(dir)
	if err != nil {
		return nil, "", explainDisk(fmt.Errorf("open the tables: %w", err))
	}
	return dirbucket.Removable{Bucket: opened}, "file://" + filepath.ToSlash(dir), nil
}

// ExplainKey returns an *UnusableError for an error of OpenArchive's Wrapper that has one cause and
// one remedy, and any other error as it is.
func ExplainKey(c Config, err error) error {
	if c.Store != AWS {
		return explainDisk(err)
	}
	if explained := explainKey(err); explained != nil {
		return explained
	}
	return err
}

// PartialRestore is a directory in a data directory that a backup is being restored to. Without
// FORMAT beside it, the data directory is not the directory of a bank yet.
const PartialRestore = "restore.partial"

// harmless are the names that a directory may contain before it is the directory of a bank: the
// archive that a bank is restored from, the files of an interrupted first start, and the directory
// that a file system has at its root.
var harmless = []string{archiveDir, "LOCK", "PID", "PID.new", "FORMAT.new", opsFile, "lost+found"}

// checkForeign returns an error that matches ErrData if the directory contains files of another
// program: a bank would put its own among them.
func checkForeign(data string) error {
	entries, err := os.ReadDir(data)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the data directory (--data, PASSBOOK_DATA): %w", err)
	}
	foreign := ""
	for _, e := range entries {
		switch {
		case e.Name() == "FORMAT":
			return nil
		case e.Name() == PartialRestore || foreign == "" && !slices.Contains(harmless, e.Name()):
			foreign = e.Name()
		}
	}
	switch foreign {
	case "":
		return nil
	case PartialRestore:
		return &UnusableError{What: fmt.Sprintf("a restore into %s (--data, PASSBOOK_DATA) was not finished", data), Next: adviceRestore, Err: ErrData}
	}
	return fmt.Errorf("%w: %s (--data, PASSBOOK_DATA) contains %s and no FORMAT file, so it is not the directory of a bank", ErrData, data, foreign)
}

// embeddedStore administers Pebble and the directory of the archive.
type embeddedStore struct {
	db        *embedded.DB
	streams   *pebblestream.Stream
	archive   *dirbucket.Bucket
	data      string
	resources []string // the streams' full names
	shards    func(stream string) int
}

// openEmbedded opens Pebble and the archive in Config.Data.
func openEmbedded(c Config, r Resources, log *slog.Logger) (*Engine, error) {
	m := MemoryOf(c)
	if err := errors.Join(checkRetired(c.Data), checkForeign(c.Data)); err != nil {
		return nil, err
	}
	db, err := embedded.Open(embedded.Options{Dir: c.Data, CacheBytes: int64(m.Cache), MemTableBytes: uint64(m.MemTable), StoredBytes: int64(m.Stored), Logger: log})
	if err != nil {
		return nil, explainData(c, err)
	}
	tables, err := pebbletable.New(db, r.Tables...)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	streams, err := pebblestream.New(db, pebblestream.Options{Shards: c.Shards, TailBytes: int(m.Tail)})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	archive, err := dirbucket.New(filepath.Join(c.Data, archiveDir))
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if err := removeSnapshot(c.Data); err != nil { // of a backup that was interrupted
		return nil, errors.Join(err, db.Close())
	}
	for _, dir := range []string{c.Data, filepath.Join(c.Data, archiveDir)} {
		makePrivate(dir, log)
	}
	store := &embeddedStore{db: db, streams: streams, archive: archive, data: c.Data, shards: c.ShardsOf}
	for _, name := range r.Streams {
		store.resources = append(store.resources, c.Stream(name))
	}
	return &Engine{
		Table: tables, Streams: streams, Bucket: archive, Keys: openKeys(c), Exclusive: true, Space: newSpace(c.Data, c.MinFree), Metrics: db.Metrics(),
		Descriptions: []string{"data      " + c.Data}, Place: c.Data, Admin: store,
	}, nil
}

// Prepare implements Admin.
func (s *embeddedStore) Prepare(ctx context.Context) error { return s.CreateResources(ctx) }

// CreateResources implements Admin. Tables and the directory of the archive exist as soon as the
// engine is open.
func (s *embeddedStore) CreateResources(ctx context.Context) error {
	for _, name := range s.resources {
		if err := s.CreateStream(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// CreateStream implements Admin.
func (s *embeddedStore) CreateStream(ctx context.Context, name string) error {
	if err := s.streams.CreateStream(ctx, name, s.shards(name)); err != nil {
		return fmt.Errorf("create stream %s: %w", name, err)
	}
	return nil
}

// RenewStream implements Admin.
func (s *embeddedStore) RenewStream(ctx context.Context, name string) error {
	if err := s.renewStream(ctx, name); err != nil {
		return fmt.Errorf("renew stream %s: %w", name, err)
	}
	return nil
}

func (s *embeddedStore) renewStream(ctx context.Context, name string) error {
	shards, err := s.streams.Shards(ctx, name)
	if errors.Is(err, stream.ErrNotFound) { // an earlier renewal was interrupted
		return s.streams.CreateStream(ctx, name, s.shards(name))
	}
	if err != nil {
		return err
	}
	open := 0
	for _, shard := range shards {
		if !shard.Closed {
			open++
		}
	}
	if err := s.streams.DeleteStream(ctx, name); err != nil {
		return err
	}
	return s.streams.CreateStream(ctx, name, open)
}

// RaiseFormat implements Admin.
func (s *embeddedStore) RaiseFormat(context.Context) error { return s.db.RaiseFormat() }

// Explain implements Admin.
func (s *embeddedStore) Explain(err error) error {
	if explained(err) {
		return err
	}
	return explainDisk(err)
}

// Close implements Admin.
func (s *embeddedStore) Close() error {
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("close the stores: %w", err)
	}
	return nil
}
