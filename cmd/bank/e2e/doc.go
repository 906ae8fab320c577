// Package e2e has the tests that run the real programs: bank, replay and audit are built once and
// started as processes, with a real data directory, over real HTTP, and killed for real.
//
// What a test here shows is true of the programs as users get them, wiring and flags included. A
// test knows the programs only by their command lines, exit codes and HTTP contract; the few tests
// that damage a data directory while the bank is down describe how.
//
// releases_test.go has a directory served by earlier releases in turn with today's.
//
// PASSBOOK_KILLS is how many times the crash test kills the bank; 5 if it is not set.
package e2e
