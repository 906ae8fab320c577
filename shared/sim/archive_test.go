package sim

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"

	"passbook/shared/archive"
	"passbook/shared/bucket"
	"passbook/shared/bucket/buckettest"
	"passbook/shared/segment"
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

// has reports whether there is an object.
func (b *memoryBucket) has(key string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, is := b.objects[key]
	return is
}

// keys walks the keys under a prefix.
func (b *memoryBucket) keys(prefix string) iter.Seq[string] {
	b.mu.Lock()
	defer b.mu.Unlock()
	var found []string
	for key := range b.objects {
		if strings.HasPrefix(key, prefix) {
			found = append(found, key)
		}
	}
	slices.Sort(found)
	return slices.Values(found)
}

// loseSegments loses the newest segments of the archiver, if end markers are left that record them.
func (r *run) loseSegments() {
	ctx := context.Background()
	sources := map[segment.Source]bool{}
	for key := range r.bucket.keys(segment.AnyRoot) {
		name, err := segment.ParseKey(key)
		must(err)
		if sources[name.Source] || name.Stream != events {
			continue
		}
		sources[name.Source] = true
		newest, _, err := archive.LastOfAllDays(ctx, r.bucket, name.Source)
		must(err)
		markers, err := archive.EndMarkersAfter(ctx, r.bucket, name.Source, "")
		must(err)
		for _, m := range markers {
			if m.Name.Key() == newest {
				r.trace.note("bucket", "loses "+newest, "")
				r.lost[newest] = r.bucket.objects[newest]
				delete(r.bucket.objects, newest)
			}
		}
	}
}

func TestMemoryBucketKeepsTheContract(t *testing.T) {
	buckettest.Run(t, func(testing.TB) (first, second bucket.Bucket) {
		b := newBucket()
		return b, b
	})
}
