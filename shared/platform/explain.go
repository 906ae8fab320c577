package platform

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/smithy-go"

	"passbook/shared/bucket/s3bucket"
	"passbook/shared/keywrap"
	"passbook/shared/stream"
	"passbook/shared/table/dynamotable"
)

// The remedies for the causes that Explain knows.
const (
	adviceCredentials = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; LocalStack accepts test and test"
	adviceExpired     = "log in again, with SSO: aws sso login; otherwise use new credentials"
	adviceMissing     = "correct AWS_REGION, PASSBOOK_PREFIX or PASSBOOK_BUCKET; for a new bank create them: bank resources --store aws"
	adviceVersions    = "the archive needs a bucket with versioning, which this endpoint does not have: use another endpoint for S3 (AWS_ENDPOINT_URL_S3)"
	adviceLayout      = "the table belongs to another program or version: use another PASSBOOK_PREFIX, or move its data"
	adviceRights      = "give the role the permissions that deploy/template.yaml gives to this service"
	adviceStream      = "deploy/template.yaml lets a job create and write to %[1]scopy and %[1]scopy.NAME: use such a name, or give the role kinesis:CreateStream, kinesis:DescribeStreamSummary and kinesis:PutRecords on %[2]s"
	adviceEndpoint    = "correct AWS_ENDPOINT_URL, or start the service there (make start)"
	adviceNetwork     = "correct AWS_REGION, or the network connection to AWS"
	adviceClock       = "correct the clock of this machine: AWS rejects requests that are more than 5 minutes off"
	adviceNoKey       = "name the key that the data keys were wrapped with by --kms-key (PASSBOOK_KMS_KEY); enable one that was disabled; for a new bank create it: bank resources --store aws"
	adviceUseKey      = "give the role kms:Decrypt on that key, and to programs that make data keys kms:Encrypt, both for the encryption context bank, as deploy/template.yaml does"
	adviceKey         = "name the key that the data keys were wrapped with by --kms-key (PASSBOOK_KMS_KEY); if it is that one, a row key / ID of the control table was changed: restore it"
	adviceMakeKey     = "let an administrator create the key and its alias, as deploy/template.yaml does, or give this role kms:DescribeKey, kms:CreateKey and kms:CreateAlias"
	adviceNoKMS       = "the endpoint has no KMS: enable it there (LocalStack: kms in SERVICES), or name another for it (AWS_ENDPOINT_URL_KMS)"
	adviceTaken       = "bucket names are unique worldwide: use another one with --bucket (PASSBOOK_BUCKET)"
)

// credentialCodes are the error codes of AWS for unknown credentials.
var credentialCodes = []string{
	"UnrecognizedClientException", "InvalidClientTokenId", "InvalidAccessKeyId", "InvalidSignatureException", "SignatureDoesNotMatch",
	"IncompleteSignature", "MissingAuthenticationToken",
}

// expiredCodes are the error codes of AWS for expired credentials.
var expiredCodes = []string{"ExpiredToken", "ExpiredTokenException", "RequestExpired"}

// rightsCodes are the error codes of AWS for missing permissions. HeadBucket answers 403 without a
// body, which the SDK calls Forbidden.
var rightsCodes = []string{"AccessDenied", "AccessDeniedException", "Forbidden", "UnauthorizedOperation", "NotAuthorized"}

// kms is what the SDK calls KMS.
const kms = "KMS"

// Explain implements Admin.
func (s *awsStore) Explain(err error) error {
	switch {
	case explained(err), errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, dynamotable.ErrLayout):
		return &UnusableError{What: oneLine("%v", err), Next: adviceLayout, Err: err}
	case errors.Is(err, dynamotable.ErrNoTable), errors.Is(err, stream.ErrNotFound), errors.Is(err, s3bucket.ErrNoBucket):
		return &UnusableError{What: oneLine("%v, at %s", err, s.at(s.tables.Endpoint())), Next: adviceMissing, Err: err}
	}
	if explained := explainKey(err); explained != nil {
		return explained
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		switch {
		case api.ErrorCode() == "RequestTimeTooSkewed", strings.Contains(api.ErrorMessage(), "Signature expired"), strings.Contains(api.ErrorMessage(), "Signature not yet current"):
			return &UnusableError{What: oneLine("AWS rejects the time of the request: %v", err), Next: adviceClock, Err: err}
		case api.ErrorCode() == "UnknownError": // the answer is not from AWS
			return s.explainForeign(err)
		case calls(err, "PutBucketVersioning") && !slices.Contains(rightsCodes, api.ErrorCode()):
			return &UnusableError{What: oneLine("the bucket cannot have versioning: %v", err), Next: adviceVersions, Err: err}
		case api.ErrorCode() == "BucketAlreadyExists":
			return &UnusableError{What: oneLine("the bucket belongs to another AWS account: %v", err), Next: adviceTaken, Err: err}
		case slices.Contains(expiredCodes, api.ErrorCode()):
			return &UnusableError{What: oneLine("the credentials have expired: %v", err), Next: adviceExpired, Err: err}
		case slices.Contains(credentialCodes, api.ErrorCode()):
			return &UnusableError{What: oneLine("AWS does not accept the credentials: %v", err), Next: adviceCredentials, Err: err}
		case slices.Contains(rightsCodes, api.ErrorCode()):
			return &UnusableError{What: oneLine("permissions are missing: %v", err), Next: adviceRights, Err: err}
		}
		return err
	}
	return s.explainNoAnswer(err)
}

