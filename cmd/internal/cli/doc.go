// Package cli has what the programs have in common at the command line: flags over the
// environment over defaults, exit codes, help of one screen, and a progress report that fits a
// terminal and a log alike.
//
// It promises that a program ends with a code that a script can act on, and that a failure is one
// line, followed by one line of what to try next. Run takes everything that a program touches as
// arguments, so that the tests run the same code. It knows no job and no service. Walk: Main -> Run
// -> Terminal.Config -> explain. Next on the walk: platform.
package cli
