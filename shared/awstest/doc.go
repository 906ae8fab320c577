// Package awstest finds the AWS endpoint that tests of the AWS adapters run against.
//
// It promises that a test which needs an endpoint either runs against the one in AWS_ENDPOINT_URL,
// LocalStack or another emulator, or is skipped with a line that says so: no test reaches AWS by
// accident. make conformance sets the variable, starting a LocalStack if need be, and fails if a
// test is still skipped.
//
// Fake is an endpoint within the test, for answers that no emulator can be made to give.
// localstack/ starts emulators, and the adapters create the resources. It is for tests only.
package awstest
