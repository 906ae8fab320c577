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
	"passbook/shared/stream"
	"passbook/shared/table/dynamotable"
)

// What to do about the things that go wrong.
const (
	adviceCredentials = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; LocalStack takes test and test"
	adviceExpired     = "log in again, with SSO: aws sso login; else take new credentials"
	adviceMissing     = "correct AWS_REGION, PASSBOOK_PREFIX or PASSBOOK_BUCKET; for a new bank make them: bank resources --store aws"
	adviceVersions    = "the archive needs a bucket that keeps versions, and what answers here has none: take another endpoint for S3 (AWS_ENDPOINT_URL_S3)"
	adviceLayout      = "the table is of another program or version: take another PASSBOOK_PREFIX, or move its data"
	adviceRights      = "give the role what deploy/template.yaml gives to this service"
	adviceStream      = "deploy/template.yaml lets a job make and write to %[1]scopy and %[1]scopy.NAME: take such a name, or give the role kinesis:CreateStream, kinesis:DescribeStreamSummary and kinesis:PutRecords on %[2]s"
	adviceEndpoint    = "correct AWS_ENDPOINT_URL, or start what should answer there (make start)"
	adviceNetwork     = "correct AWS_REGION, or the way to AWS"
	adviceClock       = "set this machine's clock: AWS takes no request that is more than 5 minutes off"
	adviceTaken       = "bucket names are taken worldwide: name another with --bucket (PASSBOOK_BUCKET)"
)

// credentialCodes are the codes by which AWS says that it does not know who asks.
var credentialCodes = []string{
	"UnrecognizedClientException", "InvalidClientTokenId", "InvalidAccessKeyId", "InvalidSignatureException", "SignatureDoesNotMatch",
	"IncompleteSignature", "MissingAuthenticationToken",
}

// expiredCodes are those by which it says that it did know them.
var expiredCodes = []string{"ExpiredToken", "ExpiredTokenException", "RequestExpired"}

// rightsCodes are those by which it says that the one who asks may not. 403 without a body is what
// HeadBucket answers.
var rightsCodes = []string{"AccessDenied", "AccessDeniedException", "Forbidden", "UnauthorizedOperation", "NotAuthorized"}

// explain finds the cause that a person can do something about.
func (s *awsStore) explain(err error) error {
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, dynamotable.ErrLayout):
		return &UnusableError{What: oneLine("%v", err), Next: adviceLayout, Err: err}
	case errors.Is(err, dynamotable.ErrNoTable), errors.Is(err, stream.ErrNotFound), errors.Is(err, s3bucket.ErrNoBucket):
		return &UnusableError{What: oneLine("%v, at %s", err, s.at(s.tables.Endpoint())), Next: adviceMissing, Err: err}
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		switch {
		case api.ErrorCode() == "RequestTimeTooSkewed", strings.Contains(api.ErrorMessage(), "Signature expired"), strings.Contains(api.ErrorMessage(), "Signature not yet current"):
			return &UnusableError{What: oneLine("AWS finds the time wrong: %v", err), Next: adviceClock, Err: err}
		case api.ErrorCode() == "UnknownError": // an answer that is no answer of AWS
			return s.explainStranger(err)
		case calls(err, "PutBucketVersioning") && !slices.Contains(rightsCodes, api.ErrorCode()):
			return &UnusableError{What: oneLine("the bucket cannot keep versions: %v", err), Next: adviceVersions, Err: err}
		case api.ErrorCode() == "BucketAlreadyExists":
			return &UnusableError{What: oneLine("the bucket is somebody else's: %v", err), Next: adviceTaken, Err: err}
		case slices.Contains(expiredCodes, api.ErrorCode()):
			return &UnusableError{What: oneLine("the credentials have expired: %v", err), Next: adviceExpired, Err: err}
		case slices.Contains(credentialCodes, api.ErrorCode()):
			return &UnusableError{What: oneLine("AWS does not accept the credentials: %v", err), Next: adviceCredentials, Err: err}
		case slices.Contains(rightsCodes, api.ErrorCode()):
			return &UnusableError{What: oneLine("rights are missing: %v", err), Next: adviceRights, Err: err}
		}
		return err
	}
	return s.explainSilence(err)
}

// explainStranger explains that something else than AWS answered.
func (s *awsStore) explainStranger(err error) error {
	endpoint, next := s.asked(err)
	return &UnusableError{What: oneLine("what answers at %s is not AWS: %v", s.at(endpoint), err), Next: next, Err: err}
}

// explainSilence explains that no AWS service answered.
func (s *awsStore) explainSilence(err error) error {
	var sent *smithy.OperationError
	var other *smithy.DeserializationError
	var network net.Error
	switch {
	case !errors.As(err, &sent):
		return err
	case errors.As(err, &other):
		return s.explainStranger(err)
	case errors.As(err, &network), errors.Is(err, context.DeadlineExceeded):
		endpoint, next := s.asked(err)
		return &UnusableError{What: oneLine("nothing answers at %s: %v", s.at(endpoint), err), Next: next, Err: err}
	}
	return err
}

// calls says whether the failed call is that operation.
func calls(err error, operation string) bool {
	var sent *smithy.OperationError
	return errors.As(err, &sent) && sent.Operation() == operation
}

// asked is the endpoint that a failed call went to, which AWS_ENDPOINT_URL or a variable of the
// service's own names, and what to do about it; "" for AWS's own.
func (s *awsStore) asked(err error) (endpoint, next string) {
	var sent *smithy.OperationError
	endpoint = s.tables.Endpoint()
	if errors.As(err, &sent) && sent.Service() == "Kinesis" {
		endpoint = s.streams.Endpoint()
	}
	if sent != nil && sent.Service() == "S3" && s.archive != nil {
		endpoint = s.archive.Endpoint()
	}
	if endpoint == "" {
		return "", adviceNetwork
	}
	return endpoint, adviceEndpoint
}

// noise is what the SDK says of a response that helps nobody here.
var noise = regexp.MustCompile(`https response error StatusCode: \d+, RequestID: [^,]*, (HostID: [^,]*, )?`)

// oneLine formats a message as one line, whatever the causes have in theirs.
func oneLine(format string, args ...any) string {
	return strings.Join(strings.Fields(noise.ReplaceAllString(fmt.Sprintf(format, args...), "")), " ")
}
