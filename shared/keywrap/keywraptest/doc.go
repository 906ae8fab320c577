// Package keywraptest is the contract of package keywrap as a suite that every adapter passes.
//
// Each subtest quotes a sentence of the port's documentation and checks it; a test of this package
// finds the quotes there. The test of an adapter opens two handles on one key, and one on another
// key, and calls Run.
//
// Next on the walk: filewrap.
package keywraptest
