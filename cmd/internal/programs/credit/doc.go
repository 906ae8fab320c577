// Package credit is the program of the service that takes money in and makes the bank's own
// decisions on accounts.
//
// open says in order what it consists of. It links no read model, archiver or job. Next on the
// walk: writeside.
package credit
