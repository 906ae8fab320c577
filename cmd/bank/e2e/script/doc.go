// Package script tests the command line as a person and a script use it: each file of testdata is a
// session in a shell, and every example of every help text and of the documents runs.
package script
