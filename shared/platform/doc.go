// Package platform chooses what a program stands on: it reads the configuration, opens the adapters
// behind the three ports, and prepares the resources: the embedded engine makes what is missing, on
// AWS what is there is only looked at, and made by an act of its own.
//
// It promises that a program learns of a wrong setting before it touches anything, by the name of
// the flag and of the variable, that Open gives back everything or nothing, and that stores which
// cannot be used are told as an UnusableError: what is wrong and what to do, in a line each. It is
// the only package that imports adapters, so that everything else is written once for the embedded
// engine, LocalStack and AWS.
//
// It knows nothing of accounts: the schemas and the stream names come from the programs. Next on
// the walk: cmd/internal/serve.
package platform
