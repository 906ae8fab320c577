package strict

import (
	"context"

	"passbook/shared/bucket"
)

// bucketName names the bucket's counts: a deployment has one.
const bucketName = "bucket"

// Bucket is the bucket as one process sees it. It implements bucket.Bucket.
type Bucket struct {
	inner  bucket.Bucket
	client *Client
}

var _ bucket.Bucket = (*Bucket)(nil)

// Bucket gives the process a handle on the bucket. S3 has no limit that Passbook comes near: 3,500
// puts a second and prefix.
func (c *Client) Bucket(b bucket.Bucket) *Bucket { return &Bucket{inner: b, client: c} }

// Create implements bucket.Bucket: one PUT, taken or not.
func (b *Bucket) Create(ctx context.Context, key string, data []byte) error {
	return done(ctx, b.client, func(ctx context.Context) error {
		b.client.count(BucketPuts, bucketName, 1)
		return b.inner.Create(ctx, key, data)
	})
}

// Open implements bucket.Bucket: one HEAD, which S3 bills as a GET. The object's reads are bound to
// ctx and pay one GET each.
func (b *Bucket) Open(ctx context.Context, key string) (bucket.Object, error) {
	inner, err := over(ctx, b.client, func(context.Context) (bucket.Object, error) {
		b.client.count(BucketGets, bucketName, 1)
		return b.inner.Open(ctx, key)
	})
	if err != nil {
		return nil, err
	}
	return &object{Object: inner, ctx: ctx, client: b.client}, nil
}

// List implements bucket.Bucket: one LIST a page.
func (b *Bucket) List(ctx context.Context, prefix, after string) (bucket.Page, error) {
	return over(ctx, b.client, func(ctx context.Context) (bucket.Page, error) {
		b.client.count(BucketLists, bucketName, 1)
		return b.inner.List(ctx, prefix, after)
	})
}

// object is an open object, whose every read goes over the line.
type object struct {
	bucket.Object
	ctx    context.Context // of Open, which the port's reads obey
	client *Client
}

// ReadAt implements bucket.Object.
func (o *object) ReadAt(p []byte, off int64) (int, error) {
	return over(o.ctx, o.client, func(context.Context) (int, error) {
		o.client.count(BucketGets, bucketName, 1)
		return o.Object.ReadAt(p, off)
	})
}
