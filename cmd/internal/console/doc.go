// Package console is what the programs have in common at the command line: flags over the
// environment over defaults, exit codes, help of one screen, and a progress report that fits a
// terminal and a log alike.
//
// It promises that a program ends with a code that a script can act on, and that what went wrong is
// said in one line, with what to try next. A program's main gives everything that it touches to
// Run, so that the tests run the same code.
package console
