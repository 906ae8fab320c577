package consumer

import (
	"time"

	"passbook/shared/stream"
)

// clockMargin is how far this machine's clock and the stream's may be apart, and how long a record
// may take from its arrival to where a reader finds it. AWS refuses requests of a clock that is 5
// minutes off; one that is NTP's is off by less than a second.
const clockMargin = time.Minute

// at is where to start reading after a checkpoint.
func at(checkpoint string) stream.Position {
	if checkpoint == "" {
		return stream.Position{Where: stream.TrimHorizon}
	}
	return stream.Position{Where: stream.AfterSequence, Sequence: checkpoint}
}

// since is where to start reading what arrived after a time of this machine's clock.
func since(t time.Time) stream.Position {
	return stream.Position{Where: stream.AtTime, Time: t.Add(-clockMargin)}
}

// around is another position to go on from when the record of a checkpoint was trimmed, if there is
// one that loses nothing. A shard that stays quiet for longer than the retention loses its newest
// record, and a stream may not know any more that it was the newest.
//
// The lease says when its reader had caught up: the read began at caughtUp, nothing was left behind
// it, and all it had read was at or before the checkpoint. So what lies beyond the checkpoint was
// not there to be read at caughtUp, and arrived, by the stream's clock, after caughtUp less
// clockMargin. If the stream takes that time as a position, it has everything that arrived since:
// nothing beyond the checkpoint is lost, and all of it follows. If it does not, that is ErrTrimmed
// again, and a hole. What lies before the checkpoint was trimmed before the checkpoint was, so
// nothing is read twice.
//
// A worker that stopped for longer than the retention gets a hole here although nothing may have
// arrived; nobody could tell.
func (l lease) around(trimmed stream.Position) (p stream.Position, ok bool) {
	return since(l.caughtUp), trimmed.Where == stream.AfterSequence && !l.caughtUp.IsZero()
}
