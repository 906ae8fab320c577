// Package faults decorates the ports with what AWS does and the embedded engine does not: it loses
// answers, refuses for load, shows an index late, and sends a bill. It is for tests only; programs
// do not import it.
//
// There are three kinds of decorators.
//
//   - Table fails the writes that a Rule matches, before they reach the store or after it, which is
//     what a lost answer looks like. It can also freeze an index and skew the store's clock.
//   - Stream fails calls and records at random, by Chances and a seed.
//   - LimitedTables and LimitedStreams are stores as all processes share them, with the limits that
//     AWS has for each partition key, index key and shard. A Client is one process: its round trip,
//     its connection, which can break or stall, and its Meter. It gives out the ports that the
//     process uses. Prices turn what was counted into dollars.
//
// A fault or a limit that never fired has tested nothing. Each one is counted, and tests check the
// count. All time is time.Now and timers, so that in a testing/synctest bubble a test of minutes is
// deterministic and takes none.
//
// Every decorator keeps the contract of its port and passes its suite. Not imitated are what AWS
// does on good days only (burst credits of minutes, adaptive capacity, splits for heat) and the
// conflict of two transactions, which a Rule can give. LimitedStreams has no stream.Notifier,
// because Kinesis wakes nobody; Stream has one.
//
// Walk: Table.Put -> Rule; Stream.Put; Client.Table -> clientTable.Put -> LimitedTables.write;
// Prices.Of.
package faults
