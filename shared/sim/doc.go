// Package sim has no code: it tests the pipeline by simulation.
//
// A run is journal, publisher, drainer, projections and archiver on the shipped embedded engine, on
// a file system that forgets what was not synced, in virtual time. In some runs there are also the
// archive's log and the compactor of the events table, several at once. A seed decides what clients
// ask for, which calls of the ports fail and how, how long each takes, when the power is cut, and
// which segments are lost, or come again: in another order, days late, or with another history. In
// the end everything that was acknowledged is compared with journal, stream, rows, archive, log and
// events table. One seed gives one trace, on one core and on two.
//
// It does not test the programs that put processes together, nor AWS: packages pipeline and e2e do.
//
// Next on the walk: faults.
package sim
