package s3bucket

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"passbook/shared/bucket"
)

// Removable is a Bucket of which objects can be removed.
type Removable struct{ *Bucket }

var _ bucket.Removable = Removable{}

// Remove implements bucket.Removable by one DeleteObject. In a bucket with versioning the object
// stays as an older version.
func (r Removable) Remove(ctx context.Context, key string) error {
	if err := bucket.CheckKey(key); err != nil {
		return err
	}
	ctx, cancel := deadline(ctx, 0)
	defer cancel()
	_, err := r.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &r.name, Key: &key}, r.reading)
	if err != nil {
		return r.failed(err, "remove", key)
	}
	return nil
}
