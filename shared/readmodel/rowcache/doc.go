// Package rowcache keeps the rows of read models that were used lately, up to a weight.
//
// It evicts at once, without a goroutine. It does not know what a row is: a projection keeps what
// it wrote, and readers get that too, as long as the row has the stamp that it had then.
//
// Walk: Generations.Of -> Rows.Read -> Rows.Keep; Rows.Get -> Rows.Expect -> Rows.Put; Cache.Put.
// Next on the walk: shared/readmodel.
package rowcache
