// Package discovery says which processes of a bank's services run, and where they are reached.
//
// Each process keeps a row in the control table by a Heartbeat. It promises that a Directory names
// a process only if that process has the bank's data key and was alive within Silence, so that who
// may merely write to the table cannot have callers' credentials sent elsewhere; that a process
// which ends in order is gone at once, and the row of one that did not within Forgotten; and that
// at most MaxProcesses are named. It does not promise that a process answers: only a call finds
// that out.
//
// Walk: Heartbeat.Run -> Process.attrs -> Directory.Run -> Directory.Of. Next on the walk: monitor.
package discovery
