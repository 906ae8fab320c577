// Package waiting wakes the readers that wait for an account's row to be written.
//
// It promises that a reader that subscribed before a write is woken by it. It knows of the writes
// of its process alone, so that readers also look again by themselves.
//
// Walk: Readers.Subscribe -> Readers.Wake. Next on the walk: shared/readmodel, whose Rows.Wait
// subscribes.
package waiting
