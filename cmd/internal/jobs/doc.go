// Package jobs is what can be done to a bank besides serving it: rebuild, promote and discard a
// read model, restore the journal, republish, audit, look into the quarantine and redrive.
//
// A job is one function, whoever runs it: a running bank serves it on its ops listener, and a
// program that finds no running bank opens the data directory and runs the same function itself. Do
// chooses between the two.
//
// It promises that a job's parameters are checked before anything is touched, that a dry run
// touches nothing, and that a job that is interrupted goes on when it is started again. The work
// itself is in replay, consumer and audit.
package jobs
