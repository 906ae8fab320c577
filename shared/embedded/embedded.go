package embedded

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable/block"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// The first byte of a key is its keyspace.
const (
	// TableSpace is the keyspace of pebbletable.
	TableSpace byte = 't'
	// StreamSpace is the keyspace of pebblestream.
	StreamSpace byte = 's'
)

// ErrClosed is returned by a DB that was closed.
var ErrClosed = errors.New("embedded: closed")

// MemTables is how many memtables there are at most: one that is written, and two that wait for the
// disk or are on their way to it. Fewer and larger ones make fewer and larger tables.
const MemTables = 3

const (
	defaultCacheBytes    = 256 << 20
	defaultMemTableBytes = 64 << 20
	defaultStoredBytes   = 80 << 20
	// compactLayers is how many layers of tables level 0 has when it is compacted. Pebble counts
	// each twice.
	compactLayers = 6
	blockBytes    = 8 << 10
	// flushedBytes is how much the log has when Close writes its rows as tables, which takes
	// flushMost at most.
	flushedBytes = 1 << 20
	flushMost    = 5 * time.Second
)

// Options configures a DB. Only Dir is required.
type Options struct {
	// Dir is the data directory; it is created if missing.
	Dir string
	// FS is the file system; nil is the disk. Tests give vfs.NewMem or vfs.NewCrashableMem.
	FS vfs.FS
	// NoSync answers writes before they are on disk. It is for tests without power cuts.
	NoSync bool
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// CacheBytes bounds the block cache, beside the memtables; 0 is 256 MiB.
	CacheBytes int64
	// MemTableBytes bounds each of the MemTables memtables; 0 is 64 MiB.
	MemTableBytes uint64
	// StoredBytes bounds what the tables remember of stored rows; 0 is 80 MiB.
	StoredBytes int64
	// Logger gets the messages of Pebble at debug level; nil drops them.
	Logger *slog.Logger
	// Fatal gets the reason why the process must end at once, and does not return; nil writes it to
	// standard error as one line and exits with code 1.
	Fatal func(cause string)
}

// DB is an open database. Its methods may be called concurrently.
type DB struct {
	dir    dir
	engine *pebble.DB
	lock   io.Closer
	now    func() time.Time
	write  *pebble.WriteOptions
	// metrics are the database's.
	metrics *Metrics
	stored  int64

	commits commits
	views   views
	locks   locks

	sharedMu sync.Mutex
	shared   map[byte]any
}

// Open opens the directory, or creates a new database in it. If it fails with ErrLocked, ErrFormat
// or ErrDamaged, it has changed nothing.
func Open(o Options) (*DB, error) {
	d, format, lock, err := lockDir(o)
	if err != nil {
		return nil, fmt.Errorf("open data directory: %w", err)
	}
	if format == 0 {
		err = errors.Join(d.write(formatFile, fmt.Sprint(Format)), d.sync(d.fs.PathDir(d.path)))
	}
	var engine *pebble.DB
	metrics := newMetrics()
	if err == nil {
		engine, err = openEngine(d, o, metrics)
	}
	if err == nil {
		err = d.sync(d.path)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open data directory %s: %w", d.path, err), lock.Close())
	}
	return newDB(o, d, engine, lock, metrics), nil
}

// lockDir creates the directory if it is missing, locks it, and returns its format, 0 if it has no
// database.
func lockDir(o Options) (d dir, format int, lock io.Closer, err error) {
	if d, err = openDir(o); err != nil {
		return d, 0, nil, err
	}
	if format, err = d.checkFormat(); err != nil {
		return d, 0, nil, err
	}
	if err := d.fs.MkdirAll(d.path, 0o700); err != nil {
		return d, 0, nil, err
	}
	lock, err = d.lock()
	return d, format, lock, err
}

// RaiseFormat marks the directory as one of Format, so that a program that knows only older formats
// refuses it. It does nothing to one that is marked already.
func (db *DB) RaiseFormat() error {
	format, err := db.dir.checkFormat()
	if err == nil && format < Format {
		err = db.dir.write(formatFile, fmt.Sprint(Format))
	}
	if err != nil {
		return fmt.Errorf("raise the format of %s: %w", db.dir.path, err)
	}
	return nil
}

