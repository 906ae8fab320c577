// Package s3bucket is the AWS adapter of the bucket port: one bucket of S3.
//
// An object is created by one PutObject with If-None-Match (S3 takes up to 5 GiB), and read by
// ranges with If-Match of the ETag that Open saw, so that all reads are of one object. With a
// configured endpoint keys go into the path, because emulators have no host names of buckets. A
// missing bucket is ErrNoBucket, except to Open: S3 does not distinguish it from a missing object
// there, so call Check first.
//
// Calls are repeated in one layer only. Create is tried once, and up to 3 times after a 409
// ConditionalRequestConflict, by which S3 asks for it. An unanswered Create may have happened:
// repeated by its caller it is ErrExists. The SDK tries all other calls 3 times, and setup 5 times;
// the settings AWS_MAX_ATTEMPTS and AWS_RETRY_MODE do not change that. If the body of a read breaks
// off, which the SDK does not notice, the rest is requested again, 3 times at most.
//
// Every call has a deadline, or that of its caller if it is sooner: 30 s, and a second for each MiB
// that it transfers. CreateBucket and Check are beyond the port.
//
// Walk: Bucket.Create; Bucket.Open; Bucket.List; then archive.
package s3bucket
