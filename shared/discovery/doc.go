// Package discovery says which processes of a bank's services run, and where they are reached.
//
// Each process keeps a row in the control table by a Heartbeat. A Directory promises to name only
// processes that have the bank's data key, so that who may merely write to the table cannot have
// callers' credentials sent elsewhere; rows that were read and are put again name a process that
// ended for Stale and a ClockMargin at most. It calls one silent whose heart has not beaten for
// Silence, or whose clock is further off. A process that ends in order is not named any more, one
// that died for at least Forgotten, and at most MaxProcesses are. It does not promise that a
// process answers: only a call finds that out.
//
// Walk: Heartbeat.Run -> Process.attrs -> Directory.Run -> Directory.Of. Next on the walk: monitor.
package discovery
