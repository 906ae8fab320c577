// Package e2e has the tests of the pipeline as separate services: two instances of each, under
// load, while instances are killed, drained and started again and shards are split and merged.
//
// One scenario runs on two fleets. The first is the real programs as processes on the AWS endpoint
// that AWS_ENDPOINT_URL names, LocalStack or another; without one it is left out, and
// localstack/with.sh starts one. The second is the same services in one process on one embedded
// engine, each instance with a separate connection to it that can be cut.
//
// Both must end in the same state: every 2xx is in the journal, at its version, once; every
// account's versions are applied in order once; audit finds no difference; and what is rebuilt from
// the archive is equal to what is live. Further tests put a bad network between an instance and the
// endpoint, and make programs start where they cannot. Next on the walk: serve.
package e2e
