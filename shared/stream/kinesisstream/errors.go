package kinesisstream

import (
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"

	"passbook/shared/stream"
)

// known puts the port's error, if it has one, before what Kinesis answered; both stay in the chain.
func known(err error) error {
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

// throttles says that Kinesis, or the KMS behind an encrypted stream, refused for load: nothing was
// done.
func throttles(code string) bool {
	_, listed := retry.DefaultThrottleErrorCodes[code]
	return listed || code == "KMSThrottlingException"
}

// refuses says that Kinesis does not let the caller, or that the key of an encrypted stream cannot
// be used.
func refuses(code string) bool {
	switch code {
	case "AccessDeniedException", "ExpiredTokenException", "InvalidSignatureException", "UnrecognizedClientException",
		"IncompleteSignatureException", "MissingAuthenticationTokenException",
		"KMSAccessDeniedException", "KMSDisabledException", "KMSInvalidStateException", "KMSNotFoundException":
		return true
	}
	return false
}
