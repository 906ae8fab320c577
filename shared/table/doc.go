// Package table is the port to a store of rows: DynamoDB on AWS, Pebble on one machine.
//
// It promises what DynamoDB promises and no more: rows put under a condition each, one or many in a
// call, up to 100 of them put all or nothing, consistent reads of rows and partitions, and
// eventually consistent sparse indexes of keys. There is no unconditional write (of Once the caller
// vouches for the condition), no counter, no filter and no join. The journal, the read models, the
// leases, the checkpoints and the quarantine all live on one verb, the conditional put.
//
// A nil error means durable. An error that is none of the package's own leaves the outcome of a
// write unknown.
//
// Adapters: pebbletable (the embedded engine), dynamotable (DynamoDB). Every adapter passes the
// suite tabletest, which checks each sentence of the contract. Rows and ScanRows read all pages of
// a query or a scan; PutApart makes a PutEach of single puts; Map and Reader read attributes. The
// packages that own the rows define what they mean.
//
// Next on the walk: journal.
package table
