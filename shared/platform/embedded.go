package platform

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"passbook/shared/bucket"
	"passbook/shared/bucket/dirbucket"
	"passbook/shared/embedded"
	"passbook/shared/stream"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/table/pebbletable"
)

// archiveDir is the directory of the archive in the data directory. It alone is enough to restore everything else.
const archiveDir = "archive"

// Present says whether there is anything to work on: jobs do not make a bank where there is none. Its error matches ErrData. What
// is there on AWS, Prepare tells.
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

// embeddedStore is Pebble and a directory.
type embeddedStore struct {
	db        *embedded.DB
	streams   *pebblestream.Stream
	resources []string // the streams' full names
	shards    int
}

// openEmbedded opens Pebble and the directory of the archive below Config.Data.
func openEmbedded(c Config, r Resources, log *slog.Logger) (*Engine, error) {
	m := MemoryOf(c)
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
	store := &embeddedStore{db: db, streams: streams, shards: c.Shards}
	for _, name := range r.Streams {
		store.resources = append(store.resources, c.Stream(name))
	}
	return &Engine{
		Table: tables, Streams: streams, Bucket: archive, Exclusive: true, Where: []string{"data      " + c.Data}, store: store,
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
	return s.streams.CreateStream(ctx, name, s.shards)
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
