// Package programs has a package for each program of Passbook below it.
//
// Its tests check what the programs have in common: the routes of the contract, the stores that
// their roles may find, the order in which they start beside each other, and what each of them
// links. Next on the walk: withdraw.
package programs
