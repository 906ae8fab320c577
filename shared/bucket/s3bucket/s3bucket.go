package s3bucket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"passbook/shared/backoff"
	"passbook/shared/bucket"
)

const (
	// callDeadline bounds a call without its data, and slowest the time for each MiB of data.
	callDeadline = 30 * time.Second
	slowest      = time.Second
	// conflictPause is the pause before the first repetition after a conflict; the second is twice
	// as long.
	conflictPause = 100 * time.Millisecond

	createTries   = 3
	readAttempts  = 3
	setupAttempts = 5
)

// ErrNoBucket: the bucket does not exist. The error names it.
var ErrNoBucket = errors.New("s3bucket: no such bucket")

// Bucket implements bucket.Bucket. Several may be open on one bucket. It is safe for concurrent
// use.
type Bucket struct {
	client *s3.Client
	name   string
	// reading and setting are options of calls that the SDK repeats. Other calls are tried once.
	reading, setting func(*s3.Options)
}

var _ bucket.Bucket = (*Bucket)(nil)

// New returns the Bucket of that name for the configuration of the SDK: region, credentials,
// endpoint. It calls no service.
func New(c aws.Config, name string) *Bucket {
	client := s3.NewFromConfig(c, func(o *s3.Options) {
		o.UsePathStyle = o.BaseEndpoint != nil
		o.Retryer = aws.NopRetryer{}
		// A range has no checksum, and the SDK would log that for each of them.
		o.DisableLogOutputChecksumValidationSkipped = true
	})
	return &Bucket{client: client, name: name, reading: attempts(readAttempts), setting: attempts(setupAttempts)}
}

func attempts(n int) func(*s3.Options) {
	retryer := retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts = n })
	return func(o *s3.Options) { o.Retryer = retryer }
}

// Endpoint returns the endpoint that the configuration names, "" for that of AWS.
func (b *Bucket) Endpoint() string { return aws.ToString(b.client.Options().BaseEndpoint) }

// deadline returns a context with the deadline of a call that transfers n bytes.
func deadline(ctx context.Context, n int) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, callDeadline+slowest*time.Duration(n>>20))
}

// Create implements bucket.Bucket by one PutObject.
func (b *Bucket) Create(ctx context.Context, key string, data []byte) error {
	if err := bucket.CheckKey(key); err != nil {
		return err
	}
	ctx, cancel := deadline(ctx, len(data))
	defer cancel()
	for try := 1; ; try++ {
		err := b.put(ctx, key, data)
		if err == nil {
			return nil
		}
		if code(err) == "PreconditionFailed" {
			err = fmt.Errorf("%w: %w", bucket.ErrExists, err)
		}
		if try == createTries || code(err) != "ConditionalRequestConflict" || backoff.Sleep(ctx, conflictPause<<(try-1)) != nil {
			return b.failed(err, "create", key)
		}
	}
}

func (b *Bucket) put(ctx context.Context, key string, data []byte) error {
	_, err := b.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &b.name, Key: &key, Body: bytes.NewReader(data), IfNoneMatch: aws.String("*"),
	})
	return err
}

// List implements bucket.Bucket by one ListObjectsV2.
func (b *Bucket) List(ctx context.Context, prefix, after string) (bucket.Page, error) {
	ctx, cancel := deadline(ctx, 0)
	defer cancel()
	in := &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: &prefix, MaxKeys: aws.Int32(bucket.MaxListPage)}
	if after != "" {
		in.StartAfter = &after
	}
	out, err := b.client.ListObjectsV2(ctx, in, b.reading)
	if err != nil {
		return bucket.Page{}, fmt.Errorf("list objects %q of bucket %s: %w", prefix, b.name, b.portError(err))
	}
	var page bucket.Page
	for _, o := range out.Contents {
		page.Objects = append(page.Objects, bucket.Info{Key: aws.ToString(o.Key), Size: aws.ToInt64(o.Size)})
	}
	if aws.ToBool(out.IsTruncated) {
		if len(page.Objects) == 0 {
			return page, fmt.Errorf("list objects %q of bucket %s: an empty page says that more follows", prefix, b.name)
		}
		page.After = page.Objects[len(page.Objects)-1].Key
	}
	return page, nil
}
