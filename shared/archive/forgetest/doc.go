// Package forgetest forges archives and stream records for tests, as somebody may who has the right
// to put objects into the bucket, or records on the stream, and no data key of the bank. Everything
// without a key fits: hashes, chains, balances, checksums and links between segments.
// No program imports it.
//
// Upgraded makes histories of a bank that was switched to macs. Forgeries are the ways to forge the
// history of one account; Forger puts the result into the archive.
package forgetest
