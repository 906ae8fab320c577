// Package serve puts the services together and runs them: withdraw, credit, balance, creditlimit
// and archiver as a process each, or all of them as the bank.
//
// A Service is a recipe: the stores it needs and the parts it is fitted with. Open follows it and
// gives a Process; Process.Run serves until it is told to end, and then ends in order, so that
// nothing accepted is lost and nothing is left for others to wait for. The bank is the same parts
// in one process, and no part knows which of the two it is in.
//
// It promises that a process that cannot start says why in one line before it listens, and that a
// process that was started has looked at every table and stream that it will need. It leaves what
// the parts do to the packages of the services, and the command line to package console. Walk: Main
// -> Open -> the fittings in writers.go and readers.go -> Process.Run.
package serve
