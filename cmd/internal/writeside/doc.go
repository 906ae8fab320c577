// Package writeside puts together what a process that takes commands consists of: the journal under
// a writer session, the publisher behind it, the drainer of dead writers, and the two ways of
// commands between writers.
//
// withdraw, credit and the bank are built on it. It promises that both services' commands are known
// in each of them, whichever has the routes, since an account has one writer for all of its
// commands. It leaves the routes to the programs. Walk: Open -> listen -> connect. Next on
// the walk: journal.
package writeside
