// Package progress counts how far a long job is: its phase, the units done and to do, the rate and
// the time left.
//
// A job gets a Tracker and counts into it; the HTTP route of jobs and the terminal take Snapshots
// of the same Tracker. A Tracker draws nothing and starts no goroutine. Next on the walk: replay.
package progress
