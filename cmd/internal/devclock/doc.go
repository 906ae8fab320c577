// Package devclock is a clock that a test can move, for banks that are for development: holds and
// limits expire, keys are forgotten and days pass when the test says so.
//
// It promises that the clock only goes forward, as the times of an account's entries must; that it
// is as far ahead after a restart as before, however the process ended; and that a directory whose
// entries may be from the future is marked, so that a bank without such a clock refuses it. What
// decides goes by it: commands, value dates, the expiry of holds and limits, the age of keys and
// which past a read may ask for. Deadlines, pauses and leases go by the machine's clock.
//
// It does not promise anything for a bank that others use: it is for one without credentials, on a
// data directory that it made itself.
//
// Walk: Open -> Clock.Mark -> Clock.Move -> Clock.Now; Clock.Routes. Next on the walk: journal.
package devclock
