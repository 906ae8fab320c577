// Package scenario has the loads that bench can drive a server with, and the comparison of two
// servers under one of them.
//
// It promises that contenders are measured in turns, in another order each round, so that what else
// the machine does falls on all of them, and that the processor time of a command has that of its
// read models: it is taken until they have caught up. Throughput depends on the machine and on what
// else it does; processor time hardly does. It judges no target. Walk: Spread.Run -> contest.run ->
// contest.round. Next on the walk: cmd/bench/driver.
package scenario