// explainKey returns the error for the key that wraps the data keys: none, no right to it, or
// another one. It is nil for any other error.
func explainKey(err error) error {
	var api smithy.APIError
	var sent *smithy.OperationError
	answered := errors.As(err, &api)
	switch {
	case answered && (calls(err, "DescribeKey") || calls(err, "CreateKey") || calls(err, "CreateAlias")) && slices.Contains(rightsCodes, api.ErrorCode()):
		return &UnusableError{What: oneLine("permissions are missing: %v", err), Next: adviceMakeKey, Err: err}
	case errors.Is(err, keywrap.ErrNoKey):
		return &UnusableError{What: oneLine("there is no such key: %v", err), Next: adviceNoKey, Err: err}
	case errors.Is(err, keywrap.ErrRefused) && answered && slices.Contains(rightsCodes, api.ErrorCode()):
		return &UnusableError{What: oneLine("permissions are missing: %v", err), Next: adviceUseKey, Err: err}
	case errors.Is(err, keywrap.ErrRefused):
		return &UnusableError{What: oneLine("the data key was wrapped by another key, or for another bank: %v", err), Next: adviceKey, Err: err}
	case answered && errors.As(err, &sent) && sent.Service() == kms && api.ErrorCode() == "InternalFailure":
		return &UnusableError{What: oneLine("no key can be used: %v", err), Next: adviceNoKMS, Err: err}
	}
	return nil
}

// explainForeign returns the error for an answer that is not from AWS.
func (s *awsStore) explainForeign(err error) error {
	endpoint, next := s.endpointOf(err)
	return &UnusableError{What: oneLine("the service at %s is not AWS: %v", s.at(endpoint), err), Next: next, Err: err}
}

// explainNoAnswer returns the error for a call that no service answered.
func (s *awsStore) explainNoAnswer(err error) error {
	var sent *smithy.OperationError
	var other *smithy.DeserializationError
	var network net.Error
	switch {
	case !errors.As(err, &sent):
		return err
	case errors.As(err, &other):
		return s.explainForeign(err)
	case errors.As(err, &network), errors.Is(err, context.DeadlineExceeded):
		endpoint, next := s.endpointOf(err)
		return &UnusableError{What: oneLine("no answer from %s: %v", s.at(endpoint), err), Next: next, Err: err}
	}
	return err
}

// calls reports whether the failed call is that operation.
func calls(err error, operation string) bool {
	var sent *smithy.OperationError
	return errors.As(err, &sent) && sent.Operation() == operation
}

// endpointOf returns the endpoint of a failed call, as AWS_ENDPOINT_URL or the variable of the
// service sets it, and the remedy. The endpoint is "" for that of AWS.
func (s *awsStore) endpointOf(err error) (endpoint, next string) {
	var sent *smithy.OperationError
	endpoint = s.tables.Endpoint()
	if errors.As(err, &sent) && sent.Service() == "Kinesis" {
		endpoint = s.streams.Endpoint()
	}
	if sent != nil && sent.Service() == kms {
		endpoint = s.keys.Endpoint()
	}
	if sent != nil && sent.Service() == "S3" && s.archive != nil {
		endpoint = s.archive.Endpoint()
	}
	if endpoint == "" {
		return "", adviceNetwork
	}
	return endpoint, adviceEndpoint
}

// noise is the part of an error of the SDK that does not help an operator.
var noise = regexp.MustCompile(`https response error StatusCode: \d+, RequestID: [^,]*, (HostID: [^,]*, )?`)

// oneLine formats a message and joins its lines.
func oneLine(format string, args ...any) string {
	return strings.Join(strings.Fields(noise.ReplaceAllString(fmt.Sprintf(format, args...), "")), " ")
}
