package consumer

import (
	"time"

	"passbook/shared/stream"
)

// clockMargin bounds how far the clocks of this machine and of the stream may be apart, and how
// long a record may take from its arrival until a reader finds it. AWS refuses requests of a clock
// that is 5 minutes off; a clock that follows NTP is off by less than a second.
const clockMargin = time.Minute

// afterCheckpoint returns the position at which to read on after a checkpoint.
func afterCheckpoint(checkpoint string) stream.Position {
	if checkpoint == "" {
		return stream.Position{Where: stream.TrimHorizon}
	}
	return stream.Position{Where: stream.AfterSequence, Sequence: checkpoint}
}

// sinceTime returns the position of what arrived after a time of this machine's clock.
func sinceTime(t time.Time) stream.Position {
	return stream.Position{Where: stream.AtTime, Time: t.Add(-clockMargin)}
}

// resumeNear returns another position to continue from when the record of a checkpoint was trimmed,
// if there is one that loses nothing. A shard that stays quiet for longer than the retention loses
// its newest record, and a stream may no longer know that it was the newest.
//
// At caughtUp the reader had read everything, up to the checkpoint. Records beyond the checkpoint
// could not be read then, so they arrived, by the stream's clock, after caughtUp less clockMargin.
// If the stream accepts that time as a position, it still has everything that arrived since:
// nothing beyond the checkpoint is lost, and all of it follows. If it does not, it answers
// ErrTrimmed again, and that is a hole. Records before the checkpoint were trimmed before the one
// of the checkpoint was, so nothing is read twice.
//
// A worker that was stopped for longer than the retention records a hole here although nothing may
// have arrived; there is no way to know.
func (l lease) resumeNear(trimmed stream.Position) (p stream.Position, ok bool) {
	return sinceTime(l.caughtUp), trimmed.Where == stream.AfterSequence && !l.caughtUp.IsZero()
}
