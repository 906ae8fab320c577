// Package withdraw is the program of the service that takes money out, and writes down what
// expires.
//
// open says in order what it consists of. It links no read model, archiver or job: only the name
// and index of the table of balances, for the sweeper. Next on the walk: writeside.
package withdraw
