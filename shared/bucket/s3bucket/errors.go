package s3bucket

import (
	"errors"
	"fmt"

	"github.com/aws/smithy-go"

	"passbook/shared/bucket"
)

// code is S3's own word for what went wrong, "" where S3 did not answer.
func code(err error) string {
	var answer smithy.APIError
	if errors.As(err, &answer) {
		return answer.ErrorCode()
	}
	return ""
}

// known puts the error that a caller decides on, if there is one, before what S3 answered; both
// stay in the chain.
func (b *Bucket) known(err error) error {
	switch code(err) {
	case "NoSuchBucket":
		return fmt.Errorf("%w %s: %w", ErrNoBucket, b.name, err)
	case "NoSuchKey", "NotFound": // a HEAD has no body to say more than 404
		return fmt.Errorf("%w: %w", bucket.ErrNotFound, err)
	}
	return err
}

// failed says what was tried with an object.
func (b *Bucket) failed(err error, what, key string) error {
	return fmt.Errorf("%s object %s in bucket %s: %w", what, key, b.name, b.known(err))
}
