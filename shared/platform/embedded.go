package platform

import (
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
	"passbook/shared/embedded"
	"passbook/shared/stream"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/table/pebbletable"
)

// archiveDir is the directory of the archive in the data directory. It alone is enough to restore
// everything else.
const archiveDir = "archive"

// Present says whether there is anything to work on: jobs do not make a bank where there is none.
// Its error matches ErrData. What is there on AWS, Prepare tells.
func Present(c Config) error {
	if c.Store == AWS {
		return nil
	}
	for _, name := range []string{"FORMAT", archiveDir} {
		if _, err := os.Stat(filepath.Join(c.Data, name)); err == nil {
			return nil
		}
	}
	return &UnusableError{What: fmt.Sprintf("no bank in %s (--data, PASSBOOK_DATA)", c.Data), Next: adviceNoBank, Err: ErrData}
}

// OpenArchive opens the archive alone, beside whoever holds the rest. Its errors are those of Open.
func OpenArchive(ctx context.Context, c Config) (bucket.Bucket, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.Store == AWS {
		e, err := openAWS(ctx, c, Resources{Archive: true}, slog.New(slog.DiscardHandler))
		if err != nil {
			return nil, err
		}
		return e.Bucket, e.Prepare(ctx)
	}
	archive, err := dirbucket.New(filepath.Join(c.Data, archiveDir))
	if err != nil {
		return nil, fmt.Errorf("open the archive: %w", err)
	}
	return archive, nil
}

// before are what a directory may hold before it is a bank's: the archive that a bank is restored
// from, what a first start that was cut short leaves, and what a file system puts at its root.
var before = []string{archiveDir, "LOCK", "PID", "PID.new", "FORMAT.new", opsFile, "lost+found"}

// checkForeign refuses a directory with files of others in it: a bank would put its own among them.
// Its error matches ErrData.
func checkForeign(data string) error {
	entries, err := os.ReadDir(data)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look into the data directory (--data, PASSBOOK_DATA): %w", err)
	}
	foreign := ""
	for _, e := range entries {
		switch {
		case e.Name() == "FORMAT":
			return nil
		case foreign == "" && !slices.Contains(before, e.Name()):
			foreign = e.Name()
		}
	}
	if foreign == "" {
		return nil
	}
	return fmt.Errorf("%w: %s (--data, PASSBOOK_DATA) has %s in it and no FORMAT: it is no bank's", ErrData, data, foreign)
}

// embeddedStore is Pebble and a directory.
type embeddedStore struct {
	db        *embedded.DB
	streams   *pebblestream.Stream
	resources []string // the streams' full names
	shards    func(stream string) int
}

// openEmbedded opens Pebble and the directory of the archive below Config.Data.
func openEmbedded(c Config, r Resources, log *slog.Logger) (*Engine, error) {
	m := MemoryOf(c)
	if err := checkForeign(c.Data); err != nil {
		return nil, err
	}
	db, err := embedded.Open(embedded.Options{Dir: c.Data, CacheBytes: int64(m.Cache), MemTableBytes: uint64(m.MemTable), Logger: log})
	if err != nil {
		return nil, explainData(c, err)
	}
	tables, err := pebbletable.New(db, r.Tables...)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	streams, err := pebblestream.New(db, pebblestream.Options{Shards: c.Shards})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	archive, err := dirbucket.New(filepath.Join(c.Data, archiveDir))
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	for _, dir := range []string{c.Data, filepath.Join(c.Data, archiveDir)} {
		narrow(dir, log)
	}
	store := &embeddedStore{db: db, streams: streams, shards: c.ShardsOf}
	for _, name := range r.Streams {
		store.resources = append(store.resources, c.Stream(name))
	}
	return &Engine{
		Table: tables, Streams: streams, Bucket: archive, Exclusive: true, Space: newSpace(c.Data, c.MinFree), Where: []string{"data      " + c.Data}, store: store,
	}, nil
}

func (s *embeddedStore) prepare(ctx context.Context) error { return s.create(ctx) }

// create makes the streams: tables and the archive's directory are there when the engine is open.
func (s *embeddedStore) create(ctx context.Context) error {
	for _, name := range s.resources {
		if err := s.createStream(ctx, name); err != nil {
			return fmt.Errorf("create stream %s: %w", name, err)
		}
	}
	return nil
}

func (s *embeddedStore) createStream(ctx context.Context, name string) error {
	return s.streams.CreateStream(ctx, name, s.shards(name))
}

func (s *embeddedStore) renewStream(ctx context.Context, name string) error {
	shards, err := s.streams.Shards(ctx, name)
	if errors.Is(err, stream.ErrNotFound) { // as an interrupted renewal leaves it
		return s.createStream(ctx, name)
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

func (s *embeddedStore) explain(err error) error { return explainDisk(err) }

func (s *embeddedStore) close() error { return s.db.Close() }
