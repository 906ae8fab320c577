package awstest

import (
	"crypto/rand"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// The credentials and region of tests if the environment has none; emulators accept any.
const (
	testKey       = "test"
	DefaultRegion = "eu-central-1"
)

// LeftOut is the message of a test that is skipped because there is no endpoint; make test prints
// the names of these tests.
const LeftOut = "left out: AWS_ENDPOINT_URL is empty; make conformance e2e runs it"

// Endpoint returns the endpoint under test. It skips the test if there is none.
func Endpoint(t testing.TB) string {
	t.Helper()
	endpoint := os.Getenv("AWS_ENDPOINT_URL")
	if endpoint == "" {
		t.Skip(LeftOut)
	}
	return endpoint
}

// Config returns the configuration of the SDK for the endpoint under test. It skips the test if
// there is none.
func Config(t testing.TB) aws.Config {
	t.Helper()
	Endpoint(t)
	options := []func(*config.LoadOptions) error{}
	if os.Getenv("AWS_REGION") == "" {
		options = append(options, config.WithRegion(DefaultRegion))
	}
	if os.Getenv("AWS_ACCESS_KEY_ID") == "" {
		options = append(options, config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(testKey, testKey, "")))
	}
	c, err := config.LoadDefaultConfig(t.Context(), options...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Prefix returns a prefix for the names of tables, streams and buckets that no other run has.
func Prefix(testing.TB) string { return "t" + strings.ToLower(rand.Text()[:10]) + "-" }
