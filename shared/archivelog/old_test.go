package archivelog_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"passbook/shared/archivelog"
	"passbook/shared/bucket"
)

// opening calls a function before each segment is opened.
type opening struct {
	bucket.Bucket
	call func()
}

func (o opening) Open(ctx context.Context, key string) (bucket.Object, error) {
	if strings.HasPrefix(key, "events/") {
		o.call()
	}
	return o.Bucket.Open(ctx, key)
}

// The first process with a log may find years of segments. It writes before its lease is over, so
// that no other one begins the same again.
func TestAnOldArchiveIsAddedWithinTheLease(t *testing.T) {
	b, all := newBank(t), segments(t, 5)
	b.put(all...)
	now := at
	c := b.config()
	c.Bucket = opening{b.bucket, func() { now = now.Add(c.Every * 2 / 3) }}
	c.Now = func() time.Time { return now }
	b.append(archivelog.New(c))
	b.mustHave(all)
	var sizes []int64
	for stored, err := range archivelog.Checkpoints(t.Context(), b.bucket, b.verifiers()) {
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, stored.Size)
	}
	if want := []int64{5, 4, 2}; !slices.Equal(sizes, want) {
		t.Errorf("checkpoints of %d leaves, not of %d", sizes, want)
	}
}

// A process that ends while it adds an old archive does not begin again on the way out.
func TestTheEndDoesNotWaitForAnOldArchive(t *testing.T) {
	b, all := newBank(t), segments(t, 3)
	b.put(all...)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	opened := 0
	c := b.config()
	c.Bucket = opening{b.bucket, func() { opened++; cancel() }}
	if err := archivelog.New(c).Run(ctx); err != nil || opened != 1 {
		t.Errorf("%d segments were opened: %v", opened, err)
	}
	b.append(archivelog.New(b.config()))
	b.mustHave(all)
}
