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
	"syscall"

	"passbook/shared/bucket"
)

// draftDir is the directory of the drafts. No key begins with it.
const draftDir = ".tmp"

// errReadOnly means that Existing opened the Bucket.
var errReadOnly = errors.New("opened to read only")

// Bucket implements bucket.Bucket. Several may be open on one directory.
type Bucket struct {
	root string
	// readOnly refuses Create.
	readOnly bool

	mu sync.Mutex
	// pending has the keys that are linked and not yet synced.
	pending map[string]chan struct{}
	// synced has the directories whose entries in their parents are on disk.
	synced map[string]bool
	// paused is held by Pause, and shared by those who give an object its name.
	paused sync.RWMutex
}

var _ bucket.Bucket = (*Bucket)(nil)

// New opens a directory, which it creates if it is missing, and removes the drafts that a crash
// left.
func New(dir string) (*Bucket, error) {
	root, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open bucket %s: %w", dir, err)
	}
	b := &Bucket{root: root, pending: map[string]chan struct{}{}, synced: map[string]bool{}}
	if err := os.MkdirAll(filepath.Join(root, draftDir), 0o700); err != nil {
		return nil, fmt.Errorf("open bucket: %w", err)
	}
	if err := errors.Join(b.clean(), syncDir(root), syncDir(filepath.Dir(root))); err != nil {
		return nil, fmt.Errorf("open bucket %s: %w", root, err)
	}
	return b, nil
}

// Existing opens a directory that is there to read only, and writes nothing to it.
func Existing(dir string) (*Bucket, error) {
	root, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open bucket %s: %w", dir, err)
	}
	info, err := os.Stat(root)
	if err == nil && !info.IsDir() {
		err = syscall.ENOTDIR
	}
	if err != nil {
		return nil, fmt.Errorf("open bucket: %w", err)
	}
	return &Bucket{root: root, readOnly: true}, nil
}

func (b *Bucket) path(key string) string { return filepath.Join(b.root, filepath.FromSlash(key)) }

func checkKey(key string) error {
	if err := bucket.CheckKey(key); err != nil {
		return err
	}
	if first, _, _ := strings.Cut(key, "/"); first == draftDir {
		return fmt.Errorf("%w: %s is reserved", bucket.ErrInvalid, draftDir)
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
	if b.readOnly {
		return fmt.Errorf("create object %s: %w", key, errReadOnly)
	}
	if err := b.create(ctx, key, data); err != nil {
		return fmt.Errorf("create object %s: %w", key, err)
	}
	return nil
}

func (b *Bucket) create(ctx context.Context, key string, data []byte) (err error) {
	draft, err := b.openDraft()
	if err != nil {
		return err
	}
	// The draft is removed last: as long as it exists, the link may not be synced.
	defer func() { err = errors.Join(err, os.Remove(draft.Name()), draft.Close()) }()
	if _, err := draft.Write(data); err != nil {
		return err
	}
	if err := draft.Sync(); err != nil {
		return err
	}
	if err := b.makeDir(filepath.Dir(b.path(key))); err != nil {
		return err
	}
	if err := b.lockKey(ctx, key); err != nil {
		return err
	}
	defer b.unlockKey(key)
	b.paused.RLock()
	defer b.paused.RUnlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	linked := os.Link(draft.Name(), b.path(key))
	if linked != nil && !errors.Is(linked, fs.ErrExist) {
		return linked
	}
	// An existing object of another call, which may not be answered yet, must be on disk too before
	// the caller relies on it.
	if err := syncDir(filepath.Dir(b.path(key))); err != nil {
		return err
	}
	return b.linkError(key, linked)
}

// Pause keeps this Bucket from creating objects until resume is called. It waits for those that are
// being created.
func (b *Bucket) Pause() (resume func()) {
	b.paused.Lock()
	return b.paused.Unlock
}

// linkError returns the error for a name that exists: as an object, or as a directory of other
// keys.
func (b *Bucket) linkError(key string, linked error) error {
	if linked == nil {
		return nil
	}
	if info, err := os.Stat(b.path(key)); err == nil && info.IsDir() {
		return fmt.Errorf("%w: it is a directory of other keys", bucket.ErrInvalid)
	}
	return bucket.ErrExists
}
