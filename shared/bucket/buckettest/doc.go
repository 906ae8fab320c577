// Package buckettest is the contract of package bucket as a suite that every adapter passes.
//
// Each subtest quotes the sentence that it holds, and a test of this package finds the quotes in
// the port's documentation. The suite assumes nothing beyond the port: it makes keys of its own
// under a prefix, for nothing can be deleted and the bucket may be shared.
//
// An adapter's test opens two handles on one bucket and calls Run. Next on the walk: dirbucket.
package buckettest
