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
	"passbook/shared/table"
	"passbook/shared/table/pebbletable"
)

// ErrHeld: another process holds the data directory. Ask it to do the work, by its ops listener, or end it first.
var ErrHeld = errors.New("the data directory is held by another process")

// ErrData: the data directory is damaged, or of a newer program. Nothing in it was changed.
var ErrData = errors.New("the data directory cannot be used")

// archiveDir is the directory of the archive in the data directory. It alone is enough to restore everything else.
const archiveDir = "archive"

// Resources are what a program needs to find.
type Resources struct {
	// Tables are the schemas of the tables, without the deployment's prefix.
	Tables []table.Schema
	// Streams are the names of the streams, without the prefix.
	Streams []string
}

// Engine is what a program stands on. Its ports may be used concurrently until Close.
type Engine struct {
	Table   table.Table
	Streams stream.Stream
	Bucket  bucket.Bucket
	// Exclusive says that no other process can use the stores while this one does, so that whatever another left behind, a
	// lease or a writer, is dead.
	Exclusive bool

	resources Resources
	prefix    string
	create    func(ctx context.Context, stream string) error
	close     func() error
}

// Stream is the name of a stream in this deployment.
func (c Config) Stream(name string) string { return c.Prefix + name }

// Open opens the stores that the configuration names, and makes none of the resources: that is CreateResources. It fails with
// ErrConfig, ErrHeld or ErrData, having changed nothing.
func Open(c Config, r Resources, log *slog.Logger) (*Engine, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return openEmbedded(c, r, log)
}

// Present says whether there is anything to work on: jobs do not make a bank where there is none. Its error matches ErrData.
func Present(c Config) error {
	for _, name := range []string{"FORMAT", archiveDir} {
		if _, err := os.Stat(filepath.Join(c.Data, name)); err == nil {
			return nil
		}
	}
	return fmt.Errorf("%w: no bank in %s (--data, PASSBOOK_DATA)", ErrData, c.Data)
}

// OpenArchive opens the archive alone, beside whoever holds the rest.
func OpenArchive(c Config) (bucket.Bucket, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	archive, err := dirbucket.New(filepath.Join(c.Data, archiveDir))
	if err != nil {
		return nil, fmt.Errorf("open the archive: %w", err)
	}
	return archive, nil
}

// openEmbedded opens Pebble and the directory of the archive below Config.Data.
func openEmbedded(c Config, r Resources, log *slog.Logger) (*Engine, error) {
	db, err := embedded.Open(embedded.Options{Dir: c.Data, Logger: log})
	switch {
	case errors.Is(err, embedded.ErrLocked):
		return nil, fmt.Errorf("%w: %w", ErrHeld, err)
	case errors.Is(err, embedded.ErrFormat):
		return nil, fmt.Errorf("%w: %w", ErrData, err)
	case err != nil:
		return nil, fmt.Errorf("open the data directory (--data, PASSBOOK_DATA): %w", err)
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
	create := func(ctx context.Context, stream string) error { return streams.CreateStream(ctx, stream, c.Shards) }
	return &Engine{
		Table: tables, Streams: streams, Bucket: archive, Exclusive: true,
		resources: r, prefix: c.Prefix, create: create, close: db.Close,
	}, nil
}

// CreateResources makes the tables and streams that are missing, and leaves alone those that are there.
func (e *Engine) CreateResources(ctx context.Context) error {
	for _, name := range e.resources.Streams {
		if err := e.CreateStream(ctx, e.prefix+name); err != nil {
			return err
		}
	}
	return nil
}

// CreateStream makes a stream, by its full name, if it is missing.
func (e *Engine) CreateStream(ctx context.Context, name string) error {
	if err := e.create(ctx, name); err != nil {
		return fmt.Errorf("create stream %s: %w", name, err)
	}
	return nil
}

// Close gives the stores back. The ports MUST NOT be used any more.
func (e *Engine) Close() error {
	if err := e.close(); err != nil {
		return fmt.Errorf("close the stores: %w", err)
	}
	return nil
}
