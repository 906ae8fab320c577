package forgetest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"passbook/shared/archive"
	"passbook/shared/bucket"
	"passbook/shared/event"
	"passbook/shared/segment"
)

// Forger writes, overwrites and deletes the objects of a bucket in a directory.
type Forger struct {
	Dir    string
	Bucket bucket.Bucket
	// KeepMarkers means that it may not delete: the end markers of the true segments stay.
	KeepMarkers bool
}

// Forge changes the records of the archive and seals its segments again.
func (f Forger) Forge(ctx context.Context, c Change) error {
	plan, err := archive.LoadPlan(ctx, f.Bucket)
	if err != nil {
		return err
	}
	if !f.KeepMarkers {
		err = f.removeMarkers()
		if err != nil {
			return err
		}
	}
	var link segment.Link
	for i, s := range plan.Segments {
		ends := i+1 == len(plan.Segments) || plan.Segments[i+1].Name.Source != s.Name.Source
		change := Change{Replace: c.Replace}
		if ends { // what is put twice is in two shards
			change.Append = c.Append
		}
		sealed, err := f.forged(ctx, s, link, change)
		if err == nil {
			err = f.overwrite(s.Key, sealed)
		}
		if err != nil {
			return err
		}
		link = segment.Link{Key: sealed.Key, Last: sealed.Footer.Last, Sum: sealed.Footer.Sum}
		if ends {
			link = segment.Link{}
		}
	}
	return nil
}

// removeMarkers removes the end markers, and leaves the directories, which a bucket may know.
func (f Forger) removeMarkers() error {
	for _, root := range archive.EndMarkerRoots() {
		err := filepath.WalkDir(filepath.Join(f.Dir, filepath.FromSlash(root)), func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			return os.Remove(path)
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// forged returns a segment with changed records.
func (f Forger) forged(ctx context.Context, s archive.Planned, link segment.Link, c Change) (segment.Sealed, error) {
	opened, err := segment.Open(ctx, f.Bucket, s.Key)
	if err != nil {
		return segment.Sealed{}, err
	}
	w := segment.NewWriter(s.Footer.Format, s.Footer.Bank, s.Name.Source, link)
	var last segment.Record
	for rec, err := range opened.Records(segment.Exact) {
		if err != nil {
			return segment.Sealed{}, err
		}
		last = rec
		if by, changed := c.Replace[rec.Entry.Hash]; changed {
			rec.Entry = by
		}
		if rec.Entry == nil {
			if !w.Empty() {
				w.Skip(rec.Sequence)
			}
			continue
		}
		err = w.Append(rec)
		if err != nil {
			return segment.Sealed{}, err
		}
	}
	for _, e := range c.Append {
		last = segment.Record{Sequence: next(last.Sequence), Arrived: last.Arrived.Add(time.Millisecond), Entry: e}
		err = w.Append(last)
		if err != nil {
			return segment.Sealed{}, err
		}
	}
	if w.Empty() || w.Last() == "" {
		return segment.Sealed{}, fmt.Errorf("forgetest: nothing is left of %s", s.Key)
	}
	return w.Seal()
}

// Record returns an entry as a record of the stream, as it is.
func Record(e *event.Entry) ([]byte, error) {
	_, encoded, err := e.Published()
	return encoded.Record, err
}

func next(sequence string) string {
	n, _ := new(big.Int).SetString(sequence, 10)
	return n.Add(n, big.NewInt(1)).String()
}

// overwrite puts a segment in the place of another.
func (f Forger) overwrite(key string, by segment.Sealed) error {
	err := os.Remove(filepath.Join(f.Dir, filepath.FromSlash(key)))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(f.Dir, filepath.FromSlash(by.Key)), by.Data, 0o600)
}
