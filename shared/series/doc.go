// Package series answers how an account's amounts moved over its versions: posted, available and
// limit, for charts and for a slider over the past.
//
// Every event carries the amounts after it, so a series is read, never folded. Of a window of more
// versions than points are asked for, each point stands for as many consecutive versions as are
// needed, with the minimum, maximum and last value of each amount: no extreme is lost. A window of
// fewer versions has a point for each.
//
// History never changes, so blocks of 1,000 versions are kept in memory, up to a bound, and only
// the versions after them are read. A series is as new as the journal, never behind.
//
// It does not check that amounts follow from each other: audit does. The first series of a long
// history reads all of it, which takes its time; no result is stored.
//
// Walk: Reader.Read -> Reader.block -> thin. Next on the walk: journal.
package series
