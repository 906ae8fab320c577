// Package e2e holds the tests that run the real programs: bank, replay and audit are built once and
// started as processes, with a real data directory, over real HTTP, and killed for real.
//
// What a test here shows holds for whoever downloads the programs, wiring and flags included. It
// knows the programs by their command lines, exit codes and HTTP contract alone; the few tests that
// damage a data directory while the bank is down say how.
//
// PASSBOOK_KILLS is how many times the crash test kills the bank; 5 if it is not set.
package e2e
