// Package buckettest is the contract of package bucket as a suite that every adapter passes.
//
// Each subtest quotes a sentence of the port's documentation and checks it; a test of this package
// finds the quotes there. The suite assumes nothing beyond the port: its keys are under a new
// prefix, because nothing can be deleted and the bucket may be shared.
//
// The test of an adapter opens two handles on one bucket and calls Run.
//
// Next on the walk: dirbucket.
package buckettest
