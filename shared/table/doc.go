// Package table is the port to a store of rows: DynamoDB on AWS, Pebble on one machine.
//
// It promises what DynamoDB promises and no more: single rows put under a condition, up to 100 of
// them put all or nothing, consistent reads of rows and partitions, and eventually consistent
// sparse indexes of keys. There is no unconditional write, no counter, no filter and no join. The
// journal, the read models, the leases, the checkpoints and the quarantine all live on this one
// verb, the conditional put.
//
// A nil error means durable. An error that is none of the package's own leaves the outcome of a
// write unknown.
//
// Adapters: pebbletable (the embedded engine), dynamotable (DynamoDB). The suite that every adapter
// passes, and that holds each sentence of the contract, is tabletest. What the rows mean is said by
// the packages that own them; next on the walk is journal.
package table
