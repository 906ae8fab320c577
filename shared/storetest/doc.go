// Package storetest opens the stores that tests work on.
//
// It is for tests only. Memory opens an embedded engine in memory, whose ports are decorated by
// package faults. Tests of the adapters themselves open theirs by hand.
package storetest
