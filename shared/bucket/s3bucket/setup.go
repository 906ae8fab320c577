package s3bucket

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// firstRegion is the region of buckets that are created without one; S3 refuses it as a constraint.
const firstRegion = "us-east-1"

// CreateBucket creates the bucket in the configured region, if this account does not have it, and
// enables versioning, so that an overwrite by another program loses nothing.
func (b *Bucket) CreateBucket(ctx context.Context) error {
	ctx, cancel := deadline(ctx, 0)
	defer cancel()
	in := &s3.CreateBucketInput{Bucket: &b.name}
	if region := b.client.Options().Region; region != firstRegion {
		in.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(region)}
	}
	_, err := b.client.CreateBucket(ctx, in, b.setting)
	var ours *types.BucketAlreadyOwnedByYou
	if err != nil && !errors.As(err, &ours) {
		return fmt.Errorf("create bucket %s: %w", b.name, err)
	}
	_, err = b.client.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{
		Bucket: &b.name, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	}, b.setting)
	if err != nil {
		return fmt.Errorf("enable versioning of bucket %s: %w", b.name, err)
	}
	return nil
}

// Check returns an error if the bucket does not exist, which is ErrNoBucket, is in another region,
// or may not be used.
func (b *Bucket) Check(ctx context.Context) error {
	ctx, cancel := deadline(ctx, 0)
	defer cancel()
	_, err := b.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &b.name}, b.reading)
	if err == nil {
		return nil
	}
	var answer *awshttp.ResponseError
	if !errors.As(err, &answer) {
		return fmt.Errorf("check bucket %s: %w", b.name, err)
	}
	ours, theirs := b.client.Options().Region, answer.HTTPResponse().Header.Get("X-Amz-Bucket-Region")
	switch status := answer.HTTPStatusCode(); {
	case status == http.StatusNotFound:
		return fmt.Errorf("check bucket: %w %s: %w", ErrNoBucket, b.name, err)
	case theirs != "" && theirs != ours:
		return fmt.Errorf("check bucket %s: it is in region %s, not in %s: %w", b.name, theirs, ours, err)
	case status == http.StatusMovedPermanently:
		return fmt.Errorf("check bucket %s: it is not in region %s: %w", b.name, ours, err)
	}
	return fmt.Errorf("check bucket %s: %w", b.name, err)
}
