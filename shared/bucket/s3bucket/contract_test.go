package s3bucket_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"passbook/shared/awstest"
	"passbook/shared/bucket"
	"passbook/shared/bucket/buckettest"
	"passbook/shared/bucket/s3bucket"
)

// TestContractOnAWS holds the contract in a bucket that keeps no versions: where each version has a lock of its own, as in
// LocalStack 4.9, several creations of one key at one time may win in a bucket that does. S3 itself lets one win in either.
func TestContractOnAWS(t *testing.T) {
	buckettest.Run(t, func(t testing.TB) (first, second bucket.Bucket) {
		c, name := awstest.Config(t), awstest.Prefix(t)+"archive"
		b := s3bucket.New(c, name)
		for range 2 {
			if err := b.CreateBucket(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		client := s3.NewFromConfig(c, func(o *s3.Options) { o.UsePathStyle = o.BaseEndpoint != nil })
		_, err := client.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
			Bucket: &name, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusSuspended},
		})
		if err != nil {
			t.Fatal(err)
		}
		return b, s3bucket.New(c, name)
	})
}
