// Package awstest finds the AWS endpoint that tests of the AWS adapters run against.
//
// It promises that a test which needs an endpoint either runs against the one that AWS_ENDPOINT_URL
// names, LocalStack or any other emulator, or is skipped with a line that says so: no test reaches
// AWS itself by accident. make conformance sets the variable, starting a LocalStack if need be, and
// fails where a test was skipped all the same.
//
// Fake is an endpoint within the test, for the answers that no emulator can be made to give.
// Starting emulators is left to localstack/, and resources to the adapters. Used by tests only.
package awstest
