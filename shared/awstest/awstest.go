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

// The credentials and region that tests use where the environment names none; emulators take any.
const (
	testKey       = "test"
	DefaultRegion = "eu-central-1"
)

// LeftOut begins the message of a test that is skipped for want of an endpoint; make test prints
// the names.
const LeftOut = "left out: AWS_ENDPOINT_URL is empty; make conformance e2e runs it"

// Endpoint is the endpoint under test. Without one the test is skipped.
func Endpoint(t testing.TB) string {
	t.Helper()
	endpoint := os.Getenv("AWS_ENDPOINT_URL")
	if endpoint == "" {
		t.Skip(LeftOut)
	}
	return endpoint
}

// Config is the SDK's configuration for the endpoint under test. Without one the test is skipped.
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

// Prefix is a prefix for the names of tables, streams and buckets that no other run has.
func Prefix(testing.TB) string { return "t" + strings.ToLower(rand.Text()[:10]) + "-" }
