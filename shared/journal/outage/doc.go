// Package outage knows since when a store has not answered a writer's puts.
//
// It promises to make no call and to keep no goroutine: it knows what it is told.
//
// Walk: outage.go is all.
//
// Next on the walk: shared/journal, which tells it about every put.
package outage
