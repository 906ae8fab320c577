// Package programtest builds the real programs once for a test binary, runs them as processes, and
// ends them: for the end-to-end tests of the bank and of the services. It does the same with the
// programs of earlier releases, from the repository's own history.
//
// It promises that a process is gone at the end of its test, that a program sees no setting of
// Passbook or AWS but those that the test gives it, and that a test which runs a program is run
// again if a source file has changed. It knows of the programs only that a serving one prints its
// address and answers /readyz. Only tests use it.
//
// A test that needs an earlier release is left out where the clone lacks its commit; with
// PASSBOOK_TEST_HISTORY=1, as in CI, it fails. Walk: Main -> Start -> Release.Program ->
// Server.Terminate.
package programtest
