// Package quarantined has the rows of the accounts and records that a consumer could not process.
//
// The first evidence of an account or a record is kept until it is replaced by a newer one, or
// released. The bytes of a record and a cause are bounded, so that a row always fits. It does not
// decide what is put into quarantine, and releases no account: package readmodel does both.
//
// Walk: Add -> All. Next on the walk: shared/readmodel.
package quarantined
