package dirbucket

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"

	"passbook/shared/bucket"
)

// Open implements bucket.Bucket.
func (b *Bucket) Open(ctx context.Context, key string) (bucket.Object, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := checkKey(key); err != nil {
		return nil, err
	}
	if err := b.awaitDurable(ctx, key); err != nil {
		return nil, fmt.Errorf("open object %s: %w", key, err)
	}
	f, err := os.Open(b.path(key))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil, fmt.Errorf("open object %s: %w", key, bucket.ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("open object %s: %w", key, err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = bucket.ErrNotFound
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open object %s: %w", key, err), f.Close())
	}
	return &object{ctx: ctx, file: f, size: info.Size()}, nil
}

// object is an open file.
type object struct {
	// ctx is the context of Open, which the port's reads obey.
	ctx  context.Context
	file *os.File
	size int64
}

// ReadAt implements io.ReaderAt.
func (o *object) ReadAt(p []byte, off int64) (int, error) {
	if err := o.ctx.Err(); err != nil {
		return 0, err
	}
	return o.file.ReadAt(p, off)
}

// Close implements io.Closer.
func (o *object) Close() error { return o.file.Close() }

// Size implements bucket.Object.
func (o *object) Size() int64 { return o.size }

// List implements bucket.Bucket. It reads only the directories of the page and those above them.
func (b *Bucket) List(ctx context.Context, prefix, after string) (bucket.Page, error) {
	l := lister{ctx: ctx, bucket: b, prefix: prefix, after: after}
	dir := prefix[:strings.LastIndexByte(prefix, '/')+1]
	if dir != "" && checkKey(strings.TrimSuffix(dir, "/")) != nil {
		return bucket.Page{}, ctx.Err()
	}
	if err := l.walk(dir); err != nil {
		return bucket.Page{}, fmt.Errorf("list objects %s: %w", prefix, err)
	}
	if l.more {
		l.page.After = l.page.Objects[len(l.page.Objects)-1].Key
	}
	return l.page, nil
}

type lister struct {
	ctx           context.Context
	bucket        *Bucket
	prefix, after string
	page          bucket.Page
	more          bool
}

// walk adds the objects below dir, which is empty or ends with a slash.
func (l *lister) walk(dir string) error {
	if err := l.ctx.Err(); err != nil {
		return err
	}
	entries, err := os.ReadDir(l.bucket.path(dir))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, key := range l.bucket.ordered(dir, entries) {
		if l.more {
			return nil
		}
		if key.dir {
			err = l.enter(key.name)
		} else {
			err = l.add(key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// entry is the key of a file, or the path of a directory with a slash at its end.
type entry struct {
	name string
	dir  bool
	fs.DirEntry
}

// ordered returns the entries of a directory in the order of full keys: "a-b" comes before "a/b",
// which is not the order of the names. A link to a file counts as a file.
func (b *Bucket) ordered(dir string, entries []fs.DirEntry) []entry {
	out := make([]entry, 0, len(entries))
	for _, e := range entries {
		switch {
		case dir == "" && e.Name() == draftDir:
		case e.IsDir():
			out = append(out, entry{dir + e.Name() + "/", true, e})
		case e.Type().IsRegular():
			out = append(out, entry{dir + e.Name(), false, e})
		case e.Type()&fs.ModeSymlink != 0:
			if info, err := os.Stat(b.path(dir + e.Name())); err == nil && info.Mode().IsRegular() {
				out = append(out, entry{dir + e.Name(), false, fs.FileInfoToDirEntry(info)})
			}
		}
	}
	slices.SortFunc(out, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	return out
}

// enter walks a directory if it can have keys of the listing.
func (l *lister) enter(dir string) error {
	wanted := strings.HasPrefix(dir, l.prefix) || strings.HasPrefix(l.prefix, dir)
	if !wanted || dir <= l.after && !strings.HasPrefix(l.after, dir) {
		return nil
	}
	return l.walk(dir)
}

func (l *lister) add(e entry) error {
	if !strings.HasPrefix(e.name, l.prefix) || e.name <= l.after {
		return nil
	}
	if len(l.page.Objects) == bucket.MaxListPage {
		l.more = true
		return nil
	}
	if err := l.bucket.awaitDurable(l.ctx, e.name); err != nil {
		return err
	}
	info, err := e.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	l.page.Objects = append(l.page.Objects, bucket.Info{Key: e.name, Size: info.Size()})
	return nil
}
