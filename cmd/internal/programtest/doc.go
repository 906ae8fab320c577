// Package programtest builds the real programs once for a test binary, runs them as processes, and
// ends them: for the end-to-end tests of the bank and of the services.
//
// It promises that a process is gone at the end of its test, that a program sees no setting of
// Passbook or AWS but those that the test gives it, and that a test which runs a program is run
// again if a source file has changed. It knows of the programs only that a serving one prints its
// address and answers /readyz. Only tests use it. Walk: Main -> Start -> Server.Terminate.
package programtest
