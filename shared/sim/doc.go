// Package sim has no code: it tests the pipeline by simulation.
//
// A run is journal, publisher, drainer, projections and archiver on the shipped embedded engine, on
// a file system that forgets what was not synced, in virtual time. A seed decides what clients ask
// for, which calls of the ports fail and how, how long each takes and when the power is cut. In the
// end everything that was acknowledged is compared with journal, stream, rows and archive. One seed
// gives one trace, on one core and on two.
//
// It does not test the programs that put processes together, nor AWS: packages pipeline and e2e do.
//
// Next on the walk: faults.
package sim
