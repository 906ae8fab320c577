// Package importer books the lines of a file: accounts, opening balances, credits, withdrawals and
// limits, from CSV or NDJSON, through the API of a bank.
//
// It promises that a line is booked once, however often its file is imported: the key of a line
// follows from the name of the import and what the line says, and what was booked under that name
// before, at any time, is found by its correlation id. Nothing is booked before the whole file was
// read and rehearsed by the bank, and the rehearsal names every line with a fault, its field and
// what to do. Amounts are exact. A column with balances is compared with the bank's after each
// line.
//
// It does not promise all or nothing: a line that the bank refuses, although its rehearsal was
// right, is reported, and the lines after it are booked.
//
// Walk: Command.Run -> source.rows -> parser.parse -> Import.survey -> Import.rehearse ->
// Import.book. Next on the walk: shared/client.
package importer
