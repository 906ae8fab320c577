// Package demo plays a day at the bank over its REST API: accounts are opened, salaries and rents
// move, cards hold, capture and release, some payments are declined, a limit is raised, a doubled
// withdrawal is reversed, a lost card is frozen.
//
// It promises that a bank whose answers and reads agree with the demo's books passes, and that any
// other ends the day with ErrDifference: at the end of the day it reads every balance and every
// credit limit, at the version of its last command. A day is a function of its seed and its number
// of accounts, ids and idempotency keys included. It can be played once on a bank: the first
// repeated answer ends the second try.
//
// It is a program of package client like any other, and knows nothing else of this repository.
// Walk: Run -> day.plan -> day.play -> day.close.
package demo
