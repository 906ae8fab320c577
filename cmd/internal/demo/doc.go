// Package demo plays a day at the bank over its REST API: accounts are opened, salaries and rents
// move, cards hold, capture and release, some payments are declined, a limit is raised, a doubled
// withdrawal is reversed, a lost card is frozen.
//
// It keeps books of its own while it goes, and at the end of the day it reads every balance and
// every credit limit, at the version of its last command, and compares. A day is a function of its
// seed and its number of accounts, ids and idempotency keys included. It is played once on a bank:
// the first repeated answer ends the second one.
//
// It is a client like any other: it knows the HTTP contract and nothing else of this repository.
package demo
