package iceberg

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"time"

	"github.com/apache/iceberg-go/table"

	"passbook/shared/bucket"
)

const (
	// expireLeast is how many snapshots are expired at once, since each time costs a commit and the
	// reading of all manifests.
	expireLeast = 32
	// marksName is the name in a summary of the key of the marks.
	marksName = summaryPrefix + "marks"
)

// Expire removes the snapshots that are older than keep, without the newest, and the objects that
// only they have. It does nothing before there are enough of them, and returns how many objects it
// removed.
//
// Older versions of the metadata are removed last: after a crash the next call finds in them what
// is to be removed. Objects that no snapshot ever had, which a crashed run left, stay.
func (t *Table) Expire(ctx context.Context, from bucket.Removable, keep time.Duration) (removed int, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("expire snapshots of the events table: %w", err)
		}
	}()
	before := time.Now().Add(-keep).UnixMilli()
	if newest := t.table.CurrentSnapshot(); newest == nil || !isOurs(newest) {
		return 0, nil // an older one says how far the archive was read
	}
	old := 0
	for _, s := range t.table.Metadata().Snapshots() {
		if s.TimestampMs < before {
			old++
		}
	}
	if old > expireLeast {
		err = t.commit(ctx, func(tx *table.Transaction) error {
			return tx.ExpireSnapshots(table.WithOlderThan(keep), table.WithRetainLast(1), table.WithPostCommit(false))
		})
		if err != nil {
			return 0, err
		}
	}
	versions, err := t.oldVersions(ctx, before)
	if err != nil || len(versions) == 0 {
		return 0, err
	}
	return t.remove(ctx, from, versions)
}

// oldVersions returns the versions of the metadata that were replaced before a time, in
// milliseconds since 1970, the oldest first; none if they are few.
func (t *Table) oldVersions(ctx context.Context, before int64) (old []*table.Table, err error) {
	numbers, err := t.catalog.versions(ctx)
	if err != nil {
		return nil, err
	}
	if len(numbers) <= expireLeast {
		return nil, nil
	}
	enough, err := t.olderThan(ctx, numbers[expireLeast-1], before)
	if err != nil || enough == nil {
		return nil, err
	}
	for _, n := range numbers[:len(numbers)-1] {
		version, err := t.olderThan(ctx, n, before)
		if err != nil {
			return nil, err
		}
		if version == nil {
			break
		}
		old = append(old, version)
	}
	return old, nil
}

// olderThan returns a version of the metadata, or nil if it is of a time or later.
func (t *Table) olderThan(ctx context.Context, number int, before int64) (*table.Table, error) {
	version, err := t.catalog.load(ctx, t.table.Identifier(), number)
	if err != nil || version.Metadata().LastUpdatedMillis() >= before {
		return nil, err
	}
	return version, nil
}

// remove removes what only the snapshots of older versions have, and then these.
func (t *Table) remove(ctx context.Context, from bucket.Removable, versions []*table.Table) (removed int, err error) {
	kept := named{names: map[string]bool{}, lists: map[string]bool{}}
	for _, s := range t.table.Metadata().Snapshots() {
		if err = kept.add(t.catalog.files(ctx), s); err != nil {
			return 0, err
		}
	}
	expired := named{names: map[string]bool{}, lists: maps.Clone(kept.lists), mayLack: true}
	for _, version := range versions {
		for _, s := range version.Metadata().Snapshots() {
			if err = expired.add(t.catalog.files(ctx), s); err != nil {
				return 0, err
			}
		}
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(expired.names)) {
		if !kept.names[name] {
			names = append(names, name)
		}
	}
	for _, version := range versions {
		names = append(names, version.MetadataLocation())
	}
	for _, name := range names {
		key, err := t.catalog.files(ctx).key(name)
		if err == nil {
			err = from.Remove(ctx, key)
		}
		if err != nil {
			return removed, err
		}
		removed++
	}
	return removed, nil
}

// named are the objects that snapshots have, by name.
type named struct {
	names map[string]bool
	// lists are the lists of manifests that were read.
	lists map[string]bool
	// mayLack says that objects may have been removed already.
	mayLack bool
}

// add adds what a snapshot has: lists, manifests, files and marks.
func (n *named) add(in files, s table.Snapshot) error {
	if s.Summary != nil && s.Summary.Properties[marksName] != "" {
		n.names[in.location+"/"+s.Summary.Properties[marksName]] = true
	}
	if n.lists[s.ManifestList] {
		return nil
	}
	n.lists[s.ManifestList] = true
	manifests, err := s.Manifests(in)
	if n.lacks(err) {
		return nil
	}
	if err != nil {
		return err
	}
	n.names[s.ManifestList] = true
	for _, m := range manifests {
		if n.names[m.FilePath()] {
			continue
		}
		for e, err := range m.Entries(in, true) {
			if n.lacks(err) {
				break
			}
			if err != nil {
				return err
			}
			n.names[e.DataFile().FilePath()] = true
		}
		n.names[m.FilePath()] = true
	}
	return nil
}

// lacks reports whether an error means that an object was removed, and may have been.
func (n *named) lacks(err error) bool {
	return n.mayLack && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, bucket.ErrNotFound))
}
