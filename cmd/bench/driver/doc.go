// Package driver starts a bank as a separate process, sends it a load over loopback and measures
// what it answers and what it costs.
//
// It promises that an open loop counts a latency from the time when the command was due, so that a
// stall shows in every command that it delayed, and that the processor time of the bank and of the
// driver are told apart. The connection is written by hand, since a general client costs as much
// processor time as the server that it would measure, on the same cores. It knows no scenario.
// Walk: Start -> Dial -> Loop.Run. Next on the walk: cmd/bench/scenario.
package driver
