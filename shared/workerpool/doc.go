// Package workerpool runs short jobs on goroutines that stay.
//
// A new goroutine begins with a small stack, and a job that commits or folds an entry grows it
// several times before it is done; at tens of thousands of jobs a second that copying was a tenth
// of the work. A pool hands a job to a goroutine that has done one before, and begins a new one
// only when all are busy.
//
// It promises that Go never waits and that a job begins at once. It bounds how many goroutines wait
// for work, not how many work: bounds on work are the callers'. The journal runs its lanes on one,
// each shard of a projection its accounts.
package workerpool
