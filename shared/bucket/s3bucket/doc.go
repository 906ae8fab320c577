// Package s3bucket is the AWS adapter of the bucket port: one bucket of S3.
//
// An object is made by one PutObject with If-None-Match, of whatever size (S3 takes 5 GiB), and
// read by ranges with If-Match of the ETag that Open saw, so that what is read is one object. Where
// an endpoint is configured, keys go into the path, since emulators have no host names of buckets.
// A missing bucket is ErrNoBucket, except to Open: S3 does not tell it from a missing object there,
// so Check comes first.
//
// Calls are repeated at one layer only. Create is tried once; the exception is a 409
// ConditionalRequestConflict, by which S3 asks for it, 3 times. An unanswered Create may have
// happened: repeated by its caller it is ErrExists. Everything else is tried 3 times by the SDK,
// setup 5 times, whatever AWS_MAX_ATTEMPTS and AWS_RETRY_MODE say; and a body that breaks off,
// which the SDK does not see, is asked for again from there, in 3 answers at most.
//
// Every call has a deadline, or its caller's if that is sooner: 30 s, and a second for each MiB
// that it carries. CreateBucket and Check are beyond the port. Next on the walk: archive.
package s3bucket
