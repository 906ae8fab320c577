// Package console is the program of the console beside the five services: the pages of the bank for
// browsers, and the answers about all processes together.
//
// open says in order what it consists of. It has no right to an account: each call goes
// to a service that serves it, with the caller's credential. It writes no table and links no
// command service, archiver or job. Next on the walk: discovery.
package console
