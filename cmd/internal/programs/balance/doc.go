// Package balance is the program of the service that projects the balances of accounts and answers
// queries for them, now and at any earlier time.
//
// open says in order what it consists of. It links no command service, archiver or job. Next on the
// walk: readside.
package balance
