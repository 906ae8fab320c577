package sim

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"passbook/shared/bucket"
	"passbook/shared/bucket/buckettest"
)

// memoryBucket keeps objects in memory, where no power cut reaches them: an object is on disk
// before its Create is answered.
type memoryBucket struct {
	mu      sync.Mutex
	objects map[string][]byte
}

func newBucket() *memoryBucket { return &memoryBucket{objects: map[string][]byte{}} }

// Create implements bucket.Bucket.
func (b *memoryBucket) Create(ctx context.Context, key string, data []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := bucket.CheckKey(key); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, taken := b.objects[key]; taken {
		return fmt.Errorf("create object %s: %w", key, bucket.ErrExists)
	}
	b.objects[key] = bytes.Clone(data)
	return nil
}

// memoryObject is an object that can be read until ctx ends.
type memoryObject struct {
	*bytes.Reader
	ctx context.Context
}

// ReadAt implements io.ReaderAt.
func (o memoryObject) ReadAt(p []byte, from int64) (int, error) {
	if err := o.ctx.Err(); err != nil {
		return 0, err
	}
	return o.Reader.ReadAt(p, from)
}

// Close implements bucket.Object.
func (memoryObject) Close() error { return nil }

// Open implements bucket.Bucket.
func (b *memoryBucket) Open(ctx context.Context, key string) (bucket.Object, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := bucket.CheckKey(key); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	data, ok := b.objects[key]
	if !ok {
		return nil, fmt.Errorf("open object %s: %w", key, bucket.ErrNotFound)
	}
	return memoryObject{bytes.NewReader(data), ctx}, nil
}

// List implements bucket.Bucket.
func (b *memoryBucket) List(ctx context.Context, prefix, after string) (page bucket.Page, err error) {
	if err := ctx.Err(); err != nil {
		return page, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for key, data := range b.objects {
		if strings.HasPrefix(key, prefix) && key > after {
			page.Objects = append(page.Objects, bucket.Info{Key: key, Size: int64(len(data))})
		}
	}
	slices.SortFunc(page.Objects, func(a, b bucket.Info) int { return strings.Compare(a.Key, b.Key) })
	if len(page.Objects) > bucket.MaxListPage {
		page.Objects = page.Objects[:bucket.MaxListPage]
		page.After = page.Objects[bucket.MaxListPage-1].Key
	}
	return page, nil
}

func TestMemoryBucketKeepsTheContract(t *testing.T) {
	buckettest.Run(t, func(testing.TB) (first, second bucket.Bucket) {
		b := newBucket()
		return b, b
	})
}
