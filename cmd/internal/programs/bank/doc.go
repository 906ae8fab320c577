// Package bank is the program that runs all of Passbook in one process: both command services, both
// read models and the archiver on one listener, and the jobs beside them on a separate
// loopback listener.
//
// open says in order what it consists of; the parts are those of the services, and none of them
// knows in which process it runs. The other commands look after a bank: quarantine, archive, clock,
// resources and salvage work beside a running one or without it, and demo plays a day against one.
// Walk: open -> writeside.Open, readside.Open -> serve.Process.Run.
package bank
