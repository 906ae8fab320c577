package e2e

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"passbook/cmd/internal/jobs"
	"passbook/shared/stream"
	"passbook/shared/stream/kinesisstream"
)

// cleanWithin bounds all of a deployment's removal.
const cleanWithin = 2 * time.Minute

// cleanUp has the end of the test remove the tables, streams and bucket of a deployment, as far as
// they are there. Call it before programs are started, so that they have ended by then. What cannot
// be removed is told and fails nothing.
func cleanUp(t *testing.T, c aws.Config, prefix string) {
	t.Helper()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), cleanWithin)
		defer cancel()
		tables, streams := dynamodb.NewFromConfig(c), kinesisstream.New(c)
		for _, s := range jobs.Resources().Tables {
			_, err := tables.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: aws.String(prefix + s.Name)})
			left(t, "table "+prefix+s.Name, err)
		}
		for _, name := range jobs.Resources().Streams {
			left(t, "stream "+prefix+name, streams.DeleteStream(ctx, prefix+name))
		}
		left(t, "bucket "+prefix+"archive", removeBucket(ctx, c, prefix+"archive"))
	})
}

// left tells what was left behind, and why, unless it was not there.
func left(t *testing.T, what string, err error) {
	t.Helper()
	var api smithy.APIError
	switch {
	case err == nil, errors.Is(err, stream.ErrNotFound):
	case errors.As(err, &api) && (api.ErrorCode() == "ResourceNotFoundException" || api.ErrorCode() == "NoSuchBucket"):
	default:
		t.Logf("left behind: %s: %v", what, err)
	}
}

// removeBucket removes a bucket with all versions of its objects.
func removeBucket(ctx context.Context, c aws.Config, name string) error {
	client := s3.NewFromConfig(c, func(o *s3.Options) { o.UsePathStyle = true })
	pages := s3.NewListObjectVersionsPaginator(client, &s3.ListObjectVersionsInput{Bucket: &name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		var doomed []types.ObjectIdentifier
		for _, v := range page.Versions {
			doomed = append(doomed, types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
		}
		if len(doomed) == 0 {
			continue
		}
		if _, err := client.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &name, Delete: &types.Delete{Objects: doomed}}); err != nil {
			return err
		}
	}
	_, err := client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &name})
	return err
}
