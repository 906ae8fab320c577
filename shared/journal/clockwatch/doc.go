// Package clockwatch reports the accounts that are ahead of this machine's clock, to the log, to
// the metrics and to the health checks: their last entries were committed under a clock that was
// ahead, or this one is behind.
//
// It promises: the account and the remedy are named, in the log for each, and to the health checks
// for a minute; an account that is refused is not hidden by one that is not. It measures nothing
// and refuses nothing: package journal does, and says what it saw. It reads
// which times a person has accepted.
//
// Walk: Watch.Ahead -> Watch.Refused -> Watch.Err. Next on the walk: journal.
package clockwatch
