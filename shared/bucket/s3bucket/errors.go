package s3bucket

import (
	"errors"
	"fmt"

	"github.com/aws/smithy-go"

	"passbook/shared/bucket"
)

// code returns the error code of S3, "" if S3 did not answer.
func code(err error) string {
	var answer smithy.APIError
	if errors.As(err, &answer) {
		return answer.ErrorCode()
	}
	return ""
}

// portError wraps an answer of S3 with the error of the port or ErrNoBucket, if there is one for
// it.
func (b *Bucket) portError(err error) error {
	switch code(err) {
	case "NoSuchBucket":
		return fmt.Errorf("%w %s: %w", ErrNoBucket, b.name, err)
	case "NoSuchKey", "NotFound": // the answer to a HEAD has no body, only a 404
		return fmt.Errorf("%w: %w", bucket.ErrNotFound, err)
	}
	return err
}

// failed wraps an error with the operation, the object and the bucket.
func (b *Bucket) failed(err error, what, key string) error {
	return fmt.Errorf("%s object %s in bucket %s: %w", what, key, b.name, b.portError(err))
}
