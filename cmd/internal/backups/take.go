package backups

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"passbook/shared/backup"
	"passbook/shared/origin"
	"passbook/shared/platform"
	"passbook/shared/progress"
	"passbook/shared/stream"
	"passbook/shared/table"
)

// snapshotMemory is the memory with which a snapshot is opened, beside the bank.
const snapshotMemory = 64 << 20

// patience is how long a backup waits for a verification or a restore of the one before.
const patience = 10 * time.Minute

// ErrInside means that the directory of the backup is in the data directory.
var ErrInside = errors.New("a backup in the data directory would be lost with it")

// Source is the bank that is backed up.
type Source struct {
	Config platform.Config
	// Stream is the name of its stream of events, with the deployment's prefix.
	Stream    string
	Table     table.Table
	Streams   stream.Stream
	Resources platform.Resources
	Snapshot  func(ctx context.Context) (*platform.Snapshot, error)
	// Version is that of the program.
	Version string
}

// Taken is what Take made.
type Taken struct {
	Dir string `json:"directory"`
	backup.Facts
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
	// Copied is how many bytes were copied; the others were carried from the backup before.
	Copied int64 `json:"copied_bytes"`
	// Seconds is how long it took.
	Seconds float64 `json:"seconds"`
}

// Take makes a backup in a directory.
func Take(ctx context.Context, s Source, dir string, rate int64, p *progress.Tracker) (taken Taken, err error) {
	taken.Dir = dir
	if taken.Facts, err = s.facts(ctx); err != nil {
		return taken, err
	}
	if inside(s.Config.Data, dir) {
		return taken, fmt.Errorf("%w: %s is in it; name a directory elsewhere, best on another device", ErrInside, dir)
	}
	draft, err := backup.Open(ctx, dir, taken.Facts, backup.Options{Rate: rate, Progress: p, Patience: patience})
	if err != nil {
		return taken, err
	}
	defer func() { err = errors.Join(err, draft.Close()) }()
	if err := s.copy(ctx, draft, &taken.Facts, p); err != nil {
		return taken, err
	}
	if err := draft.Check(ctx); err != nil {
		return taken, err
	}
	m, err := draft.Finish(taken.Facts)
	if err != nil {
		return taken, err
	}
	taken.Files, taken.Bytes, taken.Copied = len(m.Files), m.Bytes(), draft.Copied
	taken.Seconds = time.Since(taken.Taken).Seconds()
	return taken, nil
}

// facts returns what is known of the bank before the snapshot.
func (s Source) facts(ctx context.Context) (f backup.Facts, err error) {
	bank, err := origin.ReadBank(ctx, s.Table)
	if err != nil {
		return f, err
	}
	f = backup.Facts{Bank: bank.ID, EntryFormat: bank.Format, Stream: s.Stream, Taken: time.Now().UTC(), Program: s.Version}
	if f.Life, err = s.Streams.Created(ctx, s.Stream); err != nil {
		return f, fmt.Errorf("creation of %s: %w", s.Stream, err)
	}
	if f.Host, err = os.Hostname(); err != nil {
		return f, fmt.Errorf("name of this machine: %w", err)
	}
	f.Data, err = filepath.Abs(s.Config.Data)
	return f, err
}

// inside reports whether a directory is another one or in it, also by links.
func inside(outer, dir string) bool {
	rel, err := filepath.Rel(resolve(outer), resolve(dir))
	return err == nil && filepath.IsLocal(rel)
}

// resolve returns the absolute path of a directory, which need not exist, without the links in it.
func resolve(dir string) string {
	path, err := filepath.Abs(dir)
	if err != nil {
		return dir
	}
	for rest := ""; ; {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			return filepath.Join(real, rest)
		}
		above := filepath.Dir(path)
		if above == path {
			return filepath.Join(path, rest)
		}
		rest, path = filepath.Join(filepath.Base(path), rest), above
	}
}

// copy takes a snapshot, copies it, and proves what it is a snapshot of.
func (s Source) copy(ctx context.Context, draft *backup.Draft, facts *backup.Facts, p *progress.Tracker) (err error) {
	snapshot, err := s.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, snapshot.Remove()) }()
	var sources []backup.Source
	for _, files := range [][]platform.File{snapshot.Archive, snapshot.Database} {
		for _, f := range files {
			sources = append(sources, backup.Source{From: f.Name, Path: f.Path, Size: f.Size, Modified: f.Modified})
		}
	}
	if err := draft.Copy(ctx, sources); err != nil {
		return err
	}
	// it is opened after it was copied: that changes its files
	config := s.Config
	config.Data, config.Memory = snapshot.Data, snapshotMemory
	engine, err := platform.Open(ctx, config, s.Resources, slog.New(slog.DiscardHandler))
	if err != nil {
		return fmt.Errorf("open the snapshot: %w", err)
	}
	defer func() { err = errors.Join(err, engine.Close()) }()
	return measure(ctx, engine.Table, facts, p)
}
