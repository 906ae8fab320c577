// Package readside puts together what the consumers of a process share: the journal's reader, and
// the runtime of consumers under one name among the holders of leases.
//
// balance, creditlimit, archiver and the bank are built on it. It knows none of them. Walk: Open
// -> owner. Next on the walk: consumer.
package readside
