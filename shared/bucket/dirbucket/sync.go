package dirbucket

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"passbook/shared/bucket"
)

// lockKey locks a key from its link to its sync, and waits while another call has it.
func (b *Bucket) lockKey(ctx context.Context, key string) error {
	for {
		b.mu.Lock()
		busy := b.pending[key]
		if busy == nil {
			b.pending[key] = make(chan struct{})
		}
		b.mu.Unlock()
		if busy == nil {
			return nil
		}
		select {
		case <-busy:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (b *Bucket) unlockKey(key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.pending[key])
	delete(b.pending, key)
}

// awaitDurable waits until the object that a reader can see at a key is on disk.
func (b *Bucket) awaitDurable(ctx context.Context, key string) error {
	b.mu.Lock()
	busy := b.pending[key]
	b.mu.Unlock()
	if busy == nil {
		return nil
	}
	select {
	case <-busy:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// makeDir creates a directory and those above it, and makes their entries durable, once in the life
// of the Bucket.
func (b *Bucket) makeDir(dir string) error {
	b.mu.Lock()
	done := dir == b.root || b.synced[dir]
	b.mu.Unlock()
	if done {
		return nil
	}
	parent := filepath.Dir(dir)
	if err := b.makeDir(parent); err != nil {
		return err
	}
	err := os.Mkdir(dir, 0o700)
	if errors.Is(err, fs.ErrExist) {
		if info, bad := os.Stat(dir); bad != nil || !info.IsDir() {
			return errors.Join(fmt.Errorf("%w: a part of its path is an object", bucket.ErrInvalid), bad)
		}
		err = nil
	}
	if err == nil {
		err = syncDir(parent)
	}
	if err != nil {
		return err
	}
	b.mu.Lock()
	b.synced[dir] = true
	b.mu.Unlock()
	return nil
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
