// Package platform chooses what a program stands on: it reads the configuration, opens the adapters behind the three ports and
// makes the tables and streams that are missing.
//
// It promises that a program learns of a wrong setting before it touches anything, by the name of the flag and of the
// variable, and that Open gives back everything or nothing. It is the only package that imports adapters, so that everything
// else is written once for the embedded engine, LocalStack and AWS.
//
// It knows nothing of accounts: the schemas and the stream names come from the programs. Next on the walk: cmd/bank.
package platform
