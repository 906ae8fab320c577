// Package bucket is the port to a store of immutable objects: S3 on AWS, a directory on one
// machine.
//
// It promises what S3 promises to a caller that never overwrites: an object is created if its key
// is free (If-None-Match), is seen completely or not at all, is visible to every read and listing
// after the answer, and can be read by ranges. Listings are in byte order. There is no delete: the
// archive only grows.
//
// Adapters: dirbucket (the embedded engine), s3bucket (AWS). Every adapter passes the suite
// buckettest.
//
// Next on the walk: archive, which defines what the objects contain.
package bucket
