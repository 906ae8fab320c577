// Package programs lists the programs of Passbook by name, each of which has a package below.
//
// Its tests check what they have in common: the routes of the contract, the stores that their roles
// may find, and what each of them links. Walk: All.
package programs
