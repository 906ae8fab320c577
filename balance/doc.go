// Package balance is the read model of what accounts stand at, and the service that answers for it.
//
// A row holds the account's whole state, folded by the same Fold that decides commands, with the
// version and entry hash that it is at. Its columns (posted, held, limit, available, status) are
// native, for a person or a query; the state is what the program reads. Rows are written by a
// Projector, which follows the stream, and read through a Store, which can wait for a version. Two
// indexes lie on the rows: holders, by which a holder's accounts are listed, and due, from which
// withdraw's sweeper learns what expires.
//
// It promises that a row is at one version, exactly as the journal has it, and that a reader never
// sees an account's version go back. It leaves the past (as of a time or version, statements,
// events) to the journal, and the version rule, quarantine and generations to package consumer.
//
// Walk: Projector.Run -> readmodel.Follow -> Fold -> the row; then Store.Get.
package balance
