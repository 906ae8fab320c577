package platform

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/smithy-go"

	"passbook/shared/keywrap"
)

// For a stream whose name deploy/template.yaml does not cover, the template cannot be the remedy.
func TestTheRemedyForARefusedStreamNamesIt(t *testing.T) {
	denies := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"__type":"AccessDeniedException","message":"not authorized to perform: kinesis:CreateStream"}`))
	}))
	t.Cleanup(denies.Close)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": denies.URL, "AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
		"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
	} {
		t.Setenv(name, value)
	}
	c, err := FromEnv([]string{"PASSBOOK_STORE=aws"})
	if err != nil {
		t.Fatal(err)
	}
	e, err := Open(t.Context(), c, resources, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for name, next := range map[string]string{
		"passbook-copy": adviceRights, "passbook-copy.2": adviceRights, "passbook-events": adviceRights,
		"copy":            "passbook-copy.NAME: use such a name, or give the role kinesis:CreateStream, kinesis:DescribeStreamSummary and kinesis:PutRecords on copy",
		"passbook-copy2":  "on passbook-copy2",
		"passbook-2-copy": "on passbook-2-copy",
	} {
		var unusable *UnusableError
		if err := e.CreateStream(t.Context(), name); !errors.As(err, &unusable) || !strings.HasSuffix(unusable.Next, next) {
			t.Errorf("%s: %v; want the advice %q", name, err, next)
		}
	}
}

// The remedies for a missing resource begin with a wrong setting: creating the resource would make
// a second, empty bank.
func TestRemedies(t *testing.T) {
	refused := func(service, operation, code string) error {
		return &smithy.OperationError{ServiceID: service, OperationName: operation, Err: &smithy.GenericAPIError{Code: code, Message: "no"}}
	}
	for name, tt := range map[string]struct {
		err  error
		says string
	}{
		"expired":         {refused("DynamoDB", "DescribeTable", "ExpiredTokenException"), "aws sso login"},
		"unknown key":     {refused("DynamoDB", "DescribeTable", "UnrecognizedClientException"), "AWS_PROFILE"},
		"a taken name":    {refused("S3", "CreateBucket", "BucketAlreadyExists"), "unique worldwide"},
		"no versions":     {refused("S3", "PutBucketVersioning", "BucketAlreadyExists"), "with versioning"},
		"may not version": {refused("S3", "PutBucketVersioning", "AccessDenied"), "template.yaml"},
		"no key":          {fmt.Errorf("%w: %w", keywrap.ErrNoKey, refused("KMS", "Decrypt", "NotFoundException")), "--kms-key"},
		"no right":        {fmt.Errorf("%w: %w", keywrap.ErrRefused, refused("KMS", "Decrypt", "AccessDeniedException")), "kms:Decrypt"},
		"wrong context":   {fmt.Errorf("%w: %w", keywrap.ErrRefused, refused("KMS", "Decrypt", "InvalidCiphertextException")), "key / ID"},
		"no KMS":          {refused("KMS", "Decrypt", "InternalFailure"), "AWS_ENDPOINT_URL_KMS"},
		"may not make it": {refused("KMS", "CreateKey", "AccessDeniedException"), "administrator"},
	} {
		var unusable *UnusableError
		if err := new(awsStore).Explain(tt.err); !errors.As(err, &unusable) || !strings.Contains(unusable.Next, tt.says) {
			t.Errorf("%s: %v; want advice with %q", name, err, tt.says)
		}
	}
	if region, make := strings.Index(adviceMissing, "AWS_REGION"), strings.Index(adviceMissing, "bank resources"); region > make {
		t.Errorf("for a wrong region: %s", adviceMissing)
	}
}
