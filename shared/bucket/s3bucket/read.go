package s3bucket

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"passbook/shared/bucket"
)

// Open implements bucket.Bucket by one HeadObject.
func (b *Bucket) Open(ctx context.Context, key string) (bucket.Object, error) {
	if err := bucket.CheckKey(key); err != nil {
		return nil, err
	}
	headCtx, done := deadline(ctx, 0)
	defer done()
	head, err := b.client.HeadObject(headCtx, &s3.HeadObjectInput{Bucket: &b.name, Key: &key}, b.reading)
	if err != nil {
		return nil, b.failed(err, "open", key)
	}
	o := &object{bucket: b, key: key, size: aws.ToInt64(head.ContentLength), etag: head.ETag}
	o.ctx, o.cancel = context.WithCancel(ctx)
	return o, nil
}

// object is an open object.
type object struct {
	bucket *Bucket
	key    string
	size   int64
	etag   *string
	// ctx is the context of Open, which the port's reads obey. Close ends it.
	ctx    context.Context
	cancel context.CancelFunc
}

// Size implements bucket.Object.
func (o *object) Size() int64 { return o.size }

// Close ends the running reads and refuses further ones.
func (o *object) Close() error {
	o.cancel()
	return nil
}

// ReadAt implements io.ReaderAt, as a rule by one GetObject.
func (o *object) ReadAt(p []byte, off int64) (n int, err error) {
	if err := o.ctx.Err(); err != nil {
		return 0, err
	}
	if off < 0 {
		return 0, fmt.Errorf("read object %s: offset %d", o.key, off)
	}
	want := int(max(0, min(int64(len(p)), o.size-off)))
	ctx, cancel := deadline(o.ctx, want)
	defer cancel()
	for answers := 1; n < want; answers++ {
		got, err := o.read(ctx, p[n:want], off+int64(n))
		n += got
		if err != nil && (!errors.Is(err, errBroken) || answers == readAttempts) {
			return n, o.bucket.failed(err, "read", o.key)
		}
	}
	if want < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// errBroken: the answer began, and its body ended too early.
var errBroken = errors.New("the body ended too early")

// read fills p by one request.
func (o *object) read(ctx context.Context, p []byte, off int64) (n int, err error) {
	out, err := o.bucket.client.GetObject(ctx, &s3.GetObjectInput{
		Bucket: &o.bucket.name, Key: &o.key, IfMatch: o.etag, Range: aws.String(fmt.Sprintf("bytes=%d-%d", off, off+int64(len(p))-1)),
	}, o.bucket.reading)
	if code(err) == "PreconditionFailed" {
		return 0, fmt.Errorf("another object has replaced it: %w", err)
	}
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, out.Body.Close()) }()
	if n, err = io.ReadFull(out.Body, p); err != nil {
		err = fmt.Errorf("%w at byte %d: %w", errBroken, off+int64(n), err)
	}
	return n, err
}
