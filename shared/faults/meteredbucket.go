package faults

import (
	"context"

	"passbook/shared/bucket"
)

// bucketName names the bucket's counts: a deployment has one.
const bucketName = "bucket"

// meteredBucket is the bucket as one process sees it. It implements bucket.Bucket.
type meteredBucket struct {
	inner  bucket.Bucket
	client *Client
}

// Bucket returns the process's handle on the bucket. It has no limit: Passbook does not come near
// the 3,500 puts a second and prefix of S3.
func (c *Client) Bucket(b bucket.Bucket) bucket.Bucket { return &meteredBucket{inner: b, client: c} }

// Create implements bucket.Bucket: one PUT, taken or not.
func (b *meteredBucket) Create(ctx context.Context, key string, data []byte) error {
	return done(ctx, b.client, func(ctx context.Context) error {
		b.client.count(BucketPuts, bucketName, 1)
		return b.inner.Create(ctx, key, data)
	})
}

// Open implements bucket.Bucket: one HEAD, which S3 bills as a GET. The object's reads are bound to
// ctx and pay one GET each.
func (b *meteredBucket) Open(ctx context.Context, key string) (bucket.Object, error) {
	inner, err := send(ctx, b.client, func(context.Context) (bucket.Object, error) {
		b.client.count(BucketGets, bucketName, 1)
		return b.inner.Open(ctx, key)
	})
	if err != nil {
		return nil, err
	}
	return &meteredObject{Object: inner, ctx: ctx, client: b.client}, nil
}

// List implements bucket.Bucket: one LIST a page.
func (b *meteredBucket) List(ctx context.Context, prefix, after string) (bucket.Page, error) {
	return send(ctx, b.client, func(ctx context.Context) (bucket.Page, error) {
		b.client.count(BucketLists, bucketName, 1)
		return b.inner.List(ctx, prefix, after)
	})
}

// meteredObject is an open object. Each of its reads is a call over the client's connection.
type meteredObject struct {
	bucket.Object
	ctx    context.Context // of Open, which the port's reads obey
	client *Client
}

// ReadAt implements bucket.Object.
func (o *meteredObject) ReadAt(p []byte, off int64) (int, error) {
	return send(o.ctx, o.client, func(context.Context) (int, error) {
		o.client.count(BucketGets, bucketName, 1)
		return o.Object.ReadAt(p, off)
	})
}
