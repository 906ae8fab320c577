// Package strict wraps the ports so that they refuse what AWS refuses and count what AWS bills, for
// tests: emulators and the embedded engine do neither.
//
// Tables and Streams are the stores as all processes share them: their limits are per partition
// key, per index key and per shard, whoever calls. A Client is one process: its round trip, its
// line, which can be cut or held, and its Meter. From a Client come the adapters that the process
// is given. Limits are AWS's own unless a test scales them; a limit that never fired has tested
// nothing, so throttled calls are counted too. Prices make dollars of what was counted.
//
// All time is time.Now and timers, so that in a testing/synctest bubble a test of minutes is
// deterministic and takes none.
//
// It promises the contract of each port, and passes its suite. It leaves out what AWS does on good
// days only: burst credits of minutes, adaptive capacity, splits for heat; and the
// TransactionConflict of a real transaction, which package fault gives. No stream of this package
// is a stream.Notifier, because Kinesis wakes nobody; a test that wants one embeds both in a
// struct.
//
// It is used by tests only. Walk: Client.Table -> Table.Put -> Tables.write; Client.Stream; then
// Prices.
package strict
