package kinesisstream

import (
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"

	"passbook/shared/stream"
)

// portError wraps an answer of Kinesis with the error of the port, if there is one for it.
func portError(err error) error {
	var answer smithy.APIError
	if !errors.As(err, &answer) {
		return err
	}
	var ours error
	switch code := answer.ErrorCode(); {
	case throttles(code):
		ours = stream.ErrThrottled
	case code == "ResourceNotFoundException":
		ours = stream.ErrNotFound
	case code == "ExpiredIteratorException":
		ours = stream.ErrExpiredIterator
	case refuses(code):
		ours = stream.ErrRefused
	case code == "InvalidArgumentException", code == "ValidationException":
		ours = stream.ErrInvalid
	default:
		return err
	}
	return fmt.Errorf("%w: %w", ours, err)
}

// throttles reports whether Kinesis, or the KMS of an encrypted stream, refused the call for load.
// Nothing was done then.
func throttles(code string) bool {
	_, listed := retry.DefaultThrottleErrorCodes[code]
	return listed || code == "KMSThrottlingException"
}

// refuses reports whether the caller has no permission, or whether the key of an encrypted stream
// cannot be used.
func refuses(code string) bool {
	switch code {
	case "AccessDeniedException", "ExpiredTokenException", "InvalidSignatureException", "UnrecognizedClientException",
		"IncompleteSignatureException", "MissingAuthenticationTokenException",
		"KMSAccessDeniedException", "KMSDisabledException", "KMSInvalidStateException", "KMSNotFoundException":
		return true
	}
	return false
}
