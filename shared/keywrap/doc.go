// Package keywrap is the port to the key that protects a bank's data keys: a key in AWS KMS, or a
// file beside the archive on one machine.
//
// It promises that a data key is stored only wrapped: nobody can read or change it without the key
// that wraps, and it is bound to its bank, so that a wrapped key moved to another bank is refused.
// It promises nothing about who may use the key that wraps: on AWS the roles decide it, on one
// machine the owner of the file.
//
// A process unwraps a data key once and keeps it; package origin does that. Adapters: filewrap (the
// embedded engine), kmswrap (AWS). Every adapter passes the suite keywraptest.
//
// Next on the walk: origin, which signs entries with data keys.
package keywrap
