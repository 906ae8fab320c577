// Package eventtable makes a table of the archive's events: one row an event, in files that are
// sorted by tenant, account and version, for SQL engines to read instead of the segments.
//
// It is a read model with the version rule. An account's entry is added if its first version is the
// one after the account's last in the table and its prev is the hash of that one. What is older is
// compared, and is a repeat or a fork. What does not follow waits: its segment is read again by
// every later run, and the account is named until those before it have come. So no event is in the
// table twice, and none is passed over, whatever the order in which segments have them.
//
// A run adds the segments that no earlier one has read, in parts that fit in memory, and commits
// each part as one snapshot, which says how far every source was read. A crash leaves files that no
// snapshot has, and nothing else: the next run continues from the newest snapshot. Of two runs at
// once, the one that commits later fails. Rounds do runs again and again, in one of several
// processes.
//
// Merge replaces small files by larger ones with the same rows, so that a table that grows every
// few minutes does not become slow to read.
//
// It knows no table format: package iceberg below it is one. Walk: Rounds -> Run -> batch.read ->
// mark.follow -> writeFiles -> Table.Append. Next on the walk: iceberg.
package eventtable
