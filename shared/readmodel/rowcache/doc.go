// Package rowcache keeps the most recently used values by key, up to a weight.
//
// It evicts at once and in order, without a goroutine. It does not know what a value is: a
// projection keeps its accounts' rows in it.
//
// Walk: New -> Cache.Get -> Cache.Put. Next on the walk: shared/readmodel.
package rowcache
