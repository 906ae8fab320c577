// Package throttle repeats calls to a table that refused them because it was busy.
//
// It promises that a call is repeated only where nothing was done: after a throttle, or after a
// conflict of transactions. It gives up after Most. Services have other ways to wait. Next on the
// walk: jobs.
package throttle
