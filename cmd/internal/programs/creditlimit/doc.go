// Package creditlimit is the program of the service that projects the use of lines of credit,
// answers queries for it and notifies of crossed thresholds.
//
// open says in order what it consists of. It links no command service, archiver or job. Next on the
// walk: readside.
package creditlimit
