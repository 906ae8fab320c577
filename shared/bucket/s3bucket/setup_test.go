package s3bucket_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"passbook/shared/awstest"
	"passbook/shared/bucket/s3bucket"
)

func TestCreateBucket(t *testing.T) {
	for _, c := range []struct {
		region, location string
		created          http.HandlerFunc
		fine             bool
	}{
		{"eu-central-1", "<LocationConstraint>eu-central-1</LocationConstraint>", ok(""), true},
		{"us-east-1", "", ok(""), true},
		{"eu-central-1", "<LocationConstraint>eu-central-1</LocationConstraint>", fails(409, "BucketAlreadyOwnedByYou"), true},
		{"eu-central-1", "<LocationConstraint>eu-central-1</LocationConstraint>", fails(409, "BucketAlreadyExists"), false},
	} {
		f := &fake{t: t, answers: []http.HandlerFunc{c.created, ok("")}}
		sdk := awstest.Fake(f)
		sdk.Region = c.region
		if err := s3bucket.New(sdk, "archive").CreateBucket(t.Context()); (err == nil) != c.fine {
			t.Errorf("%+v: %v", c, err)
		}
		if !strings.Contains(f.bodies[0], c.location) || c.location == "" && strings.Contains(f.bodies[0], "Location") {
			t.Errorf("%s: created by %s", c.region, f.bodies[0])
		}
		if !c.fine {
			continue
		}
		if len(f.asked) != 2 || !f.asked[1].URL.Query().Has("versioning") || !strings.Contains(f.bodies[1], "<Status>Enabled</Status>") {
			t.Errorf("%s: versions kept by %s", c.region, f.bodies)
		}
	}
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		name    string
		answer  http.HandlerFunc
		says    string
		missing bool
	}{
		{"there", ok("", "X-Amz-Bucket-Region", "eu-central-1"), "", false},
		{"missing", fails(404, ""), "no such bucket archive", true},
		{"elsewhere", fails(301, "", "X-Amz-Bucket-Region", "us-west-2"), "is in region us-west-2, not in eu-central-1", false},
		{"elsewhere, signed for here", fails(400, "", "X-Amz-Bucket-Region", "us-west-2"), "is in region us-west-2, not in eu-central-1", false},
		{"elsewhere, unsaid", fails(301, ""), "is not in region eu-central-1", false},
		{"forbidden", fails(403, "", "X-Amz-Bucket-Region", "eu-central-1"), "check bucket archive: operation error", false},
	} {
		b, f := open(t, c.answer)
		err := b.Check(t.Context())
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) || errors.Is(err, s3bucket.ErrNoBucket) != c.missing {
			t.Errorf("%s: %v", c.name, err)
		}
		if r := f.asked[0]; len(f.asked) != 1 || r.Method != http.MethodHead || r.URL.Path != "/archive" {
			t.Errorf("%s: asked %d times, %s %s", c.name, len(f.asked), r.Method, r.URL)
		}
	}
}

func TestMissingBucketOnAWS(t *testing.T) {
	b := s3bucket.New(awstest.Config(t), awstest.Prefix(t)+"none")
	if err := b.Check(t.Context()); !errors.Is(err, s3bucket.ErrNoBucket) {
		t.Errorf("check: %v", err)
	}
	if err := b.Create(t.Context(), "a/b", nil); !errors.Is(err, s3bucket.ErrNoBucket) {
		t.Errorf("create: %v", err)
	}
	if _, err := b.List(t.Context(), "", ""); !errors.Is(err, s3bucket.ErrNoBucket) {
		t.Errorf("list: %v", err)
	}
}
