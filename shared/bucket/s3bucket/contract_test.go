package s3bucket_test

import (
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"passbook/shared/awstest"
	"passbook/shared/bucket"
	"passbook/shared/bucket/buckettest"
	"passbook/shared/bucket/s3bucket"
)

// unversioned names a variable that is set if the endpoint does not keep the contract in a bucket
// with versioning, which the deployed one has: if it locks each version separately, several
// concurrent creations of one key may succeed.
const unversioned = "PASSBOOK_TEST_UNVERSIONED"

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
		if os.Getenv(unversioned) != "" {
			suspendVersions(t, c, name)
		}
		return b, s3bucket.New(c, name)
	})
}

func TestRemovableOnAWS(t *testing.T) {
	b := s3bucket.New(awstest.Config(t), awstest.Prefix(t)+"tables")
	if err := b.CreateBucket(t.Context()); err != nil {
		t.Fatal(err)
	}
	buckettest.RunRemovable(t, s3bucket.Removable{Bucket: b})
}

func suspendVersions(t testing.TB, c aws.Config, name string) {
	t.Helper()
	client := s3.NewFromConfig(c, func(o *s3.Options) { o.UsePathStyle = o.BaseEndpoint != nil })
	_, err := client.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
		Bucket: &name, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusSuspended},
	})
	if err != nil {
		t.Fatal(err)
	}
}