// openEngine opens Pebble on a log that is not damaged.
func openEngine(d dir, o Options, metrics *Metrics) (*pebble.DB, error) {
	if !o.NoSync { // without syncs a crash may lose any part of the log
		found, err := d.checkLog()
		if err != nil {
			return nil, err
		}
		if found != nil {
			return nil, fmt.Errorf("%w: %w", ErrDamaged, found)
		}
	}
	opts := tuning(d.fs, o)
	opts.EventListener = metrics.listener()
	engine, err := pebble.Open(d.file(engineDir), opts)
	if err != nil && !fromSystem(err) {
		// Pebble describes damage in many lines. The first names the file.
		text, _, _ := strings.Cut(err.Error(), "\n")
		return nil, fmt.Errorf("%w: %s", ErrDamaged, text)
	}
	return engine, err
}

// fromSystem reports whether an error comes from the operating system, such as a full volume, a
// missing permission or a failing device. A missing file is damage and does not count.
func fromSystem(err error) bool {
	var number syscall.Errno
	return errors.As(err, &number) && number != syscall.ENOENT
}

func newDB(o Options, d dir, engine *pebble.DB, lock io.Closer, metrics *Metrics) *DB {
	db := &DB{dir: d, engine: engine, lock: lock, now: o.Now, write: pebble.Sync, metrics: metrics, stored: cmp.Or(o.StoredBytes, defaultStoredBytes), shared: map[byte]any{}}
	if o.NoSync {
		db.write = pebble.NoSync
	}
	if db.now == nil {
		db.now = time.Now
	}
	db.metrics.use(engine)
	db.locks.init()
	db.views.init(engine)
	db.startCommits()
	return db
}

// tuning returns options of Pebble for small rows that are written once, read soon and mostly new.
// Their keys are spread over all tables, so a compaction of level 0 writes the whole next level
// again. It waits for some layers, which share that work; a read looks into each, where the bloom
// filter rules most out. A block has some ten rows, which compress better than four.
func tuning(fs vfs.FS, o Options) *pebble.Options {
	opts := &pebble.Options{
		FS:                          ordered{unreserved{fs}},
		FormatMajorVersion:          pebble.FormatNewest,
		Logger:                      engineLog{o.Logger, o.Fatal},
		MemTableSize:                o.MemTableBytes,
		MemTableStopWritesThreshold: MemTables,
		L0CompactionThreshold:       2 * compactLayers,
		L0StopWritesThreshold:       24,
		CompactionConcurrencyRange:  func() (int, int) { return 1, 2 },
	}
	if opts.MemTableSize == 0 {
		opts.MemTableSize = defaultMemTableBytes
	}
	// Pebble takes the memtables out of the block cache: one that is no larger than they are has no
	// room for a block while rows are written.
	opts.CacheSize = cmp.Or(o.CacheBytes, defaultCacheBytes) + MemTables*int64(opts.MemTableSize)
	for i := range opts.Levels {
		opts.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
		opts.Levels[i].FilterType = pebble.TableFilter
		opts.Levels[i].BlockSize = blockBytes
		opts.Levels[i].Compression = func() *block.CompressionProfile { return block.FastestCompression }
	}
	return opts
}

// Metrics returns the metrics of the database.
func (db *DB) Metrics() *Metrics { return db.metrics }

// Now returns the time of the database's clock.
func (db *DB) Now() time.Time { return db.now() }

// StoredBytes bounds what the tables remember of stored rows.
func (db *DB) StoredBytes() int64 { return db.stored }

// Shared returns the state that all handles on one keyspace share. The first call makes it.
func (db *DB) Shared(space byte, make func() any) any {
	db.sharedMu.Lock()
	defer db.sharedMu.Unlock()
	if db.shared[space] == nil {
		db.shared[space] = make()
	}
	return db.shared[space]
}

// Close finishes the pending commits, waits for the views in use, writes the memtables as tables
// and unlocks the directory. Later calls of any method return ErrClosed.
func (db *DB) Close() error {
	if !db.stopCommits() {
		return ErrClosed
	}
	db.views.stop()
	db.metrics.use(nil)
	return errors.Join(db.flush(), db.engine.Close(), db.lock.Close())
}

// flush writes the memtables as tables, so that the next Open has no log to read: one of 16 MB
// takes it longer than everything else that a start does. What is not written in time is read from
// there.
func (db *DB) flush() error {
	if db.engine.Metrics().WAL.Size < flushedBytes {
		return nil
	}
	flushed, err := db.engine.AsyncFlush()
	if err != nil {
		return fmt.Errorf("flush %s: %w", db.dir.path, err)
	}
	late := time.NewTimer(flushMost)
	defer late.Stop()
	select {
	case <-flushed:
	case <-late.C:
	}
	return nil
}
