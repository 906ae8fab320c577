// Package balance is the read model of the accounts' balances, and the service that answers queries
// from it.
//
// A row has the account's whole state, folded by the same Fold that decides commands, with the
// version and entry hash that it is at. Its columns (posted, held, limit, available, status) are
// for people and queries; the program reads the state. A Projector follows the stream and writes
// the rows, and a Store reads them and can wait for a version. The rows have two indexes: holders,
// by which a holder's accounts are listed, and due, from which withdraw's sweeper learns what
// expires.
//
// A row is at one version, exactly as the journal has it, and a reader never sees an account's
// version go back. The past (as of a time or a version, statements, events) comes from the journal;
// the version rule, quarantine and generations from package readmodel.
//
// Walk: readmodel.Projector.Run -> Fold -> readmodel.Rows.Get -> Store.List. Next on the walk:
// creditlimit.
package balance
