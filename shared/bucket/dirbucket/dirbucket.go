package dirbucket

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"passbook/shared/bucket"
)

// asideDir is where objects are written before they are linked. No key begins with it.
const asideDir = ".tmp"

// Bucket implements bucket.Bucket. Several may be open on one directory.
type Bucket struct {
	root string

	mu sync.Mutex
	// pending has the keys that are between link and sync.
	pending map[string]chan struct{}
	// synced has the directories whose own entries are known to be on disk.
	synced map[string]bool
}

var _ bucket.Bucket = (*Bucket)(nil)

// New opens a directory, making it if it is missing, and removes what a crash left unfinished in
// it.
func New(dir string) (*Bucket, error) {
	root, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open bucket %s: %w", dir, err)
	}
	b := &Bucket{root: root, pending: map[string]chan struct{}{}, synced: map[string]bool{}}
	if err := os.MkdirAll(filepath.Join(root, asideDir), 0o700); err != nil {
		return nil, fmt.Errorf("open bucket: %w", err)
	}
	if err := errors.Join(b.clean(), syncDir(root), syncDir(filepath.Dir(root))); err != nil {
		return nil, fmt.Errorf("open bucket %s: %w", root, err)
	}
	return b, nil
}

func (b *Bucket) path(key string) string { return filepath.Join(b.root, filepath.FromSlash(key)) }

func checkKey(key string) error {
	if err := bucket.CheckKey(key); err != nil {
		return err
	}
	if first, _, _ := strings.Cut(key, "/"); first == asideDir {
		return fmt.Errorf("%w: %s is reserved", bucket.ErrInvalid, asideDir)
	}
	return nil
}

// Create implements bucket.Bucket.
func (b *Bucket) Create(ctx context.Context, key string, data []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := checkKey(key); err != nil {
		return err
	}
	if err := b.create(ctx, key, data); err != nil {
		return fmt.Errorf("create object %s: %w", key, err)
	}
	return nil
}

func (b *Bucket) create(ctx context.Context, key string, data []byte) (err error) {
	aside, err := b.openAside()
	if err != nil {
		return err
	}
	// The file aside goes last: while it is there, a crash may have left a link that is not synced.
	defer func() { err = errors.Join(err, os.Remove(aside.Name()), aside.Close()) }()
	if _, err := aside.Write(data); err != nil {
		return err
	}
	if err := aside.Sync(); err != nil {
		return err
	}
	if err := b.makeDir(filepath.Dir(b.path(key))); err != nil {
		return err
	}
	if err := b.claim(ctx, key); err != nil {
		return err
	}
	defer b.yield(key)
	if err := ctx.Err(); err != nil {
		return err
	}
	linked := os.Link(aside.Name(), b.path(key))
	if linked != nil && !errors.Is(linked, fs.ErrExist) {
		return linked
	}
	// Also the object of another, perhaps one that is not yet answered, must be on disk before a
	// caller builds on it.
	if err := syncDir(filepath.Dir(b.path(key))); err != nil {
		return err
	}
	return b.taken(key, linked)
}

// taken is the answer for a name that was taken: by an object, or by a directory of other keys.
func (b *Bucket) taken(key string, linked error) error {
	if linked == nil {
		return nil
	}
	if info, err := os.Stat(b.path(key)); err == nil && info.IsDir() {
		return fmt.Errorf("%w: other keys lie below it", bucket.ErrInvalid)
	}
	return bucket.ErrExists
}
