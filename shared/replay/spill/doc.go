// Package spill sorts records by account, so that a job that reads an archive once, in any order,
// visits one whole account after the other.
//
// It promises a bound of memory that does not depend on how many accounts and records there are:
// half of Limits.Memory while records are added, and while they are visited those of one part of
// the accounts. An account of which one part cannot hold the records is the exception: it is in
// memory as a whole. What does not fit is in one scratch file, which has no name from the beginning
// on, so that nothing is left of it however the process ends. Nothing is written where everything
// fits.
//
// A record is bytes to it, and it may be added by many goroutines at once. It does not last: a job
// that was interrupted reads again. Walk: Limits.Parts -> NewSorter -> Sorter.Add -> Sorter.Visit.
// Next on the walk: pack.
package spill
